"""Which variant suits a user, from randomised units only, and whether choosing one pays at all.

Expected outcomes a variant are cross-fitted (``uplift``); the policy "each unit its best variant"
is compared with the best single variant by doubly robust values on the same units, so their
difference has a paired interval. Two questions are answered apart, each with "not known" among its
answers: does choosing pay, and is one variant best for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from neonblue.behavior.encoding import Encoding, fit_encoding
from neonblue.behavior.policy_evaluation import (
    MIN_EFFECTIVE,
    LoggedOutcomes,
    PolicyValue,
    evaluate_policy,
)
from neonblue.behavior.qini import Qini, qini
from neonblue.behavior.uplift import OutcomeModel, cross_fitted, fit_outcome
from neonblue.errors import InvalidInputError
from neonblue.models import Experiment, MetricDefinition
from neonblue.stats.property_balance import unbalanced_properties
from neonblue.stats.srm import srm_test
from neonblue.stores.unit_rows import UnitRows

Float = NDArray[np.float64]
MOST_UNITS = 100_000
MIN_A_VARIANT = 200
MAX_SRM_P = 0.001

MIN_THAT_MATTERS = 0.02
"""Of the control's mean, where the metric has no ``mde``."""
SEEN = 2.8
"""Standard errors of a gain that is found with a power of 80 % at 5 %."""
ALPHA = 0.05

