"""How an experiment is doing: one query, its statistics, the recorded look, the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.errors import ConflictError, NotFoundError
from neonblue.intelligence.adaptive_effects import (
    NOTE,
    SEGMENTS_WITHHELD,
    adapted,
    adaptive_effects,
    readable,
)
from neonblue.intelligence.decision import (
    Standing,
    as_decision,
    decide,
    dropped_guardrails,
    evidence_of,
    progress_of,
    with_adjusted,
)
from neonblue.intelligence.effect_by_days import effects_by_days
from neonblue.intelligence.effect_change import (
    changes_in_looks,
    fading_after_moves,
    fading_winners,
)
from neonblue.intelligence.effects import metric_effects
from neonblue.intelligence.evidence import (
    Analysis,
    Decision,
    MetricEffects,
    Reason,
    RecordedLook,
    SegmentBreakdown,
    Validity,
)
from neonblue.intelligence.look_gate import OpenLook, open_look, record_look
from neonblue.intelligence.outcomes import remember
from neonblue.intelligence.priors import Prior, lift_priors
from neonblue.intelligence.quantile_effects import quantile_effects
from neonblue.intelligence.recorded_verdict import record_verdict
from neonblue.intelligence.segments import break_down, without
from neonblue.intelligence.summaries import Summaries, read_summaries
from neonblue.intelligence.terms import Key, Terms
from neonblue.intelligence.validity_in_store import validity_of
from neonblue.intelligence.vanished_events import vanished
from neonblue.intelligence.vanished_events import without as without_measurement
from neonblue.intelligence.weight_periods import AdaptedUnits
from neonblue.models import Experiment
from neonblue.models.lifecycle import FINISHED_STATUSES
from neonblue.stats.sequential_time import UnitInformation
from neonblue.stats.verdict_evidence import Verdict
from neonblue.stores.reading_once import reads_once

if TYPE_CHECKING:
    from neonblue.stores import Store

ASK_A_SERVER_THAT_RECORDS = (
    "decide nothing from this answer: ask a server that records "
    "(`neonblue call analyze_experiment_performance`), its verdict counts"
)
INVALID = "the experiment is invalid; see validity and call diagnose_experiment"


@reads_once
def analyze(
    store: Store,
    experiment_id: str,
    *,
    now: datetime,
    segment_by: str | None = None,
    by_days: bool = False,
    actor: str = "",
    asked: Sequence[str] | None = None,
) -> Analysis:
    """Everything about one experiment as of ``now`` (UTC); the look is recorded.

    All metrics are always analysed: what a caller wishes to see must not change the verdict.
    ``by_days`` adds the effects by days since first exposure, at the cost of a second scan.
    Raises ``NotFoundError`` for an unknown experiment, segment or metric that was ``asked`` for,
    ``ConflictError`` for a draft.
    """
    planned = store.experiments.get(experiment_id)
    refuse_unknown(planned, asked)
    planned = _started(planned)
    summaries = read_summaries(store, planned)
    validity = validity_of(store, planned, summaries, now=now)
    if (moved := adapted(store, planned, validity)) is not None:
        validity = readable(validity)
    opened = open_look(store, planned, summaries)
    experiment, look = opened.experiment, opened.look
    priors = lift_priors(store, experiment)
    standing = _standing(opened, summaries, now)
    terms = terms_of(opened, summaries, priors, now=now)
    withheld = INVALID if validity.failed else look.withheld
    metrics = _metrics(store, experiment, summaries, withheld, terms, moved)
    verdict = _verdict(store, standing, validity, metrics, summaries, opened, terms, moved=moved)
    metrics = with_adjusted(metrics, verdict)
    mixed = withheld or (SEGMENTS_WITHHELD if moved is not None else "")
    segments = _segments(store, experiment, segment_by, mixed, (terms, look))
    record_look(store, opened, metrics, now=now, actor=actor)
    analysis = Analysis(
        experiment=experiment,
        as_of=now,
        decision=_with_registered(_decision(verdict, validity, experiment, look), opened.reasons),
        validity=validity,
        look=look,
        metrics=metrics,
        segments=segments,
        by_days=effects_by_days(store, experiment, summaries, terms, now=now)
        if by_days and not mixed
        else (),
        notes=(
            *([] if moved is None else [NOTE]),
            *(reason.detail for reason in opened.reasons),
        ),
        prior_notes=_notes(priors),
        units_per_day=progress_of(standing).units_per_day,
        terms=terms,
        last_event_at=summaries.last_event_at,
    )
    record_verdict(store, analysis)
    remember(store, analysis)
    return analysis


def refuse_unknown(experiment: Experiment, names: Sequence[str] | None) -> None:
    """``NotFoundError`` for a metric that the experiment does not have."""
    known = [metric.name for metric in experiment.metrics]
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise NotFoundError(
            f"experiment {experiment.experiment_id!r} has no metric {unknown[0]!r}: "
            f"it has {', '.join(known)}"
        )


def _verdict(
    store: Store,
    standing: Standing,
    validity: Validity,
    metrics: tuple[MetricEffects, ...],
    summaries: Summaries,
    opened: OpenLook,
    terms: Terms,
    *,
    moved: AdaptedUnits | None,
) -> Verdict:
    """The verdict; before anything ships, guardrails have to be measured and late units show it.

    With ``moved`` weights looks are not compared, since their averages are over other days; early
    and late batches are.
    """
    plan = standing.experiment
    evidence = evidence_of(plan, metrics, fixed=opened.look.fixed_horizon_decides)
    evidence += dropped_guardrails(plan, opened.guardrails_gone)
    if validity.failed:
        return decide(standing, validity, evidence)
    changes = {} if moved else changes_in_looks(store, plan, evidence, progress_of(standing))
    verdict = decide(standing, validity, evidence, changes=changes)
    if verdict.decision != "ship":
        return verdict
    if missing := vanished(store, plan, summaries):
        evidence = without_measurement(evidence, missing)
        verdict = decide(standing, validity, evidence, changes=changes)
        if verdict.decision != "ship":
            return verdict
    if moved is not None:
        faded = fading_after_moves(plan, verdict, moved, terms)
    else:
        faded = fading_winners(
            store,
            plan,
            verdict,
            terms,
            evidence=evidence,
            progress=progress_of(standing),
            as_of=standing.now,
        )
    return decide(standing, validity, evidence, changes=changes | faded) if faded else verdict


def terms_of(
    opened: OpenLook, summaries: Summaries, priors: Mapping[str, Prior], *, now: datetime
) -> Terms:
    """What holds for every comparison of this analysis as of ``now`` (UTC)."""
    information, standing = opened.state.information, _standing(opened, summaries, now)
    return Terms(
        planned_units=opened.horizon,
        show_fixed_horizon=opened.look.fixed_horizon_shown,
        least_p=opened.state.least_p,
        priors=priors,
        nonnegative=frozenset(
            m.name for m in opened.experiment.metrics if summaries.nonnegative(m)
        ),
        first=_read(information.first),
        settled=_read(information.settled),
        first_at=information.first_at,
        early=frozenset(m.name for m in opened.experiment.metrics if standing.early(m)),
        units_ended=summaries.units_ended(now),
    )


def _read(readings: Mapping[Key, tuple[float, float, bool]]) -> dict[Key, UnitInformation]:
    return {
        key: UnitInformation(n=n, information=information, units_ended=ended)
        for key, (n, information, ended) in readings.items()
    }


def _standing(opened: OpenLook, summaries: Summaries, now: datetime) -> Standing:
    return Standing(
        experiment=opened.experiment,
        units=opened.look.units,
        horizon=opened.horizon,
        started_at=opened.experiment.started_at or summaries.first_exposure_at,
        last_event_at=summaries.last_event_at,
        now=now,
        without_units=tuple(
            variant.variant_id
            for variant, units in zip(opened.experiment.variants, summaries.units, strict=True)
            if units == 0 and variant.weight > 0 and not variant.is_control
        ),
    )


def _decision(
    verdict: Verdict, validity: Validity, experiment: Experiment, look: RecordedLook
) -> Decision:
    """The verdict; none of an ended experiment whose deciding look a read-only server cannot make.

    What the sequence says of it is weaker, and must not be taken for what was found.
    """
    why = look.withheld or look.held_back
    if validity.failed or not why or experiment.status not in FINISHED_STATUSES:
        return as_decision(verdict)
    return Decision(
        decision="review",
        variant=None,
        eta_days=None,
        reasons=(Reason(code="read_only", detail=why),),
        next_step=ASK_A_SERVER_THAT_RECORDS,
    )


def _with_registered(decision: Decision, reasons: tuple[Reason, ...]) -> Decision:
    """The decision with what the first reading changed among its reasons."""
    return replace(decision, reasons=(*decision.reasons, *reasons))


def _started(experiment: Experiment) -> Experiment:
    if experiment.status == "draft":
        raise ConflictError(
            f"experiment {experiment.experiment_id!r} is a draft and has no results: "
            "set its status to running where it is defined"
        )
    return experiment


def _metrics(
    store: Store,
    experiment: Experiment,
    summaries: Summaries,
    withheld: str,
    terms: Terms,
    moved: AdaptedUnits | None,
) -> tuple[MetricEffects, ...]:
    """Every metric's effects; none at all where ``withheld`` says why."""
    if withheld:
        return tuple(
            MetricEffects(definition=metric, status="withheld", detail=withheld)
            for metric in experiment.metrics
        )
    if moved is not None:
        return tuple(
            adaptive_effects(experiment, metric, moved, summaries, terms)
            for metric in experiment.metrics
        )
    return tuple(
        quantile_effects(store, experiment, metric, summaries, terms)
        if metric.kind == "quantile"
        else metric_effects(experiment, metric, summaries, terms)
        for metric in experiment.metrics
    )


def _segments(
    store: Store,
    experiment: Experiment,
    segment_by: str | None,
    withheld: str,
    stand_and_terms: tuple[Terms, RecordedLook],
) -> SegmentBreakdown | None:
    if segment_by is None:
        return None
    if withheld:
        return without(segment_by, withheld, "withheld")
    terms, look = stand_and_terms
    return break_down(store, experiment, segment_by, terms, fixed=look.fixed_horizon_decides)


def _notes(priors: Mapping[str, Prior]) -> tuple[str, ...]:
    """Where the priors come from, once for all metrics that share one."""
    metrics: dict[tuple[str, float], list[str]] = {}
    for name, prior in priors.items():
        metrics.setdefault((prior.origin, prior.lifts.typical_size), []).append(name)
    return tuple(
        f"chance_to_win, expected_loss and shrunk lifts of {', '.join(names)} rest on a prior from "
        f"{origin}: half of all lifts are expected to be smaller than {size:.1%}"
        for (origin, size), names in metrics.items()
    )
