"""How often the present rules err on data of one's own: A/A rates and power by resplitting.

The control units of a past experiment are split at random again and again; nothing was done to
either half, so every decision is an error. Then known lifts are put into one half. What decides is
the code that decides real experiments: the validity checks, the sequence and the verdict, at every
look in the order in which the units came.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.proportion import share
from neonblue.errors import ConflictError, InvalidInputError
from neonblue.intelligence.decision import Standing, decide, evidence_of
from neonblue.intelligence.effects import metric_effects
from neonblue.intelligence.look_gate import pass_gate
from neonblue.intelligence.priors import Prior
from neonblue.intelligence.summaries import Summaries
from neonblue.intelligence.terms import Terms
from neonblue.intelligence.validity import check_validity
from neonblue.models import Experiment, MetricDefinition, MetricSummary, Variant
from neonblue.models.experiment import MetricKind
from neonblue.stats.comparison import Comparison, InsufficientData, compare
from neonblue.stats.lift_prior import archive_prior
from neonblue.stores.moments import ValueShape

if TYPE_CHECKING:
    from neonblue.stores import Store

Array = NDArray[np.float64]
Report = Callable[[float, float, str], None]

KINDS: tuple[MetricKind, ...] = ("proportion", "mean")
MAX_UNITS = 200_000
LEAST_UNITS = 400
MAX_WORK = 200_000
"""Looks that one calibration may take: a look costs a few milliseconds."""
LIFTS = (0.05, 0.10, 0.20)
VARIANTS = (Variant(variant_id="control", is_control=True), Variant(variant_id="treatment"))
START = datetime(2026, 1, 1, tzinfo=UTC)
NAIVE_P = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A share of resplits with its 95 % interval (Wilson 1927)."""

    share: float
    ci_lower: float
    ci_upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftResult:
    """What the rules made of resplits with one true lift (a fraction; 0 is A/A).

    ``ship`` and ``rollback`` count decisions at any look, ``invalid`` resplits of which a check
    failed at some look, ``covered`` those whose interval held the truth at every look. ``naive`` is
    a textbook test at every look, ``one_look`` one at the end, either way and at .05.
    ``units_to_decision`` is the mean share of the units that a decision took, None without any.
    """

    relative_lift: float
    ship: Rate
    rollback: Rate
    invalid: Rate
    covered: Rate
    naive: Rate
    one_look: Rate
    units_to_decision: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCalibration:
    """The rules on the control units of one experiment; the first result is A/A."""

    experiment_id: str
    metric: str
    kind: MetricKind
    units: int
    baseline_mean: float
    baseline_sd: float
    alpha: float
    resplits: int
    looks: int
    results: tuple[LiftResult, ...]


def calibrate_rules(
    store: Store,
    experiment_id: str,
    *,
    metric: str | None = None,
    lifts: Sequence[float] = LIFTS,
    resplits: int = 100,
    looks: int = 10,
    seed: int = 1,
    report: Report = lambda done, total, message: None,
) -> RuleCalibration:
    """Resplit the control units of an experiment; a look at it is recorded.

    Raises ``NotFoundError``, ``ConflictError`` while its control may not be read yet, and
    ``InvalidInputError`` for a metric, lift or size that cannot be, or too few units.
    """
    experiment = store.experiments.get(experiment_id)
    chosen = _metric(experiment, metric)
    wanted = _lifts(lifts)
    _refuse_work(resplits, looks, len(wanted))
    if experiment.source == "aggregated":
        raise ConflictError(
            f"experiment {experiment_id!r} consists of uploaded totals: resplitting needs its units"
        )
    pass_gate(store, experiment, "its control units for a calibration", effects=False)
    values = _control_values(store, experiment, chosen)
    results = []
    for number, lift in enumerate(wanted):
        report(float(number), float(len(wanted)), f"lift {lift:+.0%}")
        results.append(
            calibrated(
                values,
                chosen,
                lift=lift,
                alpha=experiment.alpha,
                resplits=resplits,
                looks=looks,
                seed=seed,
            )
        )
    return RuleCalibration(
        experiment_id=experiment_id,
        metric=chosen.name,
        kind=chosen.kind,
        units=len(values),
        baseline_mean=float(values.mean()),
        baseline_sd=float(values.std(ddof=1)),
        alpha=experiment.alpha,
        resplits=resplits,
        looks=looks,
        results=tuple(results),
    )


