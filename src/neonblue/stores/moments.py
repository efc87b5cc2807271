"""Sufficient statistics of every metric of an experiment, from events, in one pass."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from neonblue.errors import NotFoundError
from neonblue.models import Experiment, MetricDefinition, MetricSummary
from neonblue.models.untimed import known_time
from neonblue.stores.missing_values import missing_types
from neonblue.stores.unit_query import (
    MULTIPLE,
    NEVER_EXPOSED,
    UNPLANNED,
    UnitQuery,
    UnitScope,
    needs_exact,
)

if TYPE_CHECKING:
    from neonblue.stores.database import Database

Key = tuple[str, str, str]
# Not "_0": what ends like that is a field of MetricSummary.
LOWEST, SKEWNESS = "lowest", "skewness"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantUnits:
    """How many units a variant has in a segment ('' is all)."""

    variant_id: str
    segment: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueShape:
    """What mean and variance do not say of a metric's values (a ratio's: of its numerator).

    ``lowest`` is the least value, of numerator or denominator; ``skewness`` the sample's.
    """

    lowest: float
    skewness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentMoments:
    """What an analysis needs, and the counts that its validity checks need.

    ``summaries`` and ``shapes`` are keyed by (metric, variant_id, segment).
    ``multiple_variant_units`` were exposed to several variants and are in no summary;
    ``unplanned_units`` only to variants that are not in the plan. ``unexposed_units`` have metric
    events and no exposure; ``early_units`` (by variant_id) have a metric event before theirs: both
    are counted where the whole experiment is read. Times are UTC, None without exposures and
    for files that have no times.
    """

    experiment_id: str
    units: tuple[VariantUnits, ...]
    multiple_variant_units: int
    unplanned_units: int
    first_exposure_at: datetime | None
    last_exposure_at: datetime | None
    last_event_at: datetime | None
    summaries: Mapping[Key, MetricSummary] = field(default_factory=dict)
    shapes: Mapping[Key, ValueShape] = field(default_factory=dict)
    unexposed_units: int = 0
    early_units: Mapping[str, int] = field(default_factory=dict)

    def summary(self, metric: str, variant_id: str, segment: str = "") -> MetricSummary:
        """One metric in one variant; no units is a summary with n = 0."""
        empty = MetricSummary(n=0.0, mean=0.0, variance=0.0)
        return self.summaries.get((metric, variant_id, segment), empty)

    def n(self, variant_id: str, segment: str = "") -> int:
        """Units of a variant in a segment."""
        return sum(
            item.units
            for item in self.units
            if item.variant_id == variant_id and item.segment == segment
        )

    @property
    def segments(self) -> tuple[str, ...]:
        """The segments that were found, by name."""
        return tuple(sorted({item.segment for item in self.units}))


class Moments:
    """Sufficient statistics for the analysis, computed from events."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Experiments known to have metric events before exposure: the quick shape would be tried
        # in vain. Only a matter of speed; both shapes check themselves.
        self._early: set[str] = set()

    def summarise(
        self,
        experiment: Experiment,
        *,
        metrics: Sequence[str] | None = None,
        scope: UnitScope | None = None,
    ) -> ExperimentMoments:
        """Per variant and segment: n, means, variances and covariances of each metric.

        ``metrics`` takes some by name, all by default (quantile metrics have no moments: see
        ``Quantiles``). Raises ``NotFoundError`` for a metric that the plan does not have.
        """
        chosen = tuple(
            metric for metric in choose(experiment, metrics) if metric.kind != "quantile"
        )
        scope = scope or UnitScope()
        exact = needs_exact(chosen, scope) or experiment.experiment_id in self._early
        rows = self._read(experiment, chosen, scope, exact=exact)
        exposed = [row for row in rows if row["variant"] != NEVER_EXPOSED]
        if not exact and any(row["early_units"] for row in exposed):
            self._early.add(experiment.experiment_id)
            rows = self._read(experiment, chosen, scope, exact=True)
        return _moments(experiment, chosen, rows)

    def _read(
        self,
        experiment: Experiment,
        metrics: tuple[MetricDefinition, ...],
        scope: UnitScope,
        *,
        exact: bool,
    ) -> list[dict[str, Any]]:
        query = UnitQuery(
            experiment=experiment,
            metrics=metrics,
            scope=scope,
            exact=exact,
            unexposed=scope == UnitScope(as_of=scope.as_of),
            missing=missing_types(self._database, experiment, metrics),
        )
        units = query.sql()
        caps = self._caps(query, units)
        columns = [column for i, metric in enumerate(metrics) for column in _columns(i, metric)]
        # A text that is always '' is no key: grouping by one byte is quicker than by a pair.
        sliced, keys = "''", "variant"
        if scope.segmented:
            sliced, keys = "if(variant > 0, segment, '')", "variant, slice"
        table = self._database.table(
            f"""
            SELECT variant, {sliced} AS slice, count() AS units,
                   min(exposed_at) AS first_exposed_at, max(exposed_at) AS last_exposed_at,
                   max(last_at) AS last_event_at, countIf(early) AS early_units
                   {"".join(f", {column}" for column in columns)}
            FROM ({_capped(units, len(metrics), caps)})
            GROUP BY {keys}
            """,
            query.parameters,
        )
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows

    def _caps(self, query: UnitQuery, units: str) -> dict[int, float]:
        """The value at which each winsorised metric is cut: its quantile over all variants."""
        levels = {
            index: metric.winsorize_quantile
            for index, metric in enumerate(query.metrics)
            if metric.winsorize_quantile is not None
        }
        if not levels:
            return {}
        # A quantile's level is part of the function's name and cannot be bound; it is a float.
        columns = ", ".join(f"quantileExact({float(q)!r})(y{i})" for i, q in levels.items())
        row = self._database.row(
            f"SELECT {columns} FROM ({units}) WHERE variant > 0", query.parameters
        )
        return {index: float(cap) for index, cap in zip(levels, row or (), strict=True)}


