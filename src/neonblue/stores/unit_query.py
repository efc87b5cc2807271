"""The one query behind every effect: events to one row a unit, with each metric's value.

A unit is an exposed ``user_id``. Its variant is that of its exposures; a unit exposed to several
variants gets the index -1 and its values never enter an effect. Metric values come from events at
or after the first exposure, pre-period covariates from the days before it.

Two shapes of the same result. ``simple`` adds values up while reading and flags the units with a
metric event before their exposure (``early``): where none is flagged it is exact, and about as
fast as a bare aggregation. ``exact`` keeps each unit's times and values and picks those after the
exposure; it is right always. Values are bound; the text holds only names made from counters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from neonblue.errors import InvalidInputError
from neonblue.models import Experiment, MetricDefinition
from neonblue.models.experiment import Aggregation
from neonblue.stores.missing_values import missing_type

# The variant index of a unit that was exposed to several variants, and to one not in the plan; and
# of one with metric events that was never exposed.
MULTIPLE = -1
UNPLANNED = 0
NEVER_EXPOSED = -2
MOST_VARIANTS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitScope:
    """Which units and events to read.

    ``as_of`` reads as if it were that moment (UTC). ``segment`` names an exposure property,
    ``by_exposure_day`` uses the day of the first exposure (UTC) instead. ``window_days`` takes
    only events from ``a`` up to ``b`` days after the first exposure, of units whose window has
    ended by ``as_of`` (or now). ``crossed_with`` names another experiment: only units that it
    exposed too, to one variant, and that variant is the segment. ``day_edges`` splits each
    metric's values by days since the first exposure, of units followed up to the last edge.
    ``exposure_edges`` are moments, oldest first: the segment is how many of them were before the
    first exposure, a space, and its day.
    """

    as_of: datetime | None = None
    segment: str | None = None
    by_exposure_day: bool = False
    window_days: tuple[float, float] | None = None
    crossed_with: str | None = None
    day_edges: tuple[float, ...] | None = None
    exposure_edges: tuple[datetime, ...] | None = None

    @property
    def segmented(self) -> bool:
        """Whether the units have a segment; without one it is '' for all."""
        named = self.segment is not None or self.crossed_with is not None
        return named or self.by_exposure_day or self.exposure_edges is not None


@dataclass(slots=True, kw_only=True)
class UnitQuery:
    """SQL text of one row a unit, with its parameters.

    Columns: ``variant`` (1-based index into the plan, 0 unplanned, -1 several, -2 never exposed,
    which only ``unexposed`` asks for), ``segment``, ``exposed_at``, ``last_at``, ``early`` (some
    metric event came before the exposure) and, for metric i, ``y{i}``, ``d{i}``, ``x{i}``,
    ``e{i}`` as far as the metric has them, or with ``day_edges`` ``b{i}_{j}`` for the j-th span
    of days; ``named`` adds ``user_id``. Units that have no value of an event type in ``missing``
    have null in all columns of its metrics.
    """

    experiment: Experiment
    metrics: tuple[MetricDefinition, ...]
    scope: UnitScope
    exact: bool
    named: bool = False
    unexposed: bool = False
    missing: frozenset[str] = frozenset()
    parameters: dict[str, Any] = field(default_factory=dict)
    event_types: list[str] = field(default_factory=list)
    _kept: list[set[str]] = field(default_factory=list)

    def sql(self) -> str:
        """The whole subquery, ending in one row a unit."""
        values = [line for index in range(len(self.metrics)) for line in self._metric(index)]
        self.parameters |= {
            "id": self.experiment.experiment_id,
            "variants": [variant.variant_id for variant in self.experiment.variants],
            "bits": [2 << index for index in range(len(self.experiment.variants))],
        }
        return f"""
        SELECT
            {self._variant()} AS variant,
            {self._segment()} AS segment,
            {"user_id," if self.named else ""}
            {", ".join(["exposed_at", "last_at", self._early(), *values])}
        FROM (
            SELECT {", ".join([*self._exposure(), *self._gathered()])}
            FROM events FINAL
            WHERE experiment_id = {{id:String}} {self._event_filter()} {self._until()}
            GROUP BY user_id
            HAVING {"seen = 0 OR " if self.unexposed else ""}(seen > 0 {self._counted()})
        ) AS units {self._crossing()} {self._followed()}"""

    def _variant(self) -> str:
        exposed = f"if(bitCount(seen) > 1, {MULTIPLE}, toInt8(bitCount(seen - 1)))"
        return f"if(seen = 0, {NEVER_EXPOSED}, {exposed})" if self.unexposed else exposed

    def _exposure(self) -> list[str]:
        at_exposure = "event_type = 'exposure'"
        # One bit a variant: 0 is one that was not planned, i the i-th of the plan. Looked up once a
        # distinct variant_id, where an index computed for every row costs a tenth of the query.
        bit = "transform(variant_id, {variants:Array(String)}, {bits:Array(UInt64)}, toUInt64(1))"
        if len(self.experiment.variants) > MOST_VARIANTS:
            raise InvalidInputError(
                f"experiment {self.experiment.experiment_id!r} has {len(self.experiment.variants)} "
                f"variants, more than {MOST_VARIANTS}: split it"
            )
        columns = ["user_id"] if self.named or self.scope.crossed_with is not None else []
        columns += [
            f"groupBitOrIf({bit}, {at_exposure}) AS seen",
            f"minIf(timestamp, {at_exposure}) AS exposed_at",
            "max(timestamp) AS last_at",
        ]
        if self.scope.segment is not None:
            self.parameters["segment"] = self.scope.segment
            columns.append(_first_property("segment", "segment_value"))
        for index_, metric in enumerate(self.metrics):
            if metric.covariate is not None:
                self.parameters[f"covariate{index_}"] = metric.covariate
                columns.append(_first_property(f"covariate{index_}", f"covariate{index_}"))
        return columns

    def _gathered(self) -> list[str]:
        """What is kept of each event type while reading."""
        columns = []
        for index, event_type in enumerate(self.event_types):
            self.parameters[f"event{index}"] = event_type
            match = f"event_type = {{event{index}:String}}"
            for kept in sorted(self._kept[index]):
                columns.append(f"{KEEP[kept].format(match)} AS {kept}{index}")
            if event_type in self.missing:
                self.parameters[f"missing{index}"] = missing_type(event_type)
                marked = f"event_type = {{missing{index}:String}}"
                columns.append(f"max({marked}) AS missing{index}")
        if self._asks_early:
            columns.append("min(timestamp) AS first_at")
        return columns

    def _metric(self, index: int) -> list[str]:
        metric = self.metrics[index]
        if self.scope.day_edges is not None:
            return self._by_day(index, metric, self.scope.day_edges)
        after = self._after() + self._attributed(index)
        values = {f"y{index}": self._value(metric.event_type, metric.aggregation, after)}
        if metric.kind == "ratio":
            values[f"d{index}"] = self._value(*_denominator(metric), after)
        return self._present(metric, values | self._covariates(index))

    def _present(self, metric: MetricDefinition, values: Mapping[str, str]) -> list[str]:
        """Named expressions, null for the units that have no value of the metric."""
        types = (metric.event_type, metric.denominator_event_type)
        absent = " OR ".join(
            f"missing{self.event_types.index(name)}"
            for name in types
            if name is not None and name in self.missing
        )
        return [
            f"if({absent}, NULL, {value}) AS {name}" if absent else f"{value} AS {name}"
            for name, value in values.items()
        ]

    def _by_day(self, index: int, metric: MetricDefinition, edges: tuple[float, ...]) -> list[str]:
        values = {}
        for span, ends in enumerate(pairwise(edges)):
            self.parameters[f"from_ms{span}"], self.parameters[f"to_ms{span}"] = _window_ms(ends)
            inside = (
                f"t >= exposed_at + toIntervalMillisecond({{from_ms{span}:Int64}})"
                f" AND t < exposed_at + toIntervalMillisecond({{to_ms{span}:Int64}})"
                + self._attributed(index)
            )
            value = self._value(metric.event_type, metric.aggregation, inside)
            values[f"b{index}_{span}"] = value
        self.parameters["to_ms"] = _window_ms((0.0, edges[-1]))[1]
        return self._present(metric, values)

    def _covariates(self, index: int) -> dict[str, str]:
        metric = self.metrics[index]
        if metric.covariate is not None:
            # A unit without the covariate gets everybody's mean: that moves no variant's mean
            # relative to another's, so the adjusted effect stays unbiased.
            number = f"toFloat64OrNull(covariate{index})"
            return {f"x{index}": f"ifNull({number}, ifNull(avg({number}) OVER (), 0))"}
        if metric.pre_period_days is None:
            return {}
        before = self._before(index, metric.pre_period_days)
        values = {f"x{index}": self._value(metric.event_type, metric.aggregation, before)}
        if metric.kind == "ratio":
            values[f"e{index}"] = self._value(*_denominator(metric), before)
        return values

    def _value(self, event_type: str, aggregation: Aggregation, inside: str) -> str:
        if event_type not in self.event_types:
            self.event_types.append(event_type)
            self._kept.append(set())
        index = self.event_types.index(event_type)
        timed = event_type in self._timed()
        kept, expression = _expression(aggregation, inside, exact=self.exact, timed=timed)
        self._kept[index] |= kept
        return expression.format(index)

    def _timed(self) -> set[str]:
        """Event types whose times are kept anyway, as some metric counts or adds them up."""
        needed = {m.event_type for m in self.metrics if m.aggregation != "any"}
        return needed | {
            m.denominator_event_type
            for m in self.metrics
            if m.denominator_event_type is not None and m.denominator_aggregation != "any"
        }

    def _after(self) -> str:
        if self.scope.window_days is None:
            return AFTER_EXPOSURE
        self.parameters["from_ms"], self.parameters["to_ms"] = _window_ms(self.scope.window_days)
        return (
            "t >= exposed_at + toIntervalMillisecond({from_ms:Int64})"
            " AND t < exposed_at + toIntervalMillisecond({to_ms:Int64})"
        )

    def _attributed(self, index: int) -> str:
        """The end of the metric's attribution window, as a further condition."""
        days = self.metrics[index].attribution_window_days
        if days is None:
            return ""
        self.parameters[f"attributed_ms{index}"] = round(days * 86_400_000)
        return f" AND t < exposed_at + toIntervalMillisecond({{attributed_ms{index}:Int64}})"

    def _before(self, index: int, days: float) -> str:
        self.parameters[f"before_ms{index}"] = round(days * 86_400_000)
        start = f"exposed_at - toIntervalMillisecond({{before_ms{index}:Int64}})"
        return f"t < exposed_at AND t >= {start}"

    def _crossing(self) -> str:
        if self.scope.crossed_with is None:
            return ""
        self.parameters["crossed"] = self.scope.crossed_with
        return """
        INNER JOIN (
            SELECT user_id, any(variant_id) AS crossed_variant FROM events
            WHERE experiment_id = {crossed:String} AND event_type = 'exposure'
            GROUP BY user_id HAVING uniqExact(variant_id) = 1
        ) AS crossed ON units.user_id = crossed.user_id"""

    def _segment(self) -> str:
        if self.scope.crossed_with is not None:
            return "crossed_variant"
        if self.scope.exposure_edges is not None:
            self.parameters["edges_ms"] = [_epoch_ms(edge) for edge in self.scope.exposure_edges]
            since = "arrayCount(e -> e <= toUnixTimestamp64Milli(exposed_at), "
            period = f"toString({since}{{edges_ms:Array(Int64)}}))"
            return f"concat({period}, ' ', toString(toDate(exposed_at, 'UTC')))"
        if self.scope.by_exposure_day:
            return "toString(toDate(exposed_at, 'UTC'))"
        return "''" if self.scope.segment is None else "segment_value"

    @property
    def _asks_early(self) -> bool:
        return bool(self.event_types) and (self.unexposed or not self.exact)

    def _early(self) -> str:
        return "first_at < exposed_at AS early" if self._asks_early else "0 AS early"

    def _event_filter(self) -> str:
        markers = [missing_type(name) for name in self.event_types if name in self.missing]
        self.parameters["event_types"] = ["exposure", *self.event_types, *markers]
        return "AND event_type IN {event_types:Array(String)}"

    def _counted(self) -> str:
        if self.experiment.counted_from is None:
            return ""
        self.parameters["counted_ms"] = _epoch_ms(self.experiment.counted_from)
        return "AND exposed_at >= fromUnixTimestamp64Milli({counted_ms:Int64}, 'UTC')"

    def _until(self) -> str:
        if self.scope.as_of is None:
            return ""
        self.parameters["as_of_ms"] = _epoch_ms(self.scope.as_of)
        return "AND timestamp <= fromUnixTimestamp64Milli({as_of_ms:Int64}, 'UTC')"

    def _followed(self) -> str:
        if self.scope.window_days is None and self.scope.day_edges is None:
            return ""
        now = "now64(3, 'UTC')"
        if self.scope.as_of is not None:
            now = "fromUnixTimestamp64Milli({as_of_ms:Int64}, 'UTC')"
        return f"WHERE exposed_at + toIntervalMillisecond({{to_ms:Int64}}) <= {now}"


