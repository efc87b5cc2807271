"""Files with one row a unit: staged as rows, turned into events in the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError
from neonblue.ingest.column_batch import shown_row, shown_text
from neonblue.ingest.columns.rules import ColumnRules, Survey
from neonblue.ingest.exclusion import Exclusions
from neonblue.ingest.files import DataFile
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
    exclusions = Exclusions(plan.excludes, file.columns)
    rules = _rules(plan, file, exclusions, report)
    rows = staging.rows()
    try:
        read, excluded = _read(rows, plan, file, rules, exclusions, rejects, report)
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
            warnings=(
                *exclusions.warnings(),
                *rules.warnings,
                *(_constant(item) for item in ranges if item.minimum == item.maximum),
            ),
        )
    finally:
        rows.drop()


def value_columns(plan: LoadPlan) -> list[str]:
    """The columns that metrics are made of, each once."""
    return list(dict.fromkeys(column for metric in plan.metrics for column in metric.columns))


def _rules(plan: LoadPlan, file: DataFile, exclusions: Exclusions, report: Report) -> ColumnRules:
    covariates = [covariate.column for covariate in plan.covariates]
    rules = column_rules(
        plan,
        file,
        exclusions,
        numbers=[*value_columns(plan), *covariates],
        times=[] if plan.timestamp is None else [plan.timestamp],
        report=report,
    )
    _refuse_percent(plan, file, rules)
    return rules


def _refuse_percent(plan: LoadPlan, file: DataFile, rules: ColumnRules) -> None:
    """Whether a unit did something is 0 or 1: a per cent is a share of something else."""
    for metric in plan.metrics:
        if metric.said_kind == "proportion" and rules.number(metric.column).percent:
            raise InvalidInputError(
                f"column {metric.column!r} of {file.path.name!r} holds per cents, but a proportion "
                f"needs 0 or 1 for each unit: name the column that says whether it happened, or "
                f"write {metric.name}:mean={metric.column} for the mean of the per cents. Nothing "
                "was loaded"
            )


def column_rules(
    plan: LoadPlan,
    file: DataFile,
    exclusions: Exclusions,
    *,
    numbers: Sequence[str],
    times: Sequence[str],
    report: Report | None = None,
) -> ColumnRules:
    """How each column of the rows that count is read."""

    def kept(table: pa.Table) -> pa.Table:
        if report is not None:
            report(0.0, 1.0, "looking at the columns")
        return exclusions.kept(table)

    survey = Survey(file, plan.cells, keep=kept, also=exclusions.columns)
    return survey.rules(list(dict.fromkeys([*numbers, *exclusions.numeric_columns])), times)


def _read(
    rows: RowStaging,
    plan: LoadPlan,
    file: DataFile,
    rules: ColumnRules,
    exclusions: Exclusions,
    rejects: Rejects,
    report: Report,
) -> tuple[int, int]:
    read = excluded = 0
    reader = RowReader(plan, value_columns(plan), rules, file.written_at)
    for batch in file.batches(_columns(plan, exclusions)):
        table, numbers, out = exclusions.split(batch, rules)
        found = reader.read(table, numbers)
        for line in batch.bad:
            rejects.add(line.row, "bad_row", line.reason, line.text)
        variants = table[plan.variant or ""]
        for finding in found.findings:
            rejects.add(
                numbers[finding.row],
                finding.reason,
                finding.detail,
                shown_row(table, finding.row),
                variant=shown_text(variants[finding.row]),
            )
        rejects.used(found.rows)
        rows.insert(found.rows)
        read += batch.table.num_rows + len(batch.bad)
        excluded += out
        report(READING * batch.bytes_read / file.size_bytes, 1.0, f"{read:,} rows read")
    return read, excluded


def _columns(plan: LoadPlan, exclusions: Exclusions) -> list[str]:
    names = [
        plan.unit,
        plan.variant,
        plan.timestamp,
        *value_columns(plan),
        *(covariate.column for covariate in plan.covariates),
        *plan.segments,
        *exclusions.columns,
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
