"""Which figures go into which chart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

from neonblue.errors import InvalidInputError
from neonblue.intelligence.adaptive_effects import weights_moved
from neonblue.intelligence.charts import (
    AllocationDay,
    ForestRow,
    MeanPoint,
    SequencePoint,
    SplitValue,
    UnevenSplit,
    draw_allocation,
    draw_forest,
    draw_means,
    draw_sequence,
)
from neonblue.intelligence.charts.forest import MOST_ROWS
from neonblue.intelligence.charts.reliability import draw_reliability
from neonblue.intelligence.deciding import Deciding, comparisons_of, deciding, leading_primary
from neonblue.intelligence.diagnosis.counts import read_allocation, units_by_day
from neonblue.intelligence.diagnosis.imbalance import localise_days
from neonblue.intelligence.diagnosis.sample_ratio import Allocation, most_off, uneven_segments
from neonblue.intelligence.effect_words import difference_of, metric_name, variant_name
from neonblue.intelligence.evidence import Analysis, SegmentEffect
from neonblue.intelligence.forecast.calibration import ReliabilityBin
from neonblue.intelligence.timeline import daily_summaries, timeline
from neonblue.models import Experiment, MetricDefinition, MetricSummary
from neonblue.stats.effect import mean_and_error
from neonblue.stats.moments import merged

if TYPE_CHECKING:
    from neonblue.stores import Store


FEWEST_POINTS = 2
NO_TIMES = "no exposure has a time: nothing by day to draw"
Chart = Literal["none", "sequence", "forest", "allocation", "daily", "cumulative"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A chart that was asked for as PNG, or why there is none; ``detail`` says what it shows."""

    chart: str
    png: bytes | None
    detail: str


def pictures_of(
    store: Store,
    analysis: Analysis,
    chart: Chart,
    *,
    metrics: Sequence[str] | None = None,
    whole: bool = False,
) -> list[Picture]:
    """The chart that was asked for, of the first of ``metrics``; all that fit with ``whole``."""
    wanted: list[Chart] = [] if chart == "none" else [chart]
    if whole:
        wanted += ["allocation" if analysis.validity.failed else "sequence"]
        wanted += ["forest"] if analysis.segments is not None else []
    metric = metrics[0] if metrics else None
    return [draw(store, analysis, one, metric=metric) for one in dict.fromkeys(wanted)]


def draw(store: Store, analysis: Analysis, chart: Chart, *, metric: str | None = None) -> Picture:
    """One chart; without a picture its ``detail`` says why."""
    if chart == "allocation":
        return allocation_picture(analysis.experiment, _split(store, analysis.experiment))
    found = shown_comparison(analysis, metric)
    if found is None:
        return Picture(chart=chart, png=None, detail=_nothing(analysis, metric))
    if chart == "forest":
        return forest_picture(analysis, found)
    if chart in ("daily", "cumulative"):
        return means_picture(store, analysis, found, cumulated=chart == "cumulative")
    return sequence_picture(store, analysis, found)


def shown_comparison(analysis: Analysis, metric: str | None) -> Deciding | None:
    """The comparison that decides, or that of a metric: of the same treatment, if it has one."""
    found = deciding(analysis)
    if metric is None or (found is not None and found.metric.name == metric):
        return found
    same = [one for one in comparisons_of(analysis) if one.metric.name == metric]
    wanted = found.comparison.variant if found else None
    return next((one for one in same if one.comparison.variant == wanted), next(iter(same), None))


def _nothing(analysis: Analysis, metric: str | None) -> str:
    if analysis.validity.failed:
        return "effects are withheld: the experiment is invalid; chart 'allocation' shows the split"
    if analysis.look.withheld:
        return analysis.look.withheld
    return f"nothing can be compared yet{f' on {metric!r}' if metric else ''}"


def refuse_chart(chart: Chart, segment_by: str | None) -> None:
    """``InvalidInputError`` for a chart that cannot be drawn from what was asked for."""
    if chart == "forest" and segment_by is None:
        raise InvalidInputError("chart 'forest' needs segments: give segment_by, e.g. country")


def _split(store: Store, experiment: Experiment) -> Allocation:
    properties = store.exposure_properties.counts(
        experiment.experiment_id, counted_from=experiment.counted_from
    )
    exposed = units_by_day(store, experiment).counts.sum(axis=0)
    return read_allocation(store, experiment, exposed, properties)


