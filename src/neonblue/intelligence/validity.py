"""The checks that decide whether effects may be read. One function a check, one registry.

A check that fails makes the experiment invalid and its effects are withheld; a warning is shown
beside them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from neonblue.intelligence.evidence import Check, CheckStatus, Validity
from neonblue.intelligence.history import PlanChanges
from neonblue.intelligence.ledger import LEAST_PLANNED_UNITS
from neonblue.intelligence.lost_events import (
    Lost,
    alike_strays,
    early_units,
    missing_values,
    other_strays,
)
from neonblue.intelligence.summaries import Summaries
from neonblue.intelligence.weight_periods import PeriodCounts
from neonblue.models import Experiment, MetricDefinition
from neonblue.models.lifecycle import FINISHED_STATUSES
from neonblue.stats.imbalance import Imbalance, imbalance_test
from neonblue.stats.srm import (
    one_look_srm_p_value,
    sequential_srm_test,
    srm_p_values_of_periods,
)

WEIGHTS_KEPT = "weights_kept"
MOST_MOVES_SHOWN = 3
INVALID_P = 0.001
WARNING_P = 0.01
MOST_MULTIPLE_FRACTION = 0.01
MOST_TAIL_WEIGHT = 0.3
MOST_OFFSET = 1e4
"""Mean over standard deviation up to which raw third moments keep their digits."""
QUIET_WARNING = timedelta(hours=24)
QUIET_FAILURE = timedelta(hours=72)
SMALLEST_SQUARED = 1e-154
MOST_LOST_FRACTION = 0.1
"""Share of units whose events are lost under nearly the same id from which no effect is read."""
NOTED_LOST_FRACTION = 0.01
NOTED_STRAY_FRACTION = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the checks look at."""

    experiment: Experiment
    summaries: Summaries
    now: datetime
    plan_changes: PlanChanges
    srm_p_value: float | None
    srm_sequential_p_value: float | None
    loaded: bool = False

    @property
    def finished(self) -> bool:
        """Whether no more units are coming."""
        return self.experiment.status in FINISHED_STATUSES


def check_validity(
    experiment: Experiment,
    summaries: Summaries,
    *,
    now: datetime,
    plan_changes: PlanChanges | None = None,
    metric_events: Check | None = None,
    loaded: bool = False,
    periods: Sequence[PeriodCounts] = (),
) -> Validity:
    """Every check, in the order of the registry; then ``metric_events``, which asks the store.

    ``loaded`` data come in files, not by the hour. ``periods`` has the units of each time between
    two changes of weights, where these were changed: the split is tested within each.
    """
    fixed, sequential = sample_ratio_p_values(experiment, summaries, periods)
    inputs = Inputs(
        experiment=experiment,
        summaries=summaries,
        now=now,
        plan_changes=plan_changes or PlanChanges(),
        srm_p_value=fixed,
        srm_sequential_p_value=sequential,
        loaded=loaded,
    )
    return Validity(
        checks=(
            *(check(inputs) for check in CHECKS),
            *([] if metric_events is None else [metric_events]),
        ),
        srm_p_value=fixed,
        srm_sequential_p_value=sequential,
    )


def sample_ratio_p_values(
    experiment: Experiment, summaries: Summaries, periods: Sequence[PeriodCounts] = ()
) -> tuple[float | None, float | None]:
    """One-look and anytime-valid p of the counts; None with fewer than two live variants."""
    if periods:
        return srm_p_values_of_periods(
            [period.units for period in periods], [period.shares for period in periods]
        )
    weights = [variant.weight for variant in experiment.variants]
    sequential = sequential_srm_test(summaries.units, weights)
    if sequential.status == "insufficient_data":
        return None, None
    return one_look_srm_p_value(summaries.units, weights), sequential.p_value