Answer = Literal["personalise", "everybody", "no_difference", "not_known", "insufficient_data"]
Choosing = Literal["pays", "does_not_pay", "not_known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantValue:
    """A variant's value if everybody got it."""

    variant_id: str
    value: PolicyValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the randomised units say about personalising an experiment's metric.

    ``answer``: ``personalise``; ``everybody`` gets ``best_variant``, which is shown to be best (a
    treatment that beats the control, or the control, than which no treatment is better by
    ``matters``); ``no_difference``: no treatment is better or worse than the control by
    ``matters``; ``not_known``; or too little data, see ``reason``. Where nothing is shown
    ``best_variant`` is the control. ``choosing`` says whether choosing for each unit pays;
    ``does_not_pay`` only where a gain of ``matters`` would have been seen. ``gain`` is of
    personalising over the best single variant. All on the metric's scale.
    """

    answer: Answer
    reason: str
    metric: str
    units: int
    best_variant: str
    variants: tuple[VariantValue, ...] = ()
    personalised: PolicyValue | None = None
    personalised_ipw: PolicyValue | None = None
    gain: float | None = None
    gain_ci_lower: float | None = None
    gain_ci_upper: float | None = None
    choosing: Choosing = "not_known"
    matters: float | None = None
    sorting: Qini | None = None
    encoding: Encoding | None = None
    models: tuple[OutcomeModel, ...] = ()
    policy_values: Mapping[str, tuple[float, float, float, int]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Randomised units: encoded properties, variant (from 0), outcome."""

    rows: Float
    variant: NDArray[np.int64]
    outcome: Float


def learn_policy(unit_rows: UnitRows, experiment: Experiment, metric: MetricDefinition) -> Policy:
    """Learn from at most 100,000 units of an experiment."""
    table = unit_rows.read(experiment, metric, limit=MOST_UNITS)
    properties = [dict(pairs) for pairs in table["properties"].to_pylist()]
    variant = np.asarray(table["variant_index"], dtype=np.int64)
    unusable = unbalanced_properties(properties, variant, len(experiment.variants))
    if unusable:
        properties = [
            {name: value for name, value in one.items() if name not in unusable}
            for one in properties
        ]
    encoding = fit_encoding(properties)
    sign = 1.0 if metric.direction == "increase" else -1.0
    units = Units(
        rows=encoding.encode(properties),
        variant=variant,
        outcome=sign * np.nan_to_num(np.asarray(table["outcome"], dtype=np.float64)),
    )
    names = [variant.variant_id for variant in experiment.variants]
    control = names.index(experiment.control.variant_id)
    weights = [variant.weight for variant in experiment.variants]
    policy = judge(
        units, names, control, metric.name, weights=weights, encoding=encoding, mde=metric.mde
    )
    left_out = "; ".join(f"{name!r} is not used: {why}" for name, why in unusable.items())
    return replace(policy, reason="; ".join(filter(None, (policy.reason, left_out))))


def judge(
    units: Units,
    names: Sequence[str],
    control: int,
    metric: str,
    *,
    weights: Sequence[float] | None = None,
    encoding: Encoding | None = None,
    mde: float | None = None,
) -> Policy:
    """The policy of units whose larger outcomes are better; ``weights`` is the planned split.

    ``mde`` is the least relative difference that matters, 2 % by default.
    """
    missing = _missing(units, names) or _not_randomised(units, weights)
    if missing:
        return _nothing_learnt(missing, units, names[control], metric)
    expected = cross_fitted(units.rows, units.outcome, units.variant, len(names))
    chosen = expected.argmax(axis=1)
    shares = np.bincount(units.variant, minlength=len(names)) / len(units.variant)
    values = [_value(units, expected, shares, np.full(len(chosen), i)) for i in range(len(names))]
    best = int(np.argmax([value.value for value in values]))
    gain, low, high = _difference(units, expected, shares, chosen, best)
    personalised = _value(units, expected, shares, chosen)
    if not personalised.may_rank:
        return _nothing_learnt(personalised.warning, units, names[control], metric)
    matters = (mde or MIN_THAT_MATTERS) * abs(values[control].value)
    lifts = _lifts(units, expected, shares, control)
    single = _single_best(lifts, control, matters)
    choosing = _choosing(low, high, matters, _visible_gain(units, expected, shares, best))
    sorting = _sorting(units, expected, best, control)
    reason = _reason(choosing, single, names, control, matters)
    return Policy(
        answer=_answer(choosing, single, control),
        reason=reason if choosing == "pays" else reason + _who_first(sorting),
        metric=metric,
        units=len(units.variant),
        best_variant=names[single.variant],
        choosing=choosing,
        matters=matters,
        variants=tuple(
            VariantValue(variant_id=name, value=value)
            for name, value in zip(names, values, strict=True)
        ),
        personalised=personalised,
        personalised_ipw=evaluate_policy(_logged(units, expected, shares, chosen), "ipw"),
        gain=gain,
        gain_ci_lower=low,
        gain_ci_upper=high,
        sorting=sorting,
        encoding=encoding,
        models=tuple(
            fit_outcome(units.rows[units.variant == i], units.outcome[units.variant == i])
            for i in range(len(names))
        ),
        policy_values=_values_by_choice(units, expected, shares, chosen, names),
    )


def _nothing_learnt(reason: str, units: Units, control: str, metric: str) -> Policy:
    return Policy(
        answer="insufficient_data",
        reason=reason,
        metric=metric,
        units=len(units.variant),
        best_variant=control,
    )


def nothing_learnt(reason: str, experiment: Experiment, metric: MetricDefinition) -> Policy:
    """The policy of an experiment from which nothing may be learnt."""
    return Policy(
        answer="insufficient_data",
        reason=reason,
        metric=metric.name,
        units=0,
        best_variant=experiment.control.variant_id,
    )


def _missing(units: Units, names: Sequence[str]) -> str:
    counts = np.bincount(units.variant, minlength=len(names))
    if counts.min() < MIN_A_VARIANT:
        few = names[int(counts.argmin())]
        return (
            f"{few!r} has {counts.min()} units and {MIN_A_VARIANT} a variant are needed: "
            "wait for more exposures"
        )
    if units.rows.shape[1] == 0:
        return (
            "the exposures carry no property that varies between units: send properties such as "
            "device, plan or country with the exposure events"
        )
    return ""


def _not_randomised(units: Units, weights: Sequence[float] | None) -> str:
    if weights is None:
        return ""
    counts = np.bincount(units.variant, minlength=len(weights))
    p_value = srm_test(counts, weights).p_value
    if p_value >= MAX_SRM_P:
        return ""
    return (
        f"the split {counts.tolist()} is not the planned one (p = {p_value:.1e}), so the units are "
        "not randomised: diagnose_experiment says where it broke"
    )


def _logged(units: Units, expected: Float, shares: Float, action: NDArray[np.int64]) -> Any:
    rows = np.arange(len(action))
    return LoggedOutcomes(
        reward=units.outcome,
        propensity=shares[units.variant],
        target_probability=(units.variant == action).astype(np.float64),
        predicted=expected[rows, units.variant],
        predicted_policy=expected[rows, action],
    )


def _value(units: Units, expected: Float, shares: Float, action: NDArray[np.int64]) -> PolicyValue:
    return evaluate_policy(_logged(units, expected, shares, action), "dr")


def _contributions(
    units: Units, expected: Float, shares: Float, action: NDArray[np.int64]
) -> Float:
    rows = np.arange(len(action))
    weight = (units.variant == action) / shares[units.variant]
    residual = units.outcome - expected[rows, units.variant]
    return np.asarray(expected[rows, action] + weight * residual)


def _difference(
    units: Units,
    expected: Float,
    shares: Float,
    action: NDArray[np.int64],
    other: int,
    *,
    critical: float = 1.96,
) -> tuple[float, float, float]:
    """The gain of a policy over one variant for all, with its paired interval, 95 % by default."""
    everybody = np.full(len(action), other)
    gains = _contributions(units, expected, shares, action) - _contributions(
        units, expected, shares, everybody
    )
    mean, half = float(gains.mean()), critical * float(gains.std(ddof=1)) / np.sqrt(len(gains))
    return mean, float(mean - half), float(mean + half)


Interval = tuple[float, float]


def _lifts(units: Units, expected: Float, shares: Float, control: int) -> dict[int, Interval]:
    """Each treatment for all against the control for all; all intervals hold at once."""
    treatments = [index for index in range(expected.shape[1]) if index != control]
    critical = -float(ndtri(ALPHA / 2.0 / len(treatments)))
    found = {}
    for index in treatments:
        everybody = np.full(len(units.variant), index)
        _, low, high = _difference(units, expected, shares, everybody, control, critical=critical)
        found[index] = (low, high)
    return found


def _visible_gain(units: Units, expected: Float, shares: Float, best: int) -> float:
    """The gain that would be found with a power of 80 % when half of the units change variant."""
    base = _contributions(units, expected, shares, np.full(len(units.variant), best))
    errors = []
    for index in range(expected.shape[1]):
        if index != best:
            other = _contributions(units, expected, shares, np.full(len(units.variant), index))
            errors.append(float((other - base).std(ddof=1)) / np.sqrt(2.0 * len(base)))
    return float(SEEN * max(errors))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Single:
    """Which variant is best for all, as far as that is shown."""

    answer: Answer
    variant: int


def _single_best(lifts: Mapping[int, Interval], control: int, matters: float) -> _Single:
    winners = [index for index, (low, _) in lifts.items() if low > 0.0]
    if winners:
        return _Single(answer="everybody", variant=max(winners, key=lambda i: lifts[i][0]))
    if all(high < matters for _, high in lifts.values()):
        same = all(low > -matters for low, _ in lifts.values())
        return _Single(answer="no_difference" if same else "everybody", variant=control)
    return _Single(answer="not_known", variant=control)


def _answer(choosing: Choosing, single: _Single, control: int) -> Answer:
    """The control for everybody is an answer only where choosing is known not to pay."""
    if choosing == "pays":
        return "personalise"
    return "not_known" if single.variant == control and choosing == "not_known" else single.answer


def _choosing(low: float, high: float, matters: float, visible: float) -> Choosing:
    if low > 0.0:
        return "pays"
    return "does_not_pay" if max(high, visible) < matters else "not_known"


def _reason(
    choosing: Choosing, single: _Single, names: Sequence[str], control: int, matters: float
) -> str:
    if choosing == "pays":
        return "choosing a variant for each unit earns more than the best single one"
    first = {
        "does_not_pay": f"choosing for each unit does not pay within {matters:.3g} a unit",
        "not_known": "whether choosing for each unit pays is not known",
    }[choosing]
    if single.answer == "not_known":
        return (
            f"{first}; no single variant is shown to beat the control {names[control]!r} or to "
            f"stay within {matters:.3g} of it: keep it until more units say more"
        )
    if single.variant == control and choosing == "not_known":
        return (
            f"{first}; no single variant is better than the control {names[control]!r} by "
            f"{matters:.3g}: keep it until more units say more"
        )
    if single.answer == "no_difference":
        return f"{first}; no variant is better or worse than {names[control]!r} by {matters:.3g}"
    if single.variant == control:
        return (
            f"{first}; show the control {names[control]!r} to everybody: no variant is better by "
            f"{matters:.3g}"
        )
    return f"{first}; show {names[single.variant]!r} to everybody"


def _who_first(sorting: Qini | None) -> str:
    """What a ranking of units is good for when one variant is best for all."""
    if sorting is None or not sorting.ci_lower > 0:
        return ""
    return (
        f"; units differ in how much they gain (Qini {sorting.value:.3f}, {sorting.ci_lower:.3f} "
        f"to {sorting.ci_upper:.3f}): where not all can be reached, begin with those who gain most"
    )


def _sorting(units: Units, expected: Float, best: int, control: int) -> Qini | None:
    """How well units are sorted by their gain from the best variant; binary outcomes only."""
    binary = np.isin(np.abs(units.outcome), (0.0, 1.0)).all() and units.outcome.min() >= 0
    if best == control or not binary:
        return None
    pair = np.isin(units.variant, (best, control))
    uplift = expected[pair, best] - expected[pair, control]
    return qini(uplift, units.outcome[pair], units.variant[pair] == best)


def _values_by_choice(
    units: Units,
    expected: Float,
    shares: Float,
    chosen: NDArray[np.int64],
    names: Sequence[str],
) -> dict[str, tuple[float, float, float, int]]:
    """For the units that the policy gives a variant: value, interval and number."""
    contributions = _contributions(units, expected, shares, chosen)
    result = {}
    for index, name in enumerate(names):
        own = contributions[chosen == index]
        if len(own) >= MIN_EFFECTIVE:
            half = 1.96 * float(own.std(ddof=1)) / np.sqrt(len(own))
            mean = float(own.mean())
            result[name] = (mean, float(mean - half), float(mean + half), len(own))
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The variant for one user; ``expected`` is the metric's value a variant for units alike.

    ``value`` with its interval is of the units for whom the policy chooses the same variant.
    """

    variant_id: str
    expected: Mapping[str, float]
    value: float | None
    ci_lower: float | None
    ci_upper: float | None
    known: bool


def choose(
    policy: Policy, properties: Mapping[str, str] | None, names: Sequence[str], sign: float
) -> Choice:
    """The variant that a policy gives a user; without properties, the best single variant."""
    if not policy.models or policy.encoding is None:
        raise InvalidInputError(f"no policy was learnt: {policy.reason}")
    if properties is None:
        return _single(policy, {}, sign, known=False)
    row = policy.encoding.encode([properties])
    expected = {
        name: sign * float(model.predict(row)[0])
        for name, model in zip(names, policy.models, strict=True)
    }
    if policy.answer != "personalise":
        return _single(policy, expected, sign, known=True)
    best = max(expected, key=lambda name: sign * expected[name])
    value = (policy.policy_values or {}).get(best)
    low, high = sorted((sign * value[1], sign * value[2])) if value else (None, None)
    return Choice(
        variant_id=best,
        expected=expected,
        value=sign * value[0] if value else None,
        ci_lower=low,
        ci_upper=high,
        known=True,
    )


def _single(policy: Policy, expected: Mapping[str, float], sign: float, *, known: bool) -> Choice:
    value = next(one.value for one in policy.variants if one.variant_id == policy.best_variant)
    low, high = sorted((sign * value.ci_lower, sign * value.ci_upper))
    return Choice(
        variant_id=policy.best_variant,
        expected=expected,
        value=sign * value.value,
        ci_lower=low,
        ci_upper=high,
        known=known,
    )