def allocation_picture(experiment: Experiment, allocation: Allocation) -> Picture:
    """The split so far against the plan, with the property or the days that are off."""
    if not allocation.by_day.values:
        return Picture(chart="allocation", png=None, detail=NO_TIMES)
    names, by_day = allocation.variants, allocation.by_day
    days = [
        AllocationDay(
            day=date.fromisoformat(value), counts=dict(zip(names, map(int, counts), strict=True))
        )
        for value, counts in zip(by_day.values, by_day.counts, strict=True)
    ]
    uneven, off = _uneven(allocation), localise_days(by_day, allocation.shares)
    png = draw_allocation(
        days,
        planned_shares=_control_first(experiment, allocation),
        title=f"{_name(experiment)}: split against the plan",
        uneven=uneven,
        uneven_days=[date.fromisoformat(day) for day in off.values] if off and not uneven else (),
    )
    where = f", off by {uneven.dimension}" if uneven else ", off on some days" if off else ""
    return Picture(chart="allocation", png=png, detail=f"share of units so far{where}")


def _control_first(experiment: Experiment, allocation: Allocation) -> dict[str, float]:
    shares = dict(zip(allocation.variants, map(float, allocation.shares), strict=True))
    controls = [one.variant_id for one in experiment.variants if one.is_control]
    return {name: shares[name] for name in [*controls, *shares]}


def _uneven(allocation: Allocation) -> UnevenSplit | None:
    """The property whose values differ most surely in their split, of the variant most off."""
    found = next(iter(uneven_segments(allocation)), None)
    if found is None:
        return None
    table = next(one for one in allocation.by_property if one.dimension == found.dimension)
    place = most_off(allocation, found)
    totals = table.counts.sum(axis=1)
    return UnevenSplit(
        dimension=found.dimension,
        variant=allocation.variants[place],
        planned_share=float(allocation.shares[place]),
        values=[
            SplitValue(
                label=value,
                units=int(total),
                share=float(own / total),
                guilty=value in found.values,
            )
            for value, own, total in zip(table.values, table.counts[:, place], totals, strict=True)
            if total > 0
        ],
    )


def sequence_picture(store: Store, analysis: Analysis, found: Deciding) -> Picture:
    """One comparison over time with its boundary.

    Where one look at the end decided, its interval is drawn beside the sequence and named; it
    stands alone where results have no times. After a change of weights the plain sequence would
    mislead, and there is no picture.
    """
    if weights_moved(analysis.validity):
        return Picture(
            chart="sequence",
            png=None,
            detail="the weights of new units changed while it ran: a plain sequence would mix days",
        )
    experiment, metric, comparison = analysis.experiment, found.metric, found.comparison
    points = _points(store, analysis, found)
    once = found.basis == "fixed_horizon"
    lone = len(points) < FEWEST_POINTS
    if lone and not math.isfinite(found.ci_upper - found.ci_lower):
        return Picture(chart="sequence", png=None, detail="too few units for an interval yet")
    named = f"{metric_name(metric.name)}, {variant_name(experiment, comparison.variant)}"
    png = draw_sequence(
        [] if lone else points,
        title=f"{_name(experiment)}: {named} against control",
        level=1 - experiment.alpha,
        as_percentage=metric.kind == "proportion",
        higher_is_better=metric.direction == "increase",
        mde=None if metric.mde is None else metric.mde * abs(comparison.mean_control),
        verdict=_verdict_point(analysis, found),
        decided_once=once,
    )
    return Picture(chart="sequence", png=png, detail=f"{named}: {difference_of(found)}")


def means_picture(store: Store, analysis: Analysis, found: Deciding, *, cumulated: bool) -> Picture:
    """A metric of all variants by day of first exposure, or over all units so far."""
    chart, metric, plan = "cumulative" if cumulated else "daily", found.metric, analysis.experiment
    if metric.kind == "quantile":
        return Picture(chart=chart, png=None, detail="a quantile has no sums to draw by day")
    by_day = daily_summaries(store, plan, metric.name)
    uploaded = plan.source == "aggregated"
    if uploaded and not cumulated:
        return Picture(
            chart=chart, png=None, detail="an upload has totals so far: ask for cumulative"
        )
    z = NormalDist().inv_cdf(1 - plan.alpha / 2)
    lines = {
        variant_name(plan, name): _mean_points(metric, days, z, cumulated and not uploaded)
        for name, days in _in_control_order(plan, by_day)
    }
    if not any(lines.values()):
        return Picture(
            chart=chart, png=None, detail="no exposure has a time: nothing by day to draw"
        )
    name = metric_name(metric.name)
    png = draw_means(
        lines,
        title=f"{_name(plan)}: {name} {'over all units so far' if cumulated else 'by day'}",
        as_percentage=metric.kind == "proportion",
        notes=(
            "by the day of first exposure, with all done until now",
            f"bands: {1 - plan.alpha:.0%} intervals of one day; decide by the sequence",
        ),
    )
    return Picture(chart=chart, png=png, detail=f"{name} by day of first exposure")


