"""One batch of a file with one row a unit: from columns to staging rows, bad rows set apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from neonblue.ingest.files.column_batch import ColumnBatch, interleave
from neonblue.ingest.files.columns.rules import ColumnRules
from neonblue.ingest.files.columns.time_column import TimeRule
from neonblue.ingest.files.columns.unit_ids import has_invisible, is_nobody, is_rounded
from neonblue.ingest.files.load_plan import LoadPlan
from neonblue.ingest.files.long_values import LongValues
from neonblue.ingest.messages.event import EXPOSURE, MAX_VALUE, TOO_LARGE
from neonblue.ingest.messages.validate import Finding, check_events
from neonblue.models.untimed import UNTIMED
from neonblue.stores.events import event_schema
from neonblue.stores.row_staging import row_schema

if TYPE_CHECKING:
    import pyarrow as pa


# What stands for 0 in formats of accounting, and for nothing elsewhere.
DASHES = ("-", "\u2212", "\u2013", "\u2014")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRows:
    """``rows`` has the columns of ``row_schema()``; findings point into the batch that was read."""

    rows: pa.Table
    findings: Sequence[Finding]


class RowReader:
    """Reads batches according to a plan; rows without a time column are ``UNTIMED``.

    ``names_seen`` are the metrics that a long file was found to have.
    """

    def __init__(
        self,
        plan: LoadPlan,
        value_columns: Sequence[str],
        rules: ColumnRules,
    ) -> None:
        self._plan = plan
        self._rules = rules
        self._value_columns = tuple(value_columns)
        self._long = None if plan.long is None else LongValues(plan.long, self._value_columns)
        self.names_seen: set[str | None] = set()
        self._proportions = {
            metric.column for metric in plan.metrics if metric.kind == "proportion"
        }

    def read(self, table: pa.Table, numbers: Sequence[int]) -> ReadRows:
        """Rows to stage, and a finding for each row that cannot be used."""
        batch = ColumnBatch(table=table, numbers=numbers)
        units, variants = self._units(batch), batch.required_text(self._plan.variant or "")
        times = self._times(batch)
        values = self._values(batch)
        properties = self._properties(batch)
        exposures = _exposures(self._plan.experiment_id, units, variants, times, properties)
        batch.add(check_events(exposures, datetime.now(UTC)))
        return ReadRows(
            rows=_keep(batch, units, variants, times, properties, values),
            findings=batch.found(),
        )

    def _units(self, batch: ColumnBatch) -> pa.Array:
        import pyarrow as pa

        if self._plan.unit is None:
            return pa.array([f"row-{number}" for number in batch.numbers], pa.string())
        return unit_ids(batch, self._plan.unit)

    def _times(self, batch: ColumnBatch) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = pa.timestamp("us", "UTC")
        filler = pa.scalar(UNTIMED, kind)
        if self._plan.timestamp is None:
            return pa.repeat(filler, batch.size)
        name = self._plan.timestamp
        rule = self._rules.time(name)
        times, bad = rule.read(batch.column(name))
        mark_times(batch, name, rule, times, bad)
        return pc.fill_null(times, filler)

    def _values(self, batch: ColumnBatch) -> list[pa.Array]:
        """One array a metric column, null where a unit has no value."""
        import pyarrow.compute as pc

        if self._long is None:
            return [self._value(batch, name, name) for name in self._value_columns]
        self.names_seen |= set(pc.unique(self._long.names(batch.table)).to_pylist())
        batch.table = self._long.added(batch.table)
        return [self._value(batch, self._long.key(name), name) for name in self._value_columns]

    def _value(self, batch: ColumnBatch, column: str, name: str) -> pa.Array:
        """A column's numbers; those that cannot be right are marked."""
        import pyarrow.compute as pc

        values, bad = self._rules.number(column).read(batch.column(column))
        mark_numbers(batch, column, bad, called=name)
        insane = pc.invert(pc.fill_null(pc.is_finite(values), True))
        nan = pc.fill_null(pc.is_nan(values), False)
        detail = f"{name} is {{}}, not a finite number"
        hint = " (--null NaN if it means that there is no value)"
        batch.mark(nan, "value_not_finite", f"{detail}{hint}", shown=column)
        batch.mark(insane, "value_not_finite", detail, shown=column)
        large = pc.fill_null(pc.greater(pc.abs(values), MAX_VALUE), False)
        batch.mark(large, "value_too_large", f"{name} {TOO_LARGE}")
        if name in self._proportions:
            neither = pc.and_(pc.not_equal(values, 0.0), pc.not_equal(values, 1.0))
            detail = f"{name} is {{}}, neither 0 nor 1"
            batch.mark(pc.fill_null(neither, False), "not_a_proportion", detail, shown=column)
        return values

    def _properties(self, batch: ColumnBatch) -> pa.Array:
        columns: dict[str, pa.Array] = {}
        for segment in self._plan.segments:
            columns[segment] = batch.text(segment)
        for covariate in self._plan.covariates:
            name = covariate.column
            numbers, bad = self._rules.number(name).read(batch.column(name))
            mark_numbers(batch, name, bad)
            columns[covariate.name] = number_text(numbers)
        return interleave(columns, batch.size)