def sample_ratio(inputs: Inputs) -> Check:
    """Fails on the sequential test; once the experiment is over, also on the one-look test."""
    name = "sample_ratio"
    fixed, sequential = inputs.srm_p_value, inputs.srm_sequential_p_value
    if fixed is None or sequential is None:
        return Check(name=name, status="unknown", detail="no units in two variants yet")
    counts = ", ".join(
        f"{variant.variant_id} {count:,.0f}"
        for variant, count in zip(inputs.experiment.variants, inputs.summaries.units, strict=True)
    )
    shown = f"units {counts}; one-look p {fixed:.3g}, sequential p {sequential:.3g}"
    if sequential < INVALID_P or (inputs.finished and fixed < INVALID_P):
        return Check(name=name, status="fail", detail=f"the split is not the planned one: {shown}")
    if fixed < WARNING_P:
        return Check(name=name, status="warn", detail=f"the split looks unusual: {shown}")
    return Check(name=name, status="pass", detail=shown)


def multiple_exposures(inputs: Inputs) -> Check:
    """Units that met several variants: excluded, and too many of them spoil the comparison."""
    name = "multiple_exposures"
    units = inputs.summaries.multiple_variant_units
    total = units + inputs.summaries.units.sum()
    if units == 0:
        return Check(name=name, status="pass", detail="no unit met more than one variant")
    fraction = units / total
    detail = f"{units:,} units ({fraction:.2%}) met several variants and are excluded"
    too_many = fraction > MOST_MULTIPLE_FRACTION
    return Check(name=name, status="fail" if too_many else "warn", detail=detail)


def planned_variants(inputs: Inputs) -> Check:
    """Exposures to variants outside the plan, and planned variants without units."""
    name = "planned_variants"
    missing = [
        variant.variant_id
        for variant, count in zip(inputs.experiment.variants, inputs.summaries.units, strict=True)
        if count == 0 and variant.weight > 0
    ]
    if missing:
        detail = f"no units in {', '.join(missing)}"
        return Check(name=name, status="warn", detail=detail)
    if inputs.summaries.unplanned_units:
        detail = f"{inputs.summaries.unplanned_units:,} units met a variant outside the plan"
        return Check(name=name, status="warn", detail=detail)
    return Check(name=name, status="pass", detail="every planned variant has units")


def pre_period(inputs: Inputs) -> Check:
    """Covariates, known before exposure, must not differ between variants.

    As with the split, a watched experiment fails on the sequential test alone: the one-look test
    would turn sound experiments invalid if it were asked often enough.
    """
    name = "pre_period_balance"
    covered = [metric for metric in inputs.experiment.metrics if _has_covariate(metric)]
    tested = [(m, found) for m in covered for found in imbalances(inputs, m)]
    if not tested:
        return Check(name=name, status="unknown", detail="no covariate to compare")
    metric, worst = min(tested, key=lambda pair: pair[1].p_value)
    fixed = min(1.0, worst.p_value * len(tested))
    sequential = min(1.0, len(tested) * min(found.sequential_p_value for _, found in tested))
    detail = (
        f"covariate of {metric.name!r}: p {fixed:.3g} that variants were alike before, "
        f"sequential p {sequential:.3g}"
    )
    if sequential < INVALID_P or (inputs.finished and fixed < INVALID_P):
        return Check(name=name, status="fail", detail=detail)
    return Check(name=name, status="warn" if fixed < WARNING_P else "pass", detail=detail)


def plan_unchanged(inputs: Inputs) -> Check:
    """What decides pooled units may not change: the split never, no rule once it was looked at."""
    name = "plan_unchanged"
    changes = inputs.plan_changes
    if changes.breaking:
        return Check(name=name, status="fail", detail="; ".join(changes.breaking))
    if changes.noted:
        return Check(name=name, status="warn", detail="; ".join(changes.noted))
    return Check(name=name, status="pass", detail="weights, variants and rules as at launch")


