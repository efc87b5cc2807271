"""Which figures go into which chart."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

from neonblue.errors import InvalidInputError
from neonblue.intelligence.adaptive_effects import weights_moved
from neonblue.intelligence.charts import (
    AllocationDay,
    ForestRow,
    draw_allocation,
    draw_forest,
    draw_sequence,
)
from neonblue.intelligence.deciding import Deciding, deciding, leading_primary
from neonblue.intelligence.diagnosis.counts import planned_shares, units_by_day
from neonblue.intelligence.diagnosis.imbalance import CountTable
from neonblue.intelligence.evidence import Analysis, SegmentEffect
from neonblue.intelligence.timeline import timeline
from neonblue.models import Experiment

if TYPE_CHECKING:
    from neonblue.stores import Store


FEWEST_POINTS = 2
Chart = Literal["none", "sequence", "forest", "allocation"]


def draw(store: Store, analysis: Analysis, chart: Chart) -> bytes | None:
    """The chart that was asked for as PNG; None when there is nothing to draw."""
    if chart == "sequence":
        return sequence_picture(store, analysis)
    if chart == "forest":
        return forest_picture(analysis)
    if chart == "allocation":
        counted = units_by_day(store, analysis.experiment)
        return allocation_picture(analysis.experiment, counted)
    return None


def refuse_chart(chart: Chart, segment_by: str | None) -> None:
    """``InvalidInputError`` for a chart that cannot be drawn from what was asked for."""
    if chart == "forest" and segment_by is None:
        raise InvalidInputError("chart 'forest' needs segments: give segment_by, e.g. country")


def allocation_picture(experiment: Experiment, by_day: CountTable) -> bytes | None:
    """The split by day against the plan, as PNG; None without exposures."""
    if not by_day.values:
        return None
    names = [variant.variant_id for variant in experiment.variants]
    days = [
        AllocationDay(
            day=date.fromisoformat(value), counts=dict(zip(names, map(int, counts), strict=True))
        )
        for value, counts in zip(by_day.values, by_day.counts, strict=True)
    ]
    shares = dict(zip(names, map(float, planned_shares(experiment)), strict=True))
    title = f"{_name(experiment)}: share of new units by day"
    return draw_allocation(days, planned_shares=shares, title=title)


def sequence_picture(store: Store, analysis: Analysis) -> bytes | None:
    """The comparison that decides over time with its boundary; None while nothing can be drawn.

    Where one look at the end decided, its interval is drawn beside the sequence and named. After a
    change of weights the plain sequence would mislead, and there is no picture.
    """
    found = deciding(analysis)
    if found is None or weights_moved(analysis.validity):
        return None
    experiment, metric, comparison = analysis.experiment, found.metric, found.comparison
    points = timeline(
        store,
        experiment,
        metric,
        comparison.variant,
        terms=analysis.terms,
        as_of=analysis.as_of,
    )
    if len(points) < FEWEST_POINTS:
        return None
    return draw_sequence(
        points,
        title=f"{_name(experiment)}: {metric.name}, {comparison.variant} against control",
        level=1 - experiment.alpha,
        as_percentage=metric.kind == "proportion",
        higher_is_better=metric.direction == "increase",
        mde=None if metric.mde is None else metric.mde * abs(comparison.mean_control),
        verdict_interval=_interval(found) if found.basis == "fixed_horizon" else None,
    )


def _interval(found: Deciding) -> tuple[float, float, float]:
    """Lower limit, estimate and upper limit that decide."""
    return found.ci_lower, found.comparison.absolute_difference, found.ci_upper


def forest_picture(analysis: Analysis) -> bytes | None:
    """The comparison that decides by segment; None when there is nothing to draw.

    A guardrail that decides has no segments: then the primary metric of its treatment is shown.
    """
    breakdown = analysis.segments
    if breakdown is None:
        return None
    found = leading_primary(analysis)
    if found is None or not breakdown.effects:
        return None
    metric, comparison = found.metric, found.comparison
    shown = [
        _row(effect)
        for effect in breakdown.effects
        if (effect.metric, effect.variant) == (comparison.metric, comparison.variant)
    ]
    lower, estimate, upper = _interval(found)
    return draw_forest(
        ForestRow(
            label="all units",
            units=comparison.n_control + comparison.n_treatment,
            estimate=estimate,
            ci_lower=lower,
            ci_upper=upper,
        ),
        shown,
        title=f"{_name(analysis.experiment)}: {metric.name} of {comparison.variant} "
        f"by {breakdown.segment}",
        as_percentage=metric.kind == "proportion",
        higher_is_better=metric.direction == "increase",
    )


def _row(effect: SegmentEffect) -> ForestRow:
    return ForestRow(
        label=effect.value,
        units=effect.n_control + effect.n_treatment,
        estimate=effect.absolute_difference,
        ci_lower=effect.ci_lower,
        ci_upper=effect.ci_upper,
        differs=bool(effect.differs),
    )


def _name(experiment: Experiment) -> str:
    return experiment.name or experiment.experiment_id
