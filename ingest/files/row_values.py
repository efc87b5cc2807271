"""What the staged values of a one-row-a-unit file are like, and what is refused or said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.columns.variant_names import refuse_twin
from neonblue.ingest.files.data_file import DataFile
from neonblue.ingest.files.load_plan import LoadPlan, MetricSpec
from neonblue.models import MetricKind

if TYPE_CHECKING:
    from neonblue.stores.row_staging import ColumnRange, Repeats, RowStaging

# A metric that fewer units have is about them, and no longer about the experiment's units.
MAX_MISSING_FRACTION = 0.5
# Of more units than these it matters which of their rows counts.
MAX_DIFFERING_FRACTION = 0.01
# How long exports name the columns of metrics and of their values.
LONG_NAMES = ("metric", "metric_name", "variable", "measure", "kpi", "event_name", "name", "key")
LONG_VALUES = ("value", "metric_value", "val", "amount")


def value_columns(plan: LoadPlan) -> list[str]:
    """The columns that metrics are made of, each once."""
    return list(dict.fromkeys(column for metric in plan.metrics for column in metric.columns))


def combine_repeats(rows: RowStaging, plan: LoadPlan, file: DataFile) -> tuple[str, ...]:
    """Leave one row a unit and variant, and say what differed.

    Raises where more than a few units have rows that differ, unless told what becomes of them.
    """
    if plan.unit is None:
        return ()
    columns = value_columns(plan)
    repeats = rows.repeats(columns)
    if not repeats.units:
        return ()
    said: tuple[str, ...] = ()
    if repeats.differing and plan.aggregate is None:
        shown = _differing(repeats, plan, file)
        if repeats.differing > MAX_DIFFERING_FRACTION * repeats.out_of:
            raise InvalidInputError(f"{shown}. Nothing was loaded")
        said = (f"{shown}; without it the first row counts",)
    way = plan.aggregate or "first"
    flags = {metric.column for metric in plan.metrics if metric.kind == "proportion"}
    rows.collapse(way, kept=[way != "first" and column in flags for column in columns])
    return said


def _differing(repeats: Repeats, plan: LoadPlan, file: DataFile) -> str:
    low, high = repeats.values
    shown = ", ".join(map(repr, repeats.columns))
    hint = long_hint(plan, file)
    wide = f", or {hint} if a row is one metric of a unit" if hint else ""
    return (
        f"{repeats.differing:,} units of {file.path.name!r} have several rows that differ in "
        f"{shown} (unit {repeats.example[:80]!r} has {low:g} and {high:g}): say --aggregate sum "
        f"(rows are orders, say), mean, max, min or first{wide}"
    )


def refuse_unnamed(plan: LoadPlan, file: DataFile) -> None:
    """Refuse metrics that are no columns of a file with one row a unit and metric."""
    lacking = [name for name in value_columns(plan) if name not in file.columns]
    hint = long_hint(plan, file) if lacking else None
    if hint is not None:
        raise InvalidInputError(
            f"{file.path.name!r} has no column {lacking[0]!r}: if it has one row a unit and "
            f"metric, say {hint}. Its columns are {', '.join(map(repr, file.columns[:40]))}"
        )


def refuse_unseen(plan: LoadPlan, file: DataFile, names: set[str | None]) -> None:
    """Refuse metrics that no row of a long file names, or some in another spelling."""
    if plan.long is None:
        return
    unseen = [name for name in value_columns(plan) if name not in names]
    for name in value_columns(plan):
        refuse_twin("metrics", name, (other for other in names if other is not None))
    if unseen:
        found = sorted(name for name in names if name is not None)
        raise InvalidInputError(
            f"no row of {file.path.name!r} has {unseen[0]!r} in {plan.long.name_column!r}: it has "
            f"{', '.join(map(repr, found[:40])) or 'nothing'}. Nothing was loaded"
        )


def long_hint(plan: LoadPlan, file: DataFile) -> str | None:
    """The option for a file that looks like one row a unit and metric; None for any other."""
    plain = {column.strip().casefold(): column for column in file.columns}
    name = next((plain[word] for word in LONG_NAMES if word in plain), None)
    value = next((plain[word] for word in LONG_VALUES if word in plain), None)
    if plan.long is not None or name is None or value is None:
        return None
    return f"--long {name}={value}"


def kinds_of(metrics: Sequence[MetricSpec], ranges: Sequence[ColumnRange]) -> dict[str, MetricKind]:
    """The kind of each metric; one that was not named is a proportion if all values are 0 or 1."""
    flags = {item.column for item in ranges if item.only_zero_and_one}
    return {
        metric.name: metric.said_kind or ("proportion" if metric.column in flags else "mean")
        for metric in metrics
    }


def refuse_missing(
    plan: LoadPlan, file: DataFile, ranges: Sequence[ColumnRange], units: int
) -> None:
    """Refuse columns whose empty cells mean 0 more likely than that nothing is known."""
    for item in ranges:
        missing = sum(item.missing.values())
        if not missing or plan.keep_missing:
            continue
        cells = f"{missing:,} of {units:,} units have no value in {item.column!r}"
        if item.minimum == item.maximum == 1:
            fault = f"{cells} and all others have 1"
        elif missing > MAX_MISSING_FRACTION * units:
            fault = cells
        else:
            continue
        raise InvalidInputError(
            f"{file.path.name!r}: {fault}. Say --missing-as-zero if that means 0, or "
            "--keep-missing if the metric is about the units that have it. Nothing was loaded"
        )


def said_of(ranges: Sequence[ColumnRange]) -> Iterator[str]:
    """Missing values by variant, and columns without variance."""
    for item in ranges:
        if missing := sum(item.missing.values()):
            by_variant = ", ".join(f"{name!r} {count:,}" for name, count in item.missing.items())
            yield (
                f"{missing:,} units have no value in {item.column!r} ({by_variant}): its metrics "
                "leave them out (--missing-as-zero if that means 0)"
            )
        if item.minimum is not None and item.minimum == item.maximum:
            yield (
                f"every unit has {item.minimum:g} in {item.column!r}: without variance it can show "
                "no effect, so check the column"
            )