def weights_kept(inputs: Inputs) -> Check:
    """After a change of weights the mix of days differs between variants: no plain comparison."""
    name, moved = WEIGHTS_KEPT, inputs.plan_changes.moved
    if not moved:
        return Check(name=name, status="pass", detail="new units get the weights of the plan")
    shown = "; ".join(moved[-MOST_MOVES_SHOWN:])
    detail = f"the weights of new units changed {len(moved)} times: {shown}"
    return Check(name=name, status="fail", detail=detail)


def freshness(inputs: Inputs) -> Check:
    """A running experiment receives events."""
    name = "data_freshness"
    last = inputs.summaries.last_event_at
    if last is None and inputs.summaries.units.sum() > 0:
        return Check(name=name, status="pass", detail="loaded from files without times")
    if last is None:
        return Check(name=name, status="unknown", detail="no events yet")
    if inputs.experiment.status != "running":
        detail = f"not running; last event {last:%Y-%m-%d %H:%M} UTC"
        return Check(name=name, status="pass", detail=detail)
    if inputs.loaded:
        detail = f"loaded from files; last event {last:%Y-%m-%d %H:%M} UTC"
        return Check(name=name, status="pass", detail=detail)
    quiet = inputs.now - last
    detail = f"last event {_age(quiet)} ago, at {last:%Y-%m-%d %H:%M} UTC"
    if quiet > QUIET_FAILURE:
        return Check(name=name, status="fail", detail=f"data is stale: {detail}")
    return Check(name=name, status="warn" if quiet > QUIET_WARNING else "pass", detail=detail)


def variance(inputs: Inputs) -> Check:
    """A primary metric that is the same for every unit cannot be compared."""
    name = "variance"
    flat = [
        m.name for m in inputs.experiment.metrics if is_flat(inputs.experiment, inputs.summaries, m)
    ]
    if not flat:
        return Check(name=name, status="pass", detail="every metric varies")
    detail = f"the same value for every unit in {', '.join(flat)}"
    if tiny := [name for name in flat if _vanishes(inputs, name)]:
        detail += (
            f"; {', '.join(tiny)} is so small that its squares are 0: send it in a smaller unit"
        )
    decisive = [m for m in inputs.experiment.metrics if m.role == "primary" and m.name in flat]
    if decisive and not all(_may_still_come(inputs, metric) for metric in decisive):
        return Check(name=name, status="fail", detail=detail)
    return Check(name=name, status="warn", detail=detail)


def skewness(inputs: Inputs) -> Check:
    """Metrics of which so few units carry the variance that their intervals may be too narrow.

    Tail weight is |skewness| / sqrt(n) of a variant: near 1 one unit decides. Below
    ``MOST_TAIL_WEIGHT`` the limits keep their coverage in simulations (benchmarks.coverage);
    the textbook's rule for a single look, n > 355 skewness^2, is a tail weight of 0.05 (Kohavi et
    al. 2014, "Seven rules of thumb for web site experimenters", rule 7).
    """
    name = "skewness"
    weights = {m.name: w for m in inputs.experiment.metrics if (w := _tail_weight(inputs, m))}
    heavy = tuple(metric for metric, weight in weights.items() if weight > MOST_TAIL_WEIGHT)
    if not heavy:
        status: CheckStatus = "pass" if weights else "unknown"
        detail = "no metric hangs on a few units" if weights else "no metric of free values"
        return Check(name=name, status=status, detail=detail)
    shown = ", ".join(f"{metric!r} ({weights[metric]:.2f})" for metric in heavy)
    return Check(
        name=name,
        status="warn",
        metrics=heavy,
        detail=f"a few units carry the variance of {shown}, skewness over sqrt(n), at most "
        f"{MOST_TAIL_WEIGHT} is safe: its intervals may be too narrow. Cap it: define it with "
        "winsorize_quantile (0.99, say) in a new experiment",
    )