def calibrated(
    values: Array,
    metric: MetricDefinition,
    *,
    lift: float,
    alpha: float,
    resplits: int,
    looks: int,
    seed: int,
) -> LiftResult:
    """What the rules make of units (n,), in the order in which they came, with one true lift."""
    ends = np.unique(np.linspace(0, len(values), looks + 1)[1:].astype(int))
    trials = [
        _trial(values, metric, lift, alpha, ends, np.random.default_rng([seed, number]))
        for number in range(resplits)
    ]
    decided = [one.decided_at for one in trials if one.decided_at is not None]
    return LiftResult(
        relative_lift=lift,
        ship=rate([one.decision == "ship" for one in trials]),
        rollback=rate([one.decision == "rollback" for one in trials]),
        invalid=rate([one.invalid for one in trials]),
        covered=rate([one.covered for one in trials]),
        naive=rate([one.naive for one in trials]),
        one_look=rate([one.one_look for one in trials]),
        units_to_decision=float(np.mean(decided)) / len(values) if decided else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    decision: str
    decided_at: int | None
    invalid: bool
    covered: bool
    naive: bool
    one_look: bool


def _trial(
    values: Array,
    metric: MetricDefinition,
    lift: float,
    alpha: float,
    ends: NDArray[np.int64],
    rng: np.random.Generator,
) -> _Trial:
    treated = rng.random(len(values)) < 0.5
    outcomes = np.where(treated, with_lift(values, metric.kind, lift, rng), values)
    truth = float(values.mean()) * lift
    plan = _plan(metric, alpha, len(values))
    decision, decided_at = "keep_running", None
    invalid = naive = False
    covered, textbook = True, None
    for end in ends:
        summaries = _summaries(metric, outcomes[:end], treated[:end])
        textbook = _textbook(metric, summaries, alpha)
        naive |= textbook is not None and textbook.p_value <= NAIVE_P
        found = verdict_of(plan, summaries)
        invalid |= found.invalid
        covered &= found.ci_lower <= truth <= found.ci_upper
        if decided_at is None and found.decision in ("ship", "rollback"):
            decision, decided_at = found.decision, int(end)
    return _Trial(
        decision=decision,
        decided_at=decided_at,
        invalid=invalid,
        covered=covered,
        naive=naive,
        one_look=textbook is not None and textbook.p_value <= NAIVE_P,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLook:
    decision: str
    invalid: bool
    ci_lower: float = -math.inf
    ci_upper: float = math.inf


def verdict_of(plan: Experiment, summaries: Summaries) -> RuleLook:
    """What the product says at this look; the plan is over when all units have come."""
    now = summaries.last_event_at or START
    validity = check_validity(plan, summaries, now=now)
    units, size = int(summaries.units.sum()), plan.planned_sample_size or 1
    terms = Terms(
        planned_units=size,
        show_fixed_horizon=False,
        least_p={},
        priors={metric.name: PRIOR for metric in plan.metrics},
        nonnegative=frozenset(m.name for m in plan.metrics if summaries.nonnegative(m)),
    )
    metrics = () if validity.failed else (metric_effects(plan, plan.metrics[0], summaries, terms),)
    standing = Standing(
        experiment=plan,
        units=units,
        horizon=size,
        started_at=START,
        last_event_at=now,
        now=now,
    )
    verdict = decide(standing, validity, evidence_of(plan, metrics, fixed=False))
    comparisons = metrics[0].comparisons if metrics else ()
    if not comparisons:
        return RuleLook(decision=verdict.decision, invalid=bool(validity.failed))
    (one,) = comparisons
    return RuleLook(
        decision=verdict.decision,
        invalid=bool(validity.failed),
        ci_lower=one.ci_lower,
        ci_upper=one.ci_upper,
    )


PRIOR = Prior(lifts=archive_prior(), origin="public archives")


def with_lift(values: Array, kind: MetricKind, lift: float, rng: np.random.Generator) -> Array:
    """The units with a mean that is ``1 + lift`` times theirs on average.

    Of a proportion units are turned over at random; other values are multiplied.
    """
    if lift == 0.0 or kind != "proportion":
        return values * (1.0 + lift)
    base = float(values.mean())
    draws = rng.random(len(values))
    if lift < 0.0:
        return np.where((values > 0) & (draws < -lift), 0.0, values)
    return np.where((values <= 0) & (draws < base * lift / (1.0 - base)), 1.0, values)


def rate(hits: Sequence[bool]) -> Rate:
    """The share of true ones with its interval."""
    found = share(sum(hits), len(hits))
    return Rate(share=found.value, ci_lower=found.ci_lower, ci_upper=found.ci_upper)


def _plan(metric: MetricDefinition, alpha: float, size: int) -> Experiment:
    return Experiment(
        experiment_id="calibration",
        variants=VARIANTS,
        metrics=(metric,),
        alpha=alpha,
        planned_sample_size=size,
        minimum_duration_days=0.0,
        started_at=START,
    )


def _summaries(metric: MetricDefinition, outcomes: Array, treated: NDArray[np.bool_]) -> Summaries:
    overall = {}
    units = np.array([float((~treated).sum()), float(treated.sum())])
    for variant, mine in zip(VARIANTS, (~treated, treated), strict=True):
        own = outcomes[mine]
        overall[metric.name, variant.variant_id] = MetricSummary(
            n=float(len(own)),
            mean=float(own.mean()) if len(own) else 0.0,
            variance=float(own.var(ddof=1)) if len(own) > 1 else 0.0,
        )
    now = START + timedelta(hours=len(outcomes) / 1000.0 + 1.0)
    return Summaries(
        units=units,
        multiple_variant_units=0,
        unplanned_units=0,
        first_exposure_at=START,
        last_event_at=now,
        last_exposure_at=now,
        overall=overall,
        shapes=_shapes(metric, outcomes),
    )


def _shapes(metric: MetricDefinition, outcomes: Array) -> dict[tuple[str, str], ValueShape]:
    """The lowest value, for the guards of values that are never negative."""
    if metric.kind == "proportion" or not len(outcomes):
        return {}
    lowest = min(0.0, float(outcomes.min()))
    return {
        (metric.name, variant.variant_id): ValueShape(lowest=lowest, skewness=math.nan)
        for variant in VARIANTS
    }


def _textbook(metric: MetricDefinition, summaries: Summaries, alpha: float) -> Comparison | None:
    assert metric.kind in ("proportion", "mean")
    control, treatment = (summaries.of(metric.name, one.variant_id) for one in VARIANTS)
    found = compare(
        control,
        treatment,
        kind="proportion" if metric.kind == "proportion" else "mean",
        alpha=alpha,
        pooled_null=metric.kind == "proportion",
        adjust=False,
    )
    return None if isinstance(found, InsufficientData) else found


def _metric(experiment: Experiment, name: str | None) -> MetricDefinition:
    """The metric without what resplitting does not repeat: covariates, caps and margins."""
    known = {metric.name: metric for metric in experiment.metrics}
    if name is not None and name not in known:
        raise InvalidInputError(
            f"experiment {experiment.experiment_id!r} has no metric {name!r}: it has "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    primaries = [m for m in experiment.metrics if m.role == "primary" and m.kind in KINDS]
    if name is None and not primaries:
        raise InvalidInputError(
            f"experiment {experiment.experiment_id!r} has no primary proportion or mean: name a "
            f"metric that is one, of {', '.join(sorted(known)) or 'none'}"
        )
    chosen = primaries[0] if name is None else known[name]
    if chosen.kind not in KINDS:
        raise InvalidInputError(
            f"metric {chosen.name!r} is a {chosen.kind}: calibration takes {' and '.join(KINDS)} "
            "metrics"
        )
    return replace(chosen, role="primary", covariate=None, pre_period_days=None, margin=None)


def _lifts(lifts: Sequence[float]) -> tuple[float, ...]:
    """A/A first, then every lift once."""
    bad = [one for one in lifts if not -1.0 < one < 10.0]
    if bad:
        raise InvalidInputError(f"lift {bad[0]!r} cannot be: give fractions like 0.05")
    return tuple(dict.fromkeys((0.0, *lifts)))


def _refuse_work(resplits: int, looks: int, lifts: int) -> None:
    if not (resplits >= 1 and looks >= 1):
        raise InvalidInputError(
            f"{resplits!r} resplits with {looks!r} looks say nothing: give 1 or more of each"
        )
    if resplits * looks * lifts > MAX_WORK:
        raise InvalidInputError(
            f"{resplits:,} resplits with {looks} looks and {lifts} lifts take "
            f"{resplits * looks * lifts:,} looks, over {MAX_WORK:,}: ask for fewer"
        )


def _control_values(store: Store, experiment: Experiment, metric: MetricDefinition) -> Array:
    """The control's values in the order of exposure; a fixed sample where there are too many."""
    full = next(one for one in experiment.metrics if one.name == metric.name)
    table = store.unit_rows.read(experiment, full, limit=MAX_UNITS)
    place = [v.variant_id for v in experiment.variants].index(experiment.control.variant_id)
    index = np.asarray(table.column("variant_index").to_numpy())
    moments = np.asarray(table.column("exposed_ms").to_numpy())
    outcomes = np.asarray(table.column("outcome").to_numpy(), dtype=float)
    mine = index == place
    values = outcomes[mine][np.argsort(moments[mine], kind="stable")]
    if len(values) < LEAST_UNITS:
        raise InvalidInputError(
            f"experiment {experiment.experiment_id!r} has {len(values):,} control units with "
            f"{metric.name!r}; {LEAST_UNITS} are needed to resplit them"
        )
    if not values.std() > 0:
        raise InvalidInputError(
            f"every control unit of {experiment.experiment_id!r} has the same {metric.name!r}: "
            "there is nothing that could be decided"
        )
    if metric.winsorize_quantile is not None:
        values = np.minimum(values, np.quantile(values, metric.winsorize_quantile))
    return np.asarray(values)
