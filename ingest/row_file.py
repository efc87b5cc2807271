"""Files with one row a unit: staged as rows, turned into events in the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from neonblue.ingest.exclusion import Exclusion
from neonblue.ingest.files import DataFile, FileBatch
from neonblue.ingest.load_plan import LoadPlan, MetricSpec, event_type_of
from neonblue.ingest.rejects import Rejects
from neonblue.ingest.row_batch import RowReader
from neonblue.ingest.staged_file import StagedFile
from neonblue.models import MetricKind

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.stores.loads import Staging
    from neonblue.stores.row_staging import ColumnRange, RowStaging

Report = Callable[[float, float, str], None]
# Reading is this share of a load's progress bar.
READING = 0.7


def stage_rows(
    staging: Staging, plan: LoadPlan, file: DataFile, rejects: Rejects, report: Report
) -> StagedFile:
    """Read, check and stage every row, then make the events of the units that were kept."""
    values = value_columns(plan)
    rows = staging.rows()
    try:
        read, excluded = _read(rows, plan, file, rejects, report)
        report(READING, 1.0, "making events")
        rows.compact()
        ranges = rows.ranges(values)
        rows.to_events(staging.table, plan.experiment_id, [event_type_of(name) for name in values])
        return StagedFile(
            rows_read=read,
            rows_excluded=excluded,
            repeated_rows=read - excluded - rejects.total - rows.count(),
            timed=plan.timestamp is not None,
            kinds=_kinds(plan.metrics, ranges),
            warnings=tuple(_constant(item) for item in ranges if item.minimum == item.maximum),
        )
    finally:
        rows.drop()


def value_columns(plan: LoadPlan) -> list[str]:
    """The columns that metrics are made of, each once."""
    return list(dict.fromkeys(column for metric in plan.metrics for column in metric.columns))


def split_excluded(
    batch: FileBatch, exclusions: Sequence[Exclusion]
) -> tuple[pa.Table, list[int], int]:
    """A batch without the rows that an ``--exclude`` names, their numbers, and how many went."""
    import numpy as np
    import pyarrow as pa

    if not exclusions or batch.table.num_rows == 0:
        return batch.table, list(batch.rows), 0
    out = np.zeros(batch.table.num_rows, dtype=bool)
    for exclusion in exclusions:
        out |= exclusion.mask(batch.table).to_numpy(zero_copy_only=False)
    kept = np.asarray(batch.rows)[~out].tolist()
    return batch.table.filter(pa.array(~out)), kept, int(out.sum())


def _read(
    rows: RowStaging, plan: LoadPlan, file: DataFile, rejects: Rejects, report: Report
) -> tuple[int, int]:
    exclusions = [Exclusion(text, file.columns) for text in plan.excludes]
    reader = RowReader(plan, value_columns(plan), file.written_at)
    read = excluded = 0
    for batch in file.batches(_columns(plan, exclusions)):
        table, numbers, out = split_excluded(batch, exclusions)
        found = reader.read(table, numbers)
        for line in batch.bad:
            rejects.add(line.row, "bad_row", line.reason, line.text)
        for finding in found.findings:
            content = str(table.slice(finding.row, 1).to_pylist()[0])
            rejects.add(numbers[finding.row], finding.reason, finding.detail, content)
        rows.insert(found.rows)
        read += batch.table.num_rows + len(batch.bad)
        excluded += out
        report(READING * batch.bytes_read / file.size_bytes, 1.0, f"{read:,} rows read")
    return read, excluded


def _columns(plan: LoadPlan, exclusions: Sequence[Exclusion]) -> list[str]:
    names = [
        plan.unit,
        plan.variant,
        plan.timestamp,
        *value_columns(plan),
        *(covariate.column for covariate in plan.covariates),
        *plan.segments,
        *(column for exclusion in exclusions for column in exclusion.columns),
    ]
    return list(dict.fromkeys(name for name in names if name is not None))


def _kinds(metrics: Sequence[MetricSpec], ranges: Sequence[ColumnRange]) -> dict[str, MetricKind]:
    """The kind of each metric; one that was not named is a proportion if all values are 0 or 1."""
    flags = {item.column for item in ranges if item.only_zero_and_one}
    return {
        metric.name: metric.said_kind or ("proportion" if metric.column in flags else "mean")
        for metric in metrics
    }


def _constant(column: ColumnRange) -> str:
    return (
        f"every unit has {column.minimum:g} in {column.column!r}: without variance it can show no "
        "effect, so check the column"
    )