def _mean_points(
    metric: MetricDefinition,
    days: Sequence[tuple[date, MetricSummary]],
    z: float,
    cumulated: bool,
) -> list[MeanPoint]:
    points, total = [], MetricSummary(n=0.0, mean=0.0, variance=0.0)
    for day, own in days:
        total = merged(total, own) if cumulated else own
        if total.n > 0:
            mean, error = mean_and_error(total, kind=metric.kind)
            points.append(MeanPoint(day=day, mean=mean, reach=z * error))
    return points


def _in_control_order(
    plan: Experiment, by_day: Mapping[str, list[tuple[date, MetricSummary]]]
) -> list[tuple[str, list[tuple[date, MetricSummary]]]]:
    return sorted(by_day.items(), key=lambda one: one[0] != plan.control.variant_id)


def _points(store: Store, analysis: Analysis, found: Deciding) -> list[SequencePoint]:
    if found.metric.kind == "quantile":
        return []
    return timeline(
        store,
        analysis.experiment,
        found.metric,
        found.comparison.variant,
        terms=analysis.terms,
        as_of=analysis.last_event_at or analysis.as_of,
    )


def _verdict_point(analysis: Analysis, found: Deciding) -> SequencePoint:
    """The interval that decides, at the time of the newest data."""
    comparison = found.comparison
    return SequencePoint(
        at=analysis.last_event_at or analysis.as_of,
        units=comparison.n_control + comparison.n_treatment,
        estimate=comparison.absolute_difference,
        ci_lower=found.ci_lower,
        ci_upper=found.ci_upper,
    )


def _interval(found: Deciding) -> tuple[float, float, float]:
    """Lower limit, estimate and upper limit that decide."""
    return found.ci_lower, found.comparison.absolute_difference, found.ci_upper


def forest_picture(analysis: Analysis, found: Deciding) -> Picture:
    """One comparison by segment; segments are of primary metrics alone.

    A guardrail that decides has no segments: then the primary metric of its treatment is shown.
    """
    breakdown = analysis.segments
    assert breakdown is not None
    lead = found if found.metric.role == "primary" else leading_primary(analysis)
    effects = [
        effect
        for effect in breakdown.effects
        if lead is not None and (effect.metric, effect.variant) == lead.key
    ]
    if lead is None or not effects:
        return Picture(chart="forest", png=None, detail=breakdown.detail or "no segment to draw")
    metric, comparison = lead.metric, lead.comparison
    lower, estimate, upper = _interval(lead)
    png = draw_forest(
        ForestRow(
            label="all units",
            units=comparison.n_control + comparison.n_treatment,
            estimate=estimate,
            ci_lower=lower,
            ci_upper=upper,
        ),
        [_row(effect) for effect in effects],
        title=f"{_name(analysis.experiment)}: {metric_name(metric.name)} of "
        f"{variant_name(analysis.experiment, comparison.variant)} by {breakdown.segment}",
        as_percentage=metric.kind == "proportion",
        level=1 - analysis.experiment.alpha,
        proved=lead.p_value <= analysis.experiment.alpha and not lower <= 0.0 <= upper,
        higher_is_better=metric.direction == "increase",
    )
    shown = min(len(effects), MOST_ROWS)
    return Picture(chart="forest", png=png, detail=f"{shown} of {len(effects)} segments")


def reliability_picture(points: Sequence[ReliabilityBin]) -> Picture:
    """Forecasts against what happened."""
    if not points:
        detail = "no forecast has been resolved yet"
        return Picture(chart="reliability", png=None, detail=detail)
    return Picture(
        chart="reliability", png=draw_reliability(points), detail="forecasts and what happened"
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