def events_without_exposure(inputs: Inputs) -> Check:
    """Units with metric events that were never exposed: their events count for nobody.

    Nearly the id of one exposed unit (letter case, leading zeros, spaces, a prefix) is that unit
    under another spelling, and its events are missing from the effects.
    """
    name = "events_without_exposure"
    if inputs.summaries.early_units is None:
        return Check(name=name, status="unknown", detail="uploaded totals have no events")
    alike = alike_strays(inputs.experiment, inputs.summaries)
    if alike is not None and alike.share > NOTED_LOST_FRACTION:
        lost = alike.differs(finished=inputs.finished) or alike.share > MOST_LOST_FRACTION
        detail = (
            f"{alike.units:,} units with events ({alike.share:.1%}) were never exposed, but each "
            f"has nearly the id of one exposed unit, so events are lost: "
            f"{alike.shown(inputs.experiment)}; diagnose_experiment shows examples"
        )
        return Check(name=name, status="fail" if lost else "warn", detail=detail)
    other = other_strays(inputs.experiment, inputs.summaries)
    if other is None:
        few = inputs.summaries.unexposed_units
        detail = f"{few} units with events were never exposed" if few else "every event has a unit"
        return Check(name=name, status="pass", detail=detail)
    return _strays_of_nobody(name, inputs, other)


def _strays_of_nobody(name: str, inputs: Inputs, other: Lost) -> Check:
    """Exposures may be missing, or the events may be everybody's: only the variants can tell."""
    shown = other.shown(inputs.experiment)
    known = f" (variant named by their events: {shown})" if other.by_variant.sum() else ""
    detail = f"{other.units:,} units with events ({other.share:.1%}) were never exposed{known}"
    if other.share > NOTED_LOST_FRACTION and other.differs(finished=inputs.finished):
        return Check(name=name, status="fail", detail=f"exposures of one variant miss: {detail}")
    noted = other.share > NOTED_STRAY_FRACTION or (
        other.share > NOTED_LOST_FRACTION and other.unusual
    )
    return Check(name=name, status="warn" if noted else "pass", detail=detail)


def events_before_exposure(inputs: Inputs) -> Check:
    """Units with metric events before their exposure: those events are left out.

    Nothing before an exposure can depend on the variant. Where it does, one variant's exposures
    are logged after the event that they should come before.
    """
    name = "events_before_exposure"
    if inputs.summaries.early_units is None:
        return Check(name=name, status="unknown", detail="uploaded totals have no events")
    early = early_units(inputs.experiment, inputs.summaries)
    if early is None:
        return Check(name=name, status="pass", detail="no metric event came before its exposure")
    detail = (
        f"{early.units:,} units ({early.share:.1%}) have metric events before their exposure, "
        f"which do not count: {early.shown(inputs.experiment)}"
    )
    if early.share > NOTED_LOST_FRACTION and early.differs(finished=inputs.finished):
        detail = f"exposures of one variant are logged late: {detail}"
        return Check(name=name, status="fail", detail=detail)
    return Check(name=name, status="warn" if early.unusual else "pass", detail=detail)


def rejected_rows(inputs: Inputs) -> Check:
    """Rows of loaded files that were left out: too many, or more in one variant, spoil effects."""
    name = "rejected_rows"
    rejected = inputs.summaries.rejected
    if rejected is None:
        return Check(name=name, status="pass", detail="no row of a loaded file was left out")
    detail = rejected.shown(inputs.experiment)
    if rejected.material:
        detail += "; mend the file and load it with --replace"
        return Check(name=name, status="fail", detail=detail)
    return Check(name=name, status="warn" if rejected.unusual else "pass", detail=detail)


