"""The answers of personalisation and of segment discovery."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import Field

from neonblue.behavior.personalisation import Choice, Policy
from neonblue.behavior.policy_evaluation import PolicyValue
from neonblue.tools.results.figure import Answer, Fenced, Figure

if TYPE_CHECKING:
    from neonblue.behavior.discovery import Effect, FoundSegment
    from neonblue.intelligence.segment_discovery import ExperimentSegments
    from neonblue.intelligence.segment_memory import Remembered


MOST_WITHDRAWN = 20
MOST_LEFT_OUT = 40


class ValueRow(Answer):
    """A mean of the metric a unit, with its 95 % interval; ``effective_sample_size`` in units."""

    name: str
    value: Figure
    ci_lower: Figure
    ci_upper: Figure
    effective_sample_size: Figure


class ChoiceRow(Answer):
    """The variant for the user: the model's expectation and the value among units alike."""

    variant: str
    expected: dict[str, Figure]
    value: Figure | None
    ci_lower: Figure | None
    ci_upper: Figure | None
    basis: str


class Personalisation(Answer):
    """Whether to personalise, and the variant for the user; ``gain`` is over the best variant.

    ``choosing`` says whether choosing by user pays: pays, does_not_pay (a gain of ``matters``, on
    the metric's scale, would have been seen) or not_known.
    """

    experiment_id: str
    user: str
    metric: str
    answer: str
    detail: str
    choice: ChoiceRow | None
    units: int
    gain: Figure | None
    gain_ci_lower: Figure | None
    gain_ci_upper: Figure | None
    choosing: str
    matters: Figure | None
    qini: ValueRow | None
    values: list[ValueRow]
    warnings: list[str]


class EffectRow(Answer):
    """A difference treatment minus control, on the metric's scale, with its 95 % interval.

    ``relative_lift`` is it over the control's mean, a fraction; None for differences of effects.
    """

    n: int
    absolute_difference: Figure
    relative_lift: Figure | None
    ci_lower: Figure
    ci_upper: Figure


class SegmentRow(Answer):
    """A segment against its rest; the half of the units that did not choose it measured it.

    ``difference_earlier`` and ``difference_later`` are of that half's exposures in time;
    ``stable_over_time`` is true when both show the difference, false when they differ from each
    other, null when that is not known. ``relative_p_value`` asks whether the lifts differ too.
    """

    description: Fenced
    share: Figure
    confirmed: bool
    stable_over_time: bool | None
    difference_earlier: Figure | None
    difference_later: Figure | None
    effect: EffectRow
    effect_of_rest: EffectRow
    difference: EffectRow
    adjusted_p_value: Figure
    relative_p_value: Figure | None


class LeftOutRow(Answer):
    """A property, or some of its values, that was not looked at."""

    property_name: Fenced
    what: Fenced
    detail: str = Field(validation_alias="why")


class ExperimentSegmentRows(Answer):
    """The segments of one treatment; ``parts_compared`` were looked at, ``not_looked_at`` not."""

    experiment_id: str
    treatment: str
    control: str
    metric: str
    units: int
    parts_compared: int
    candidates_tested: int
    segments: list[SegmentRow]
    not_looked_at: list[LeftOutRow]
    withheld: str


class WithdrawnRow(Answer):
    """A segment that an earlier search confirmed and this one does not."""

    experiment_id: str
    description: Fenced
    confirmed_at: datetime
    evidence: str


class SegmentAnswer(Answer):
    """Segments by experiment; the false-discovery rate of 5 % is held over all tests together."""

    status: str
    confirmed: int
    remembered: int
    detail: str
    no_longer_confirmed: list[WithdrawnRow]
    experiments: list[ExperimentSegmentRows]