AFTER_EXPOSURE = "t >= exposed_at"
# What may be kept of the events of one type while reading, and how it is gathered.
KEEP = {
    "count": "countIf({0})",
    "sum": "sumIf(ifNull(value, 0), {0})",
    "last": "maxIf(timestamp, {0})",
    "times": "groupArrayIf(timestamp, {0})",
    "values": "groupArrayIf(ifNull(value, 0), {0})",
}


def _expression(
    aggregation: Aggregation, inside: str, *, exact: bool, timed: bool
) -> tuple[set[str], str]:
    """What to keep of an event type (numbered {0}), and a unit's value from it.

    ``timed``: the times are kept for another metric, so that the last one is among them.
    """
    if not exact:
        simple = {"any": "toFloat64(count{0} > 0)", "count": "toFloat64(count{0})", "sum": "sum{0}"}
        return {"sum" if aggregation == "sum" else "count"}, simple[aggregation]
    if aggregation == "any" and inside == AFTER_EXPOSURE and timed:
        # Of no times at all the largest is the epoch.
        return {"times"}, "toFloat64(arrayMax(times{0}) >= exposed_at)"
    if aggregation == "any" and inside == AFTER_EXPOSURE:
        return {"last"}, "toFloat64(last{0} >= exposed_at)"
    picked = inside.replace("{", "{{").replace("}", "}}")
    if aggregation == "any":
        return {"times"}, f"toFloat64(arrayExists(t -> {picked}, times{{0}}))"
    if aggregation == "count":
        return {"times"}, f"toFloat64(arrayCount(t -> {picked}, times{{0}}))"
    chosen = f"arraySum((v, t) -> if({picked}, v, 0.), values{{0}}, times{{0}})"
    return {"times", "values"}, chosen