def choose(experiment: Experiment, names: Sequence[str] | None) -> tuple[MetricDefinition, ...]:
    """The metrics of those names, in plan order; all without names."""
    known = {metric.name for metric in experiment.metrics}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise NotFoundError(
            f"experiment {experiment.experiment_id!r} has no metric {unknown[0]!r}: "
            f"it has {', '.join(sorted(known)) or 'none'}"
        )
    return tuple(metric for metric in experiment.metrics if names is None or metric.name in names)


def _capped(units: str, metrics: int, caps: Mapping[int, float]) -> str:
    """The unit rows with winsorised metrics cut at their caps."""
    if not caps:
        return units
    # Not least(), which takes the cap for a value that is missing.
    cut = ", ".join(
        f"if(y{index} > {cap!r}, {cap!r}, y{index}) AS y{index}" for index, cap in caps.items()
    )
    return f"SELECT * REPLACE ({cut}) FROM ({units})"


def _columns(index: int, metric: MetricDefinition) -> Iterator[str]:
    """The aggregates of one metric, named after the fields of ``MetricSummary``, and its shape."""
    i = index
    yield from _shape_columns(i, metric)
    yield f"count(y{i}) AS n_{i}"
    yield f"avg(y{i}) AS mean_{i}"
    yield f"varSampStable(y{i}) AS variance_{i}"
    ratio = metric.kind == "ratio"
    covariate = metric.covariate is not None or metric.pre_period_days is not None
    if ratio:
        yield f"avg(d{i}) AS denominator_mean_{i}"
        yield f"varSampStable(d{i}) AS denominator_variance_{i}"
        yield f"covarSampStable(y{i}, d{i}) AS covariance_y_d_{i}"
    if covariate:
        yield f"avg(x{i}) AS covariate_mean_{i}"
        yield f"varSampStable(x{i}) AS covariate_variance_{i}"
        yield f"covarSampStable(y{i}, x{i}) AS covariance_y_x_{i}"
    if covariate and ratio:
        yield f"covarSampStable(d{i}, x{i}) AS covariance_d_x_{i}"
        if metric.covariate is None:
            yield f"avg(e{i}) AS covariate_denominator_mean_{i}"
            yield f"varSampStable(e{i}) AS covariate_denominator_variance_{i}"
            yield f"covarSampStable(x{i}, e{i}) AS covariance_x_e_{i}"
            yield f"covarSampStable(y{i}, e{i}) AS covariance_y_e_{i}"
            yield f"covarSampStable(d{i}, e{i}) AS covariance_d_e_{i}"


