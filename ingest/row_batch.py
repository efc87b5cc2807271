"""One batch of a file with one row a unit: from columns to staging rows, bad rows set apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from neonblue.ingest.column_batch import ColumnBatch, interleave
from neonblue.ingest.columns.rules import ColumnRules
from neonblue.ingest.columns.time_column import FORMS
from neonblue.ingest.event import EXPOSURE, MAX_VALUE
from neonblue.ingest.load_plan import LoadPlan
from neonblue.ingest.validate import Finding, check_events
from neonblue.stores.events import event_schema
from neonblue.stores.row_staging import FIRST_ROW_WINS, row_schema

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRows:
    """``rows`` has the columns of ``row_schema()``; findings point into the batch that was read."""

    rows: pa.Table
    findings: Sequence[Finding]


class RowReader:
    """Reads batches according to a plan; ``file_time`` stands in for a missing time column."""

    def __init__(
        self,
        plan: LoadPlan,
        value_columns: Sequence[str],
        rules: ColumnRules,
        file_time: datetime,
    ) -> None:
        self._plan = plan
        self._rules = rules
        self._value_columns = tuple(value_columns)
        self._file_time = file_time
        self._proportions = {
            metric.column for metric in plan.metrics if metric.kind == "proportion"
        }

    def read(self, table: pa.Table, numbers: Sequence[int]) -> ReadRows:
        """Rows to stage, and a finding for each row that cannot be used."""
        batch = ColumnBatch(table=table, numbers=numbers)
        units, variants = self._units(batch), batch.required_text(self._plan.variant or "")
        times = self._times(batch)
        values = [self._value(batch, column) for column in self._value_columns]
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
        return batch.required_text(self._plan.unit)

    def _times(self, batch: ColumnBatch) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = pa.timestamp("us", "UTC")
        filler = pa.scalar(self._file_time, kind)
        if self._plan.timestamp is None:
            return pa.repeat(filler, batch.size)
        name = self._plan.timestamp
        times, bad = self._rules.time(name).read(batch.column(name))
        mark_times(batch, name, times, bad)
        return pc.fill_null(times, filler)

    def _value(self, batch: ColumnBatch, column: str) -> Any:
        import pyarrow.compute as pc

        values, bad = self._rules.number(column).read(batch.column(column))
        mark_numbers(batch, column, bad)
        missing = pc.is_null(values)
        if not self._plan.missing_as_zero:
            batch.mark(missing, "missing_value", f"{column} is missing (--missing-as-zero?)")
        values = pc.fill_null(values, 0.0)
        sane = pc.and_(pc.is_finite(values), pc.less_equal(pc.abs(values), MAX_VALUE))
        batch.mark(pc.invert(sane), "value_not_finite", f"{column} is not a finite number")
        if column in self._proportions:
            neither = pc.and_(pc.not_equal(values, 0.0), pc.not_equal(values, 1.0))
            detail = f"{column} is {{}}, neither 0 nor 1"
            batch.mark(neither, "not_a_proportion", detail, shown=column)
        return values.to_numpy(zero_copy_only=False)

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


def mark_numbers(batch: ColumnBatch, name: str, bad: pa.Array) -> None:
    """Mark the rows whose cell is no number."""
    detail = f"{name} is {{}}, no number (--null WORD if it means that there is no value)"
    batch.mark(bad, "wrong_type", detail, shown=name)


def mark_times(batch: ColumnBatch, name: str, times: pa.Array, bad: pa.Array) -> None:
    """Mark the rows whose cell is no time, or empty."""
    import pyarrow.compute as pc

    batch.mark(bad, "bad_timestamp", f"{name} is {{}}, no time; known are {FORMS}", shown=name)
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
    values: Sequence[Any],
) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    width = len(values)
    flat = np.column_stack(values).ravel() if values else np.zeros(0)
    offsets = np.arange(0, batch.size * width + 1, width) if width else np.zeros(batch.size + 1)
    rows = pa.Table.from_arrays(
        [
            units,
            variants,
            pa.array(FIRST_ROW_WINS - np.asarray(batch.numbers, dtype=np.int64), pa.uint64()),
            times.cast(pa.timestamp("ms", "UTC"), safe=False),
            properties,
            pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(flat)),
        ],
        schema=row_schema(),
    )
    return batch.good(rows)
