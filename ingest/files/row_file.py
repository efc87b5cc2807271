"""Files with one row a unit: staged as rows, turned into events in the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.bad_rows import refuse_bad_rows
from neonblue.ingest.files.column_batch import shown_row, shown_text
from neonblue.ingest.files.columns.rules import ColumnRules, Survey
from neonblue.ingest.files.data_file import DataFile
from neonblue.ingest.files.exclusion import Exclusions
from neonblue.ingest.files.load_plan import LoadPlan, event_type_of
from neonblue.ingest.files.long_values import LongValues
from neonblue.ingest.files.rejects import Rejects
from neonblue.ingest.files.row_batch import RowReader
from neonblue.ingest.files.row_values import (
    combine_repeats,
    kinds_of,
    refuse_missing,
    refuse_unnamed,
    refuse_unseen,
    said_of,
    value_columns,
)
from neonblue.ingest.files.staged_file import StagedFile

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.stores.loads import Staging
    from neonblue.stores.row_staging import RowStaging

Report = Callable[[float, float, str], None]
# Reading is this share of a load's progress bar.
READING = 0.7


def stage_rows(
    staging: Staging, plan: LoadPlan, file: DataFile, rejects: Rejects, report: Report
) -> StagedFile:
    """Read, check and stage every row, then make the events of the units that were kept."""
    values = value_columns(plan)
    if plan.long is None:
        refuse_unnamed(plan, file)
    exclusions = Exclusions(plan.excludes, file.columns)
    rules = _rules(plan, file, exclusions, report)
    rows = staging.rows()
    try:
        read, excluded = _read(rows, plan, file, rules, exclusions, rejects, report)
        report(READING, 1.0, "making events")
        repeated = combine_repeats(rows, plan, file)
        ranges = rows.ranges(values, missing_as_zero=plan.missing_as_zero)
        refuse_missing(plan, file, ranges, rows.count())
        rows.to_events(
            staging.table,
            plan.experiment_id,
            [event_type_of(name) for name in values],
            missing_as_zero=plan.missing_as_zero,
            some_missing=any(item.missing for item in ranges),
        )
        return StagedFile(
            rows_read=read,
            rows_excluded=excluded,
            repeated_rows=read - excluded - rejects.total - rows.count(),
            timed=plan.timestamp is not None,
            kinds=kinds_of(plan.metrics, ranges),
            warnings=(
                *exclusions.warnings(),
                *rules.warnings,
                *repeated,
                *said_of(ranges),
            ),
        )
    finally:
        rows.drop()


def _rules(plan: LoadPlan, file: DataFile, exclusions: Exclusions, report: Report) -> ColumnRules:
    covariates = [covariate.column for covariate in plan.covariates]
    rules = column_rules(
        plan,
        file,
        exclusions,
        numbers=[*([] if plan.long else value_columns(plan)), *covariates],
        times=[] if plan.timestamp is None else [plan.timestamp],
        report=report,
        long=long_values(plan),
    )
    _refuse_percent(plan, file, rules)
    return rules


def long_values(plan: LoadPlan) -> LongValues | None:
    """The columns that metrics have in a long file, None for any other."""
    return None if plan.long is None else LongValues(plan.long, value_columns(plan))


def _refuse_percent(plan: LoadPlan, file: DataFile, rules: ColumnRules) -> None:
    """Whether a unit did something is 0 or 1: a per cent is a share of something else."""
    for metric in plan.metrics:
        key = metric.column if plan.long is None else LongValues.key(metric.column)
        if metric.said_kind == "proportion" and rules.number(key).percent:
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
    long: LongValues | None = None,
) -> ColumnRules:
    """How each column of the rows that count is read, and the values of a long file by metric."""

    def kept(table: pa.Table) -> pa.Table:
        if report is not None:
            report(0.0, 1.0, "looking at the columns")
        table = exclusions.kept(table)
        return table if long is None else long.added(table)

    survey = Survey(
        file,
        plan.cells,
        keep=kept,
        also=[*exclusions.columns, *([] if long is None else long.sources)],
        made=None if long is None else long.called,
    )
    columns = [*numbers, *exclusions.numeric_columns, *([] if long is None else long.keys)]
    return survey.rules(list(dict.fromkeys(columns)), times)


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
    reader = RowReader(plan, value_columns(plan), rules)
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
    refuse_rounded(plan.unit, file, rejects)
    refuse_bad_rows(plan, file, rejects, read=read, excluded=excluded)
    refuse_unseen(plan, file, reader.names_seen)
    return read, excluded


def refuse_rounded(column: str | None, file: DataFile, rejects: Rejects) -> None:
    """Ids that a spreadsheet rounded are those of other units as well."""
    if count := rejects.reasons["rounded_id"]:
        raise InvalidInputError(
            f"{count:,} ids in {column!r} of {file.path.name!r} are numbers that a spreadsheet "
            "rounded, or a column of floats (like 1.23457E+12), so that units cannot be told "
            "apart: export the ids again as text, without opening the file in a spreadsheet. "
            "Nothing was loaded"
        )


def _columns(plan: LoadPlan, exclusions: Exclusions) -> list[str]:
    names = [
        plan.unit,
        plan.variant,
        plan.timestamp,
        *(value_columns(plan) if plan.long is None else LongValues(plan.long, ()).sources),
        *(covariate.column for covariate in plan.covariates),
        *plan.segments,
        *exclusions.columns,
    ]
    return list(dict.fromkeys(name for name in names if name is not None))