def _shape_columns(index: int, metric: MetricDefinition) -> Iterator[str]:
    """Lowest value and skewness; counts are never negative and a proportion has no free shape."""
    if metric.kind == "proportion":
        return
    lowest = [f"min(y{index})"] if metric.aggregation == "sum" else []
    if metric.kind == "ratio" and metric.denominator_aggregation == "sum":
        lowest.append(f"min(d{index})")
    yield (
        f"least(0., {', '.join(lowest)}) AS {LOWEST}{index}" if lowest else f"0. AS {LOWEST}{index}"
    )
    yield f"skewSamp(y{index}) AS {SKEWNESS}{index}"


def _moments(
    experiment: Experiment,
    metrics: tuple[MetricDefinition, ...],
    rows: list[dict[str, Any]],
) -> ExperimentMoments:
    unexposed = sum(row["units"] for row in rows if row["variant"] == NEVER_EXPOSED)
    rows = [row for row in rows if row["variant"] != NEVER_EXPOSED]
    planned = [row for row in rows if row["variant"] > 0]
    variant_ids = [variant.variant_id for variant in experiment.variants]
    return ExperimentMoments(
        experiment_id=experiment.experiment_id,
        units=tuple(
            VariantUnits(
                variant_id=variant_ids[row["variant"] - 1], segment=row["slice"], units=row["units"]
            )
            for row in planned
        ),
        multiple_variant_units=sum(r["units"] for r in rows if r["variant"] == MULTIPLE),
        unplanned_units=sum(r["units"] for r in rows if r["variant"] == UNPLANNED),
        first_exposure_at=known_time(min((r["first_exposed_at"] for r in rows), default=None)),
        last_exposure_at=known_time(max((r["last_exposed_at"] for r in rows), default=None)),
        last_event_at=known_time(max((row["last_event_at"] for row in rows), default=None)),
        summaries={
            (metric.name, variant_ids[row["variant"] - 1], row["slice"]): _summary(row, index)
            for row in planned
            for index, metric in enumerate(metrics)
        },
        shapes={
            (metric.name, variant_ids[row["variant"] - 1], row["slice"]): _shape(row, index)
            for row in planned
            for index, metric in enumerate(metrics)
        },
        unexposed_units=unexposed,
        early_units={
            variant_ids[row["variant"] - 1]: row["early_units"]
            for row in planned
            if row["slice"] == ""
        },
    )


def _shape(row: Mapping[str, Any], index: int) -> ValueShape:
    """A proportion is at least 0 and its skewness follows from its mean."""
    lowest, skewness = row.get(f"{LOWEST}{index}", 0.0), row.get(f"{SKEWNESS}{index}", math.nan)
    return ValueShape(
        lowest=0.0 if lowest is None else float(lowest),
        skewness=math.nan if skewness is None else float(skewness),
    )


def _summary(row: Mapping[str, Any], index: int) -> MetricSummary:
    """One unit has no variance (the engine says infinity, NaN or null): 0, and n says what it is.

    Units without a value of the metric are none of its units.
    """
    suffix = f"_{index}"
    alone = row[f"n{suffix}"] < 2
    fields = {
        name.removesuffix(suffix): 0.0
        if alone and (value is None or not math.isfinite(value))
        else float(value)
        for name, value in row.items()
        if name.endswith(suffix)
    }
    return MetricSummary(**fields)
