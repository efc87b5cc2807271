"""Does the effect fade, or grow, with the days since a unit first met it?

The lift is read in spans of days since first exposure, of the same units in every span, and its
trend is judged anytime-valid. On the scale of log ratios: activity that fades alike in both
variants, as it does after most exposures, is no trend.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from neonblue.intelligence.horizon import Horizon
from neonblue.intelligence.summaries import Summaries
from neonblue.intelligence.terms import Terms
from neonblue.models import Experiment
from neonblue.stats.segments import novelty_trend
from neonblue.stats.sequential import MOST_LOG_RATIO_ERROR
from neonblue.stores.effect_days import SpanMoments, moments_by_days

if TYPE_CHECKING:
    from neonblue.stores import Store

SPANS = (0.0, 1.0, 2.0, 4.0, 7.0, 14.0)
FEWEST_SPANS = 3
ROUNDING_DAYS = 0.5
FEWEST_UNITS = 100
MOST_METRICS = 3
ALARM_P = 0.01
"""Anytime-valid p, over all metrics and variants, from which a trend is reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanLift:
    """The lift from ``from_day`` up to ``to_day`` after first exposure; limits hold at every look.

    None where one variant did too little in that span.
    """

    from_day: float
    to_day: float
    relative_lift: float | None
    ci_lower: float | None
    ci_upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectByDays:
    """One metric of one variant. ``slope`` is the change of the log ratio a day.

    ``trend`` is ``novelty`` when the lift moves to zero, ``learning`` when it moves away;
    ``p_value`` is anytime-valid and corrected for the metrics and variants looked at.
    """

    metric: str
    variant: str
    units: int
    spans: tuple[SpanLift, ...]
    trend: Literal["novelty", "learning", "none"]
    slope: float
    p_value: float


def effects_by_days(
    store: Store, experiment: Experiment, summaries: Summaries, terms: Terms, *, now: datetime
) -> tuple[EffectByDays, ...]:
    """Primary proportions and means of every treatment; empty where too few days are known."""
    edges = _edges(summaries, now)
    if experiment.source == "aggregated" or len(edges) <= FEWEST_SPANS:
        return ()
    primary = [
        m for m in experiment.metrics if m.role == "primary" and m.kind in ("proportion", "mean")
    ][:MOST_METRICS]
    if not primary:
        return ()
    names = [metric.name for metric in primary]
    moments = moments_by_days(store.database, experiment, names, edges=edges, as_of=now)
    return tuple(
        found
        for metric in names
        for found in _of_metric(experiment, metric, moments, edges=edges, terms=terms, of=names)
    )


def _edges(summaries: Summaries, now: datetime) -> tuple[float, ...]:
    """Spans up to about half of the time that has passed, so that half of the units count."""
    first, last = summaries.first_exposure_at, summaries.last_event_at
    if first is None or last is None:
        return ()
    passed = (min(now, last) - first) / timedelta(days=1)
    return tuple(edge for edge in SPANS if edge <= passed / 2 + ROUNDING_DAYS)


def _of_metric(
    experiment: Experiment,
    metric: str,
    moments: Mapping[tuple[str, str], SpanMoments],
    *,
    edges: tuple[float, ...],
    terms: Terms,
    of: Sequence[str],
) -> Iterator[EffectByDays]:
    """One metric ``of`` those that are tested together."""
    control = moments.get((metric, experiment.control.variant_id))
    tests = len(of) * len(experiment.treatments)
    for variant in experiment.treatments:
        treatment = moments.get((metric, variant.variant_id))
        if control is None or treatment is None:
            continue
        if min(control.units, treatment.units) < FEWEST_UNITS:
            continue
        horizon = terms.horizon(experiment, variant.variant_id, metric)
        yield _effect((metric, variant.variant_id), edges, (control, treatment), horizon, tests)


def _effect(
    names: tuple[str, str],
    edges: tuple[float, ...],
    pair: tuple[SpanMoments, SpanMoments],
    horizon: Horizon,
    tests: int,
) -> EffectByDays:
    log_ratio, covariance = _log_ratios(*pair)
    units = pair[0].units + pair[1].units
    middles = np.array([(start + end) / 2 for start, end in pairwise(edges)])
    trend = novelty_trend(middles, log_ratio, covariance, alpha=1.0)
    z = np.array([trend.slope / trend.standard_error])
    p_value = min(1.0, tests * float(horizon.p_values(z, units)[0])) if np.isfinite(z[0]) else 1.0
    return EffectByDays(
        metric=names[0],
        variant=names[1],
        units=units,
        spans=tuple(_spans(edges, log_ratio, covariance, horizon.critical_value(units))),
        trend=trend.kind if p_value <= ALARM_P else "none",
        slope=trend.slope,
        p_value=p_value,
    )


def _log_ratios(control: SpanMoments, treatment: SpanMoments) -> tuple[np.ndarray, np.ndarray]:
    """Log ratio of means by span and its covariance by the delta method; NaN where unknown."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [
            one.covariance / one.units / np.outer(one.means, one.means)
            for one in (control, treatment)
        ]
        log_ratio = np.log(treatment.means / control.means)
        error = np.sqrt(np.diag(parts[0] + parts[1]))
    known = (control.means > 0.0) & (treatment.means > 0.0) & (error <= MOST_LOG_RATIO_ERROR)
    return np.where(known, log_ratio, np.nan), parts[0] + parts[1]


def _spans(
    edges: tuple[float, ...], log_ratio: np.ndarray, covariance: np.ndarray, width: float
) -> Iterator[SpanLift]:
    for span, (start, end) in enumerate(pairwise(edges)):
        known = bool(np.isfinite(log_ratio[span])) and math.isfinite(width)
        half = width * math.sqrt(covariance[span, span]) if known else math.nan
        yield SpanLift(
            from_day=start,
            to_day=end,
            relative_lift=math.expm1(log_ratio[span]) if known else None,
            ci_lower=math.expm1(log_ratio[span] - half) if known else None,
            ci_upper=math.expm1(min(log_ratio[span] + half, 700.0)) if known else None,
        )