def needs_exact(metrics: tuple[MetricDefinition, ...], scope: UnitScope) -> bool:
    """Whether only the exact shape can answer: pre-periods and windows look at times."""
    windowed = scope.window_days is not None or scope.day_edges is not None
    return windowed or any(
        metric.attribution_window_days is not None
        or (metric.pre_period_days is not None and metric.covariate is None)
        for metric in metrics
    )


def _denominator(metric: MetricDefinition) -> tuple[str, Aggregation]:
    if metric.denominator_event_type is None:
        raise InvalidInputError(
            f"ratio metric {metric.name!r} has no denominator: "
            "give it a denominator_event_type and define the experiment again"
        )
    return metric.denominator_event_type, metric.denominator_aggregation


def _first_property(parameter: str, name: str) -> str:
    """A property of the first exposure; two exposures at one instant are told apart by value."""
    value = f"properties[{{{parameter}:String}}]"
    return f"argMinIf({value}, (timestamp, {value}), event_type = 'exposure') AS {name}"


def _window_ms(window_days: tuple[float, float]) -> tuple[int, int]:
    start, end = (round(days * 86_400_000) for days in window_days)
    if not 0 <= start < end:
        raise InvalidInputError(
            f"window_days {window_days!r} must start at 0 or later and end after it starts"
        )
    return start, end


def _epoch_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