def unit_ids(batch: ColumnBatch, name: str) -> pa.Array:
    """The ids in a column; those that are none are marked."""
    ids = batch.required_text(name)
    batch.mark(is_nobody(ids), "no_id", f"{name} is {{}}, which is nobody's id", shown=name)
    batch.mark(
        is_rounded(ids),
        "rounded_id",
        f"{name} is {{}}, a number that a spreadsheet rounded: export ids as text",
        shown=name,
    )
    detail = f"{name} is {{}}, with a character that nobody sees"
    batch.mark(has_invisible(ids), "invisible_character", detail, shown=name)
    return ids


def mark_numbers(
    batch: ColumnBatch, name: str, bad: pa.Array, *, called: str | None = None
) -> None:
    """Mark the rows whose cell is no number; ``called`` is the column's name in messages."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pc.any(bad, min_count=0).as_py():
        return
    said = f"{called or name} is {{}}, no number"
    dash = pc.fill_null(pc.is_in(batch.text(name), pa.array(DASHES)), False)
    batch.mark(
        pc.and_(bad, dash),
        "wrong_type",
        f"{said} ({{null}} if it means that there is no value, and --missing-as-zero too if it "
        "means 0, as in formats of accounting)",
        shown=name,
    )
    detail = f"{said} ({{null}} if it means that there is no value)"
    batch.mark(bad, "wrong_type", detail, shown=name)


def mark_times(
    batch: ColumnBatch, name: str, rule: TimeRule, times: pa.Array, bad: pa.Array
) -> None:
    """Mark the rows whose cell is no time, or empty."""
    import pyarrow.compute as pc

    batch.mark(bad, "bad_timestamp", f"{name} is {{}}, no time; {rule.forms}", shown=name)
    batch.mark(pc.is_null(times), "bad_timestamp", f"{name} is empty")


def number_text(numbers: pa.Array) -> pa.Array:
    """Numbers as text that reads back exactly; what is no finite number is left out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    finite = pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))
    return pc.cast(finite, pa.string())


def _exposures(
    experiment_id: str, units: pa.Array, variants: pa.Array, times: pa.Array, properties: pa.Array
) -> pa.Table:
    """The rows as exposure events, so that the rules for events hold for files too."""
    import pyarrow as pa

    def constant(text: str) -> pa.Array:
        return pa.repeat(pa.scalar(text, pa.string()), len(units))

    columns = [
        constant("-"),
        units,
        constant(experiment_id),
        variants,
        constant(EXPOSURE),
        times.cast(pa.timestamp("ms", "UTC"), safe=False),
        pa.nulls(len(units), pa.float64()),
        constant(""),
        properties,
        constant("file"),
    ]
    return pa.Table.from_arrays(columns, schema=event_schema())


def _keep(
    batch: ColumnBatch,
    units: pa.Array,
    variants: pa.Array,
    times: pa.Array,
    properties: pa.Array,
    values: Sequence[pa.Array],
) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    width = len(values)
    order = np.arange(batch.size * width).reshape(width, batch.size).T.ravel()
    flat = pa.concat_arrays(values).take(pa.array(order)) if values else pa.nulls(0, pa.float64())
    offsets = np.arange(0, batch.size * width + 1, width) if width else np.zeros(batch.size + 1)
    rows = pa.Table.from_arrays(
        [
            units,
            variants,
            pa.array(np.asarray(batch.numbers, dtype=np.int64), pa.int64()).cast(pa.uint64()),
            times.cast(pa.timestamp("ms", "UTC"), safe=False),
            properties,
            pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), flat),
        ],
        schema=row_schema(),
    )
    return batch.good(rows)
