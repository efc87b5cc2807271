"""Results by one exposure property: each segment, and how it differs from all other units."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from neonblue.errors import NotFoundError
from neonblue.intelligence.effects import textbook
from neonblue.intelligence.evidence import Availability, SegmentBreakdown, SegmentEffect
from neonblue.intelligence.horizon import Horizon
from neonblue.intelligence.property_balance import why_unbalanced
from neonblue.intelligence.terms import Terms
from neonblue.models import Experiment, MetricDefinition, MetricSummary
from neonblue.stats.comparison import ComparedKind, InsufficientData
from neonblue.stats.many_comparisons import ManyComparisons
from neonblue.stats.moments import collapsed
from neonblue.stats.multiplicity import adjusted_p_values
from neonblue.stats.segments import SegmentEffects, paradox_check, segment_effects, stacked
from neonblue.stats.sequential import BURN_IN_UNITS
from neonblue.stats.sequential_mixture import fixed_critical_value
from neonblue.stats.sequential_time import UnitInformation

if TYPE_CHECKING:
    from neonblue.stores import Store

METHOD = (
    "each segment against all other units, adjusted over segments, metrics and variants "
    "(Benjamini-Hochberg) and over the properties one may break down by (Bonferroni)"
)
ANYTIME = f"{METHOD}; anytime-valid; exploratory"
AT_THE_END = f"{METHOD}; one test at the end; exploratory"
NAMELESS = "(none)"
MOST_NAMED = 10
EMPTY = MetricSummary(n=0.0, mean=0.0, variance=0.0)

Summaries = Mapping[tuple[str, str, str], MetricSummary]


def break_down(
    store: Store, experiment: Experiment, segment_by: str, terms: Terms, *, fixed: bool
) -> SegmentBreakdown:
    """Primary metrics by the values of an exposure property; those that differ come first."""
    if experiment.source == "aggregated":
        return without(segment_by, "uploaded totals hold no properties of units")
    searched = _properties_searched(store, experiment, segment_by)
    if why := why_unbalanced(store, experiment, segment_by):
        also = (found.detail for found in paradoxes(store, experiment, segment_by))
        detail = "; ".join([f"{segment_by!r} is not used: {why}", *also])
        return without(segment_by, detail, "withheld")
    primary = [m for m in experiment.metrics if m.role == "primary" and m.kind != "quantile"]
    found = _read(store, experiment, segment_by, [metric.name for metric in primary])
    shares = _first_shares(store, experiment, segment_by, terms)
    raw = [
        effect
        for metric in primary
        for variant in experiment.treatments
        for effect in _effects(
            experiment, metric, variant.variant_id, found, terms, shares, fixed=fixed
        )
    ]
    effects = _adjusted(raw, searched, experiment.alpha)
    if not effects:
        return without(segment_by, "no segment has enough units in two variants")
    return SegmentBreakdown(
        segment=segment_by,
        status="available",
        method=AT_THE_END if fixed else ANYTIME,
        detail="; ".join(
            [_finding(effects), *(p.detail for p in _paradoxes(experiment, primary, found))]
        ),
        effects=tuple(sorted(effects, key=_order)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Paradox:
    """Simpson's paradox in one metric of one variant."""

    metric: str
    variant: str

    @property
    def detail(self) -> str:
        """What it is, in words."""
        return (
            f"Simpson's paradox in {self.metric} of {self.variant}: its total and its segments "
            "point in opposite directions because the split differs by segment"
        )


def paradoxes(store: Store, experiment: Experiment, segment_by: str) -> list[Paradox]:
    """Primary metrics whose total points one way and whose segments together the other."""
    primary = [m for m in experiment.metrics if m.role == "primary" and m.kind != "quantile"]
    names = [metric.name for metric in primary]
    return list(_paradoxes(experiment, primary, _read(store, experiment, segment_by, names)))


def _paradoxes(
    experiment: Experiment, metrics: list[MetricDefinition], found: Summaries
) -> Iterator[Paradox]:
    values = sorted({segment for _, _, segment in found})
    control_id = experiment.control.variant_id
    for metric in metrics:
        for variant in experiment.treatments:
            pair = [
                stacked([found.get((metric.name, one, value), EMPTY) for value in values])
                for one in (control_id, variant.variant_id)
            ]
            if metric.kind != "quantile" and _paradox(pair[0], pair[1], metric.kind):
                yield Paradox(metric=metric.name, variant=variant.variant_id)


def _paradox(control: MetricSummary, treatment: MetricSummary, kind: ComparedKind) -> bool:
    return paradox_check(control, treatment, kind=kind).paradox


