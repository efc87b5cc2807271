"""Results by one exposure property: each segment, and how it differs from all other units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from neonblue.errors import NotFoundError
from neonblue.intelligence.evidence import Availability, SegmentBreakdown, SegmentEffect
from neonblue.intelligence.horizon import Horizon
from neonblue.intelligence.terms import Terms
from neonblue.models import Experiment, MetricDefinition, MetricSummary
from neonblue.stats.comparison import ComparedKind
from neonblue.stats.multiplicity import adjusted_p_values
from neonblue.stats.segments import SegmentEffects, paradox_check, segment_effects, stacked

if TYPE_CHECKING:
    from neonblue.stores import Store

METHOD = "each segment against all other units, adjusted over segments (Benjamini-Hochberg)"
ANYTIME = f"{METHOD}; anytime-valid; exploratory"
AT_THE_END = f"{METHOD}; one test at the end; exploratory"
NAMELESS = "(none)"
EMPTY = MetricSummary(n=0.0, mean=0.0, variance=0.0)

Summaries = Mapping[tuple[str, str, str], MetricSummary]


def break_down(
    store: Store, experiment: Experiment, segment_by: str, terms: Terms, *, fixed: bool
) -> SegmentBreakdown:
    """Primary metrics by the values of an exposure property; those that differ come first."""
    if experiment.source == "aggregated":
        return without(segment_by, "uploaded totals hold no properties of units")
    _refuse_unknown(store, experiment, segment_by)
    primary = [m for m in experiment.metrics if m.role == "primary" and m.kind != "quantile"]
    found = _read(store, experiment, segment_by, [metric.name for metric in primary])
    effects = [
        effect
        for metric in primary
        for variant in experiment.treatments
        for effect in _effects(experiment, metric, variant.variant_id, found, terms, fixed=fixed)
    ]
    if not effects:
        return without(segment_by, "no segment has enough units in two variants")
    return SegmentBreakdown(
        segment=segment_by,
        status="available",
        method=AT_THE_END if fixed else ANYTIME,
        detail="; ".join([_finding(effects), *_paradoxes(experiment, primary, found)]),
        effects=tuple(sorted(effects, key=_order)),
    )


def _paradoxes(
    experiment: Experiment, metrics: list[MetricDefinition], found: Summaries
) -> list[str]:
    """Warnings where the total points one way and the segments together the other."""
    values = sorted({segment for _, _, segment in found})
    control_id = experiment.control.variant_id
    warnings = []
    for metric in metrics:
        for variant in experiment.treatments:
            pair = [
                stacked([found.get((metric.name, one, value), EMPTY) for value in values])
                for one in (control_id, variant.variant_id)
            ]
            if metric.kind != "quantile" and _paradox(pair[0], pair[1], metric.kind):
                warnings.append(
                    f"Simpson's paradox in {metric.name} of {variant.variant_id}: its total and "
                    "its segments point in opposite directions because the split differs by segment"
                )
    return warnings


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
    apart = [effect.value for effect in effects if effect.differs]
    if not apart:
        return f"none of {len(effects)} segments differs from the rest by more than chance"
    return f"{len(apart)} of {len(effects)} segments differ from the rest"


def _refuse_unknown(store: Store, experiment: Experiment, segment_by: str) -> None:
    names = [p.name for p in store.health.properties(experiment.experiment_id)]
    if segment_by not in names:
        raise NotFoundError(
            f"exposures of {experiment.experiment_id!r} carry no property {segment_by!r}: "
            f"segment_by can be {', '.join(names) or 'nothing, as they carry none'}"
        )


def _read(store: Store, experiment: Experiment, segment_by: str, names: list[str]) -> Summaries:
    from neonblue.stores.unit_query import UnitScope

    scope = UnitScope(segment=segment_by)
    return store.moments.summarise(experiment, metrics=names, scope=scope).summaries


def _effects(
    experiment: Experiment,
    metric: MetricDefinition,
    variant: str,
    found: Summaries,
    terms: Terms,
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
    tested = segment_effects(
        stacked(controls), stacked(treatments), kind=metric.kind, alpha=experiment.alpha
    )
    units = sum(s.n for s in (*controls, *treatments))
    reach, p_values = _judged(tested, terms.horizon(experiment, variant), units, fixed=fixed)
    adjusted = adjusted_p_values(p_values, method="bh")
    for row in np.flatnonzero(tested.effects.available):
        yield _effect(
            values[row] or NAMELESS,
            (metric.name, variant),
            tested,
            int(row),
            (float(reach[row]), float(p_values[row]), float(adjusted[row])),
            experiment.alpha,
        )


def _judged(
    tested: SegmentEffects, horizon: Horizon, units: float, *, fixed: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Half-widths of the effects and p-values of the differences from the rest."""
    if fixed:
        half = (tested.effects.ci_upper - tested.effects.ci_lower) / 2
        return half, tested.p_value
    with np.errstate(invalid="ignore"):
        z = tested.difference_from_rest / tested.standard_error_from_rest
    half = horizon.critical_value(units) * tested.effects.standard_error
    return half, np.where(np.isnan(z), np.nan, horizon.p_values(np.nan_to_num(z), units))


def _effect(
    value: str,
    compared: tuple[str, str],
    tested: SegmentEffects,
    row: int,
    judged: tuple[float, float, float],
    alpha: float,
) -> SegmentEffect:
    effects, (half, p_value, adjusted) = tested.effects, judged
    estimate = float(effects.absolute_difference[row])
    mean = float(effects.mean_control[row])
    tested_here = not np.isnan(p_value)
    return SegmentEffect(
        value=value,
        metric=compared[0],
        variant=compared[1],
        n_control=int(effects.n_control[row]),
        n_treatment=int(effects.n_treatment[row]),
        absolute_difference=estimate,
        ci_lower=estimate - half,
        ci_upper=estimate + half,
        relative_lift=estimate / abs(mean) if mean else None,
        difference_from_rest=float(tested.difference_from_rest[row]) if tested_here else None,
        p_value=p_value if tested_here else None,
        adjusted_p_value=adjusted if tested_here else None,
        differs=adjusted <= alpha if tested_here else None,
    )