def values_missing(inputs: Inputs) -> Check:
    """Units without a value are out of that metric: fewer from one variant, and it compares others.

    Where more than chance is missing from one variant, a primary or guardrail metric fails.
    """
    name = "missing_values"
    if inputs.summaries.early_units is None:
        return Check(name=name, status="unknown", detail="uploaded totals have no units")
    found = {
        metric.name: lost
        for metric in inputs.experiment.metrics
        if metric.kind != "quantile"
        and (lost := missing_values(inputs.experiment, inputs.summaries, metric)) is not None
    }
    if not found:
        return Check(name=name, status="pass", detail="every unit has a value of every metric")
    decisive = {m.name for m in inputs.experiment.metrics if m.role != "secondary"}
    differing = [m for m, lost in found.items() if lost.differs(finished=inputs.finished)]
    unusual = [m for m, lost in found.items() if m in differing or lost.unusual]
    detail = "; ".join(
        f"{lost.units:,} units ({lost.share:.1%}) have no value of {metric!r} and are not in it: "
        f"{lost.shown(inputs.experiment)}"
        for metric, lost in found.items()
        if not unusual or metric in unusual
    )
    if decisive & set(differing):
        detail = (
            f"values are missing from one variant more than from another: {detail}. If an empty "
            "cell means 0, load the file with --missing-as-zero"
        )
        return Check(name=name, status="fail", detail=detail)
    if unusual:
        return Check(name=name, status="warn", detail=detail, metrics=tuple(unusual))
    return Check(name=name, status="pass", detail=detail)


def _tail_weight(inputs: Inputs, metric: MetricDefinition) -> float | None:
    """The largest of any variant; None where the skewness is not known or has lost its digits."""
    found = []
    for (name, variant), shape in inputs.summaries.shapes.items():
        summary = inputs.summaries.of(name, variant)
        spread = math.sqrt(max(summary.variance, 0.0))
        exact = spread > 0.0 and abs(summary.mean) < MOST_OFFSET * spread
        if name == metric.name and exact and math.isfinite(shape.skewness):
            found.append(abs(shape.skewness) / math.sqrt(summary.n))
    return max(found, default=None)


def _vanishes(inputs: Inputs, metric: str) -> bool:
    """Whether values are not 0 and their squares are."""
    variants = inputs.experiment.variants
    means = [abs(inputs.summaries.of(metric, one.variant_id).mean) for one in variants]
    return 0.0 < max(means) < SMALLEST_SQUARED


def is_flat(experiment: Experiment, summaries: Summaries, metric: MetricDefinition) -> bool:
    """Whether a metric with units in it has no variance in any variant."""
    if metric.kind == "quantile":
        return False
    each = [summaries.of(metric.name, variant.variant_id) for variant in experiment.variants]
    seen = [summary for summary in each if summary.n > 1]
    return len(seen) > 1 and all(summary.variance <= 0 for summary in seen)


def _may_still_come(inputs: Inputs, metric: MetricDefinition) -> bool:
    """Whether all is zero because no event of that kind has happened yet."""
    control = inputs.summaries.of(metric.name, inputs.experiment.control.variant_id)
    return not inputs.finished and control.mean == 0


def imbalances(inputs: Inputs, metric: MetricDefinition) -> list[Imbalance]:
    """How each treatment's covariate differs from control's, where it varies."""
    planned = inputs.experiment.planned_sample_size or LEAST_PLANNED_UNITS
    control = inputs.summaries.of(metric.name, inputs.experiment.control.variant_id)
    each = (inputs.summaries.of(metric.name, v.variant_id) for v in inputs.experiment.treatments)
    tests = (imbalance_test(control, treatment, planned_n=planned) for treatment in each)
    return [found for found in tests if found is not None]


def _has_covariate(metric: MetricDefinition) -> bool:
    return metric.covariate is not None or metric.pre_period_days is not None


def _age(quiet: timedelta) -> str:
    hours = max(0.0, quiet.total_seconds() / 3600)
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"


CHECKS: tuple[Callable[[Inputs], Check], ...] = (
    sample_ratio,
    multiple_exposures,
    planned_variants,
    pre_period,
    plan_unchanged,
    weights_kept,
    freshness,
    variance,
    skewness,
    events_without_exposure,
    events_before_exposure,
    rejected_rows,
    values_missing,
)