def _order(effect: SegmentEffect) -> tuple[float, float, int]:
    """What differs most surely first, then the largest."""
    adjusted = 1.0 if effect.adjusted_p_value is None else effect.adjusted_p_value
    p_value = 1.0 if effect.p_value is None else effect.p_value
    return adjusted, p_value, -effect.n_control - effect.n_treatment


def without(
    segment_by: str, detail: str, status: Availability = "insufficient_data"
) -> SegmentBreakdown:
    """No effects by segment, and why."""
    return SegmentBreakdown(
        segment=segment_by, status=status, method=ANYTIME, detail=detail, effects=()
    )


def _finding(effects: list[SegmentEffect]) -> str:
    apart = [effect for effect in effects if effect.differs]
    values = {effect.value for effect in effects}
    untested = {effect.value for effect in effects if effect.p_value is None}
    few = ", ".join(sorted(value or NAMELESS for value in untested)[:MOST_NAMED])
    tail = f"; too few units or events to tell: {few}" if untested else ""
    if not apart:
        return f"none of {len(values)} segments differs from the rest by more than chance{tail}"
    if len(values) == 2:
        return f"the two segments differ from each other, which is one finding{tail}"
    found = {effect.value for effect in apart}
    return f"{len(found)} of {len(values)} segments differ from the rest{tail}"


def _properties_searched(store: Store, experiment: Experiment, segment_by: str) -> int:
    """Over how many properties the error rate is shared: the planned ones, or all there are.

    Else whoever tries one property after the other finds a difference by chance. Properties that
    the plan names share alpha among themselves; any other shares it with every property that
    could be tried.
    """
    found = store.exposure_properties.cardinalities(
        experiment.experiment_id, counted_from=experiment.counted_from
    )
    names = [p.name for p in found]
    if segment_by not in names:
        raise NotFoundError(
            f"exposures of {experiment.experiment_id!r} carry no property {segment_by!r}: "
            f"segment_by can be {', '.join(names) or 'nothing, as they carry none'}"
        )
    if segment_by in experiment.segments:
        return len(set(experiment.segments))
    return len([p for p in found if p.values > 1]) or 1


def _adjusted(effects: list[SegmentEffect], searched: int, alpha: float) -> list[SegmentEffect]:
    """One family over segments, metrics and variants, its p-values times ``searched``."""
    tested = np.array([math.nan if e.p_value is None else e.p_value for e in effects])
    if not effects:
        return []
    adjusted = np.minimum(1.0, adjusted_p_values(tested, method="bh") * searched)
    return [
        effect
        if effect.p_value is None
        else replace(effect, adjusted_p_value=float(p), differs=bool(p <= alpha))
        for effect, p in zip(effects, adjusted, strict=True)
    ]


def _read(store: Store, experiment: Experiment, segment_by: str, names: list[str]) -> Summaries:
    from neonblue.stores.unit_query import UnitScope

    scope = UnitScope(segment=segment_by)
    return store.moments.summarise(experiment, metrics=names, scope=scope).summaries


def _first_shares(
    store: Store, experiment: Experiment, segment_by: str, terms: Terms
) -> Mapping[str, float]:
    """Each segment's share of the units when the experiment was first looked at, or now."""
    from neonblue.stores.unit_query import UnitScope

    scope = UnitScope(segment=segment_by, as_of=terms.first_at)
    units = store.moments.summarise(experiment, metrics=[], scope=scope).units
    total = sum(item.units for item in units)
    counts: dict[str, float] = {}
    for item in units:
        counts[item.segment] = counts.get(item.segment, 0.0) + item.units / total
    return counts


def _effects(
    experiment: Experiment,
    metric: MetricDefinition,
    variant: str,
    found: Summaries,
    terms: Terms,
    shares: Mapping[str, float],
    *,
    fixed: bool,
) -> Iterator[SegmentEffect]:
    assert metric.kind != "quantile"
    values = sorted({segment for _, _, segment in found})
    control_id = experiment.control.variant_id
    controls = [found.get((metric.name, control_id, value), EMPTY) for value in values]
    treatments = [found.get((metric.name, variant, value), EMPTY) for value in values]
    if len(values) < 2:
        return
    horizon = terms.horizon(experiment, variant, metric.name)
    tested = segment_effects(
        stacked(controls),
        stacked(treatments),
        kind=metric.kind,
        alpha=experiment.alpha,
        nonnegative=horizon.nonnegative,
    )
    now = _information(metric, stacked(controls), stacked(treatments), horizon)
    first = np.array([shares.get(value, 0.0) for value in values])
    below, above, p_values = judged(tested, horizon, now, first, fixed=fixed)
    for row in np.flatnonzero(tested.effects.available):
        yield _effect(
            values[row] or NAMELESS,
            (metric.name, variant),
            tested,
            int(row),
            (float(below[row]), float(above[row]), float(p_values[row])),
        )