def personalisation_answer(
    experiment_id: str, user: str, policy: Policy, choice: Choice | None, sign: float
) -> Personalisation:
    """A policy and its choice as an answer; ``sign`` is -1 where less is better."""
    values = [(one.variant_id, one.value) for one in policy.variants]
    if policy.personalised is not None:
        values.append(("personalised", policy.personalised))
    if policy.personalised_ipw is not None:
        values.append(("personalised, without a model (IPW)", policy.personalised_ipw))
    return Personalisation(
        experiment_id=experiment_id,
        user=user,
        metric=policy.metric,
        answer=policy.answer,
        detail=policy.reason,
        choice=_choice(choice),
        units=policy.units,
        gain=policy.gain,
        gain_ci_lower=policy.gain_ci_lower,
        gain_ci_upper=policy.gain_ci_upper,
        choosing=policy.choosing,
        matters=policy.matters,
        qini=_qini(policy),
        values=[_value(name, value, sign) for name, value in values],
        warnings=sorted({value.warning for _, value in values if value.warning}),
    )


def _choice(choice: Choice | None) -> ChoiceRow | None:
    if choice is None:
        return None
    return ChoiceRow(
        variant=choice.variant_id,
        expected=dict(choice.expected),
        value=choice.value,
        ci_lower=choice.ci_lower,
        ci_upper=choice.ci_upper,
        basis="user" if choice.known else "population",
    )


def _value(name: str, value: PolicyValue, sign: float) -> ValueRow:
    low, high = sorted((sign * value.ci_lower, sign * value.ci_upper))
    return ValueRow(
        name=name,
        value=sign * value.value,
        ci_lower=low,
        ci_upper=high,
        effective_sample_size=value.effective_sample_size,
    )


def _qini(policy: Policy) -> ValueRow | None:
    if policy.sorting is None:
        return None
    return ValueRow(
        name="qini",
        value=policy.sorting.value,
        ci_lower=policy.sorting.ci_lower,
        ci_upper=policy.sorting.ci_upper,
        effective_sample_size=policy.sorting.n,
    )


def segment_answer(
    found: Sequence[ExperimentSegments], remembered: Remembered, limit: int
) -> SegmentAnswer:
    """What was found, the confirmed segments first."""
    confirmed = sum(segment.confirmed for one in found for segment in one.segments)
    tested = sum(len(one.segments) for one in found)
    withheld = [one for one in found if one.withheld]
    return SegmentAnswer(
        status="ok" if tested else "withheld" if withheld else "insufficient_data",
        confirmed=confirmed,
        remembered=remembered.written,
        detail=_note(tested, confirmed, [one.experiment_id for one in withheld]),
        no_longer_confirmed=[
            WithdrawnRow.model_validate(one) for one in remembered.withdrawn[:MOST_WITHDRAWN]
        ],
        experiments=[
            ExperimentSegmentRows(
                experiment_id=one.experiment_id,
                treatment=one.treatment,
                control=one.control,
                metric=one.metric,
                units=one.units,
                parts_compared=one.compared,
                candidates_tested=len(one.segments),
                segments=[_segment(segment) for segment in one.segments[:limit]],
                not_looked_at=[
                    LeftOutRow.model_validate(left) for left in one.left_out[:MOST_LEFT_OUT]
                ],
                withheld=one.withheld,
            )
            for one in found
        ],
    )


def _note(tested: int, confirmed: int, withheld: Sequence[str]) -> str:
    parts = []
    if withheld:
        parts.append(
            f"nothing is said of {len(withheld)} experiments, see withheld; what was remembered of "
            "their segments is marked as no longer confirmed"
        )
    if not tested and not withheld:
        parts.append(
            "no segment is large enough to test: more units, or properties with the exposures, help"
        )
    if tested and not confirmed:
        parts.append("no difference between segments was confirmed")
    return "; ".join(parts)


def _segment(one: FoundSegment) -> SegmentRow:
    return SegmentRow(
        description=one.description,
        share=one.share,
        confirmed=one.confirmed,
        stable_over_time=one.stable,
        difference_earlier=one.earlier,
        difference_later=one.later,
        effect=_effect(one.effect),
        effect_of_rest=_effect(one.effect_of_rest),
        difference=_effect(one.difference),
        adjusted_p_value=one.adjusted_p_value,
        relative_p_value=one.relative_p_value,
    )


def _effect(one: Effect) -> EffectRow:
    return EffectRow(
        n=one.n,
        absolute_difference=one.absolute_difference,
        relative_lift=one.relative_lift,
        ci_lower=one.ci_lower,
        ci_upper=one.ci_upper,
    )