def _information(
    metric: MetricDefinition, control: MetricSummary, treatment: MetricSummary, horizon: Horizon
) -> UnitInformation:
    """What a unit of all segments together carries."""
    found = textbook(metric, collapsed(control), collapsed(treatment), horizon.alpha)
    if isinstance(found, InsufficientData):
        return UnitInformation(n=float(np.sum(control.n + treatment.n)), information=0.0)
    return horizon.information(found)


def judged(
    tested: SegmentEffects,
    horizon: Horizon,
    now: UnitInformation,
    first_shares: np.ndarray,
    *,
    fixed: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far the effects' limits reach down and up, and p of the differences from the rest.

    A segment that starts late has a time of its own: its evidence grows from nothing while the
    experiment is near its plan. A difference from the rest is as far as the smaller of the two.
    """
    effects = tested.effects
    if fixed:
        critical = np.full(first_shares.shape, fixed_critical_value(alpha=horizon.alpha))
        below, above = horizon.reach_of_parts(effects, critical)
        return below, above, np.where(np.isfinite(below), tested.p_value, np.nan)
    shares = _shares(effects, now)
    few = np.minimum(effects.n_control, effects.n_treatment) < BURN_IN_UNITS
    critical = horizon.critical_values(now, np.where(few, 0.0, _progress(shares, first_shares)))
    below, above = horizon.reach_of_parts(effects, critical)
    z = np.where(np.isfinite(below), tested.z, np.nan)
    halves = _progress(shares * (1.0 - shares), first_shares * (1.0 - first_shares))
    return below, above, horizon.p_values_of_parts(z, now, halves)


def _shares(effects: ManyComparisons, now: UnitInformation) -> np.ndarray:
    """Each segment's share of the units, shape (k,)."""
    return np.asarray((effects.n_control + effects.n_treatment) / now.n)


def _progress(now: np.ndarray, first: np.ndarray) -> np.ndarray:
    """How far a part has come, relative to the whole; one that was not there has it all to do."""
    return np.where(first > 0.0, now / np.where(first > 0.0, first, 1.0), now)


def _effect(
    value: str,
    compared: tuple[str, str],
    tested: SegmentEffects,
    row: int,
    judged: tuple[float, float, float],
) -> SegmentEffect:
    effects, (below, above, p_value) = tested.effects, judged
    estimate = float(effects.absolute_difference[row])
    mean = float(effects.mean_control[row])
    relative = _relative_limits(effects, row, (below, above))
    tested_here = not np.isnan(p_value)
    return SegmentEffect(
        value=value,
        metric=compared[0],
        variant=compared[1],
        n_control=int(effects.n_control[row]),
        n_treatment=int(effects.n_treatment[row]),
        absolute_difference=estimate,
        ci_lower=estimate - below,
        ci_upper=estimate + above,
        relative_lift=estimate / abs(mean) if mean else None,
        relative_ci_lower=relative[0],
        relative_ci_upper=relative[1],
        mean_control=mean,
        mean_treatment=float(effects.mean_treatment[row]),
        difference_from_rest=float(tested.difference_from_rest[row]) if tested_here else None,
        p_value=p_value if tested_here else None,
        adjusted_p_value=None,
        differs=None,
    )


def _relative_limits(
    effects: ManyComparisons, row: int, reach: tuple[float, float]
) -> tuple[float | None, float | None]:
    """Limits of the relative lift of one segment, with the reach of the absolute ones.

    Through the log of the ratio of means, by the delta method: its standard error squared is
    var_t / (n_t m_t^2) + var_c / (n_c m_c^2); the critical values are reach / standard error.
    """
    means = (float(effects.mean_control[row]), float(effects.mean_treatment[row]))
    error = float(effects.standard_error[row])
    if min(means) <= 0.0 or not (error > 0.0 and all(map(math.isfinite, reach))):
        return None, None
    parts = (
        float(effects.variance_control[row]) / (float(effects.n_control[row]) * means[0] ** 2),
        float(effects.variance_treatment[row]) / (float(effects.n_treatment[row]) * means[1] ** 2),
    )
    log_error, center = math.sqrt(sum(parts)), math.log(means[1] / means[0])
    down, up = (log_error * side / error for side in reach)
    return math.expm1(center - down), math.expm1(center + up)
