"""Files with one row a variant: n with successes, or n, mean and variance, at one or more times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.bad_rows import refuse_bad_rows
from neonblue.ingest.files.column_batch import shown_row
from neonblue.ingest.files.columns.rules import ColumnRules
from neonblue.ingest.files.columns.text import to_text
from neonblue.ingest.files.data_file import DataFile
from neonblue.ingest.files.exclusion import Exclusions
from neonblue.ingest.files.load_plan import LoadPlan, MetricSpec
from neonblue.ingest.files.rejects import Rejects
from neonblue.ingest.files.row_file import column_rules
from neonblue.ingest.files.staged_file import StagedFile
from neonblue.models import MetricKind, MetricSummary
from neonblue.models.untimed import UNTIMED
from neonblue.stores.aggregates import Aggregate


def read_aggregates(
    plan: LoadPlan, file: DataFile, rejects: Rejects
) -> tuple[StagedFile, tuple[Aggregate, ...]]:
    """Every usable snapshot; refuses two for one variant, metric and time, and shrinking n."""
    import pyarrow as pa

    plan = with_variances(plan, file)
    exclusions = Exclusions(plan.excludes, file.columns)
    rules = _rules(plan, file, exclusions)
    kinds = {metric.name: kind_of(metric) for metric in plan.metrics}
    aggregates: list[Aggregate] = []
    read = excluded = 0
    for batch in file.batches(_columns(plan, exclusions)):
        table, numbers, out = exclusions.split(batch, rules)
        for line in batch.bad:
            rejects.add(line.row, "bad_row", line.reason, line.text)
        taken: list[str] = []
        for place, row in enumerate(_converted(plan, table, rules)):
            variant = row[plan.variant or ""] or ""
            try:
                aggregates += _row(plan, row)
                taken.append(variant)
            except ValueError as error:
                content = shown_row(table, place)
                rejects.add(numbers[place], "bad_row", str(error), content, variant=variant)
        rejects.used(pa.table({"variant_id": pa.array(taken, pa.string())}))
        read += batch.table.num_rows + len(batch.bad)
        excluded += out
    refuse_bad_rows(plan, file, rejects, read=read, excluded=excluded)
    _check_series(aggregates, kinds)
    _refuse_different_ends(aggregates)
    staged = StagedFile(
        rows_read=read,
        rows_excluded=excluded,
        timed=plan.timestamp is not None,
        kinds=kinds,
        warnings=(*exclusions.warnings(), *rules.warnings),
    )
    return staged, tuple(aggregates)


def with_variances(plan: LoadPlan, file: DataFile) -> LoadPlan:
    """Means that name no variance take it from the column of that name."""
    if "variance" not in file.columns:
        return plan
    metrics = tuple(
        replace(metric, denominator="variance")
        if metric.denominator is None and (metric.kind == "mean" or metric.column == "mean")
        else metric
        for metric in plan.metrics
    )
    return replace(plan, metrics=metrics)


def kind_of(metric: MetricSpec) -> MetricKind:
    """A metric over ``MEAN/VARIANCE`` is a mean, one over a column of successes a proportion."""
    if metric.denominator is None and metric.kind in ("auto", "proportion"):
        return "proportion"
    if metric.denominator is not None and metric.kind in ("auto", "mean"):
        return "mean"
    raise InvalidInputError(
        f"--metric {metric.name!r} of an aggregated file: write {metric.name}=SUCCESSES for a "
        f"proportion, or {metric.name}:mean=MEAN/VARIANCE"
    )


def _columns(plan: LoadPlan, exclusions: Exclusions) -> list[str]:
    names = [
        plan.variant,
        plan.n,
        plan.timestamp,
        *(column for metric in plan.metrics for column in metric.columns),
        *exclusions.columns,
    ]
    return list(dict.fromkeys(name for name in names if name is not None))


def _rules(plan: LoadPlan, file: DataFile, exclusions: Exclusions) -> ColumnRules:
    """How the columns are read; per cents are no counts of units."""
    numbers = [plan.n, *(column for metric in plan.metrics for column in metric.columns)]
    times = [] if plan.timestamp is None else [plan.timestamp]
    rules = column_rules(plan, file, exclusions, numbers=numbers, times=times)
    counts = [plan.n, *(item.column for item in plan.metrics if kind_of(item) == "proportion")]
    for name in counts:
        if rules.number(name).percent:
            raise InvalidInputError(
                f"column {name!r} of {file.path.name!r} holds per cents, but how many units "
                "succeeded, in whole numbers, is needed. Nothing was loaded"
            )
    return rules


def _converted(plan: LoadPlan, table: Any, rules: ColumnRules) -> list[dict[str, Any]]:
    """Rows with text, times and numbers; what could not be converted is None."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {}
    for name in table.column_names:
        chunks = table[name].chunks
        column = pa.concat_arrays(chunks) if chunks else pa.array([], table[name].type)
        if name == plan.variant:
            columns[name] = to_text(column).to_pylist()
        elif name == plan.timestamp:
            columns[name] = rules.time(name).read(column)[0].to_pylist()
        else:
            columns[name] = rules.number(name).read(column)[0].to_pylist()
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _row(plan: LoadPlan, row: dict[str, Any]) -> list[Aggregate]:
    variant = row[plan.variant or ""]
    if not variant:
        raise ValueError(f"{plan.variant} is empty")
    n = _number(row, plan.n)
    if n < 0 or n != round(n):
        raise ValueError(f"{plan.n} is {n:g}, not a count")
    at = UNTIMED if plan.timestamp is None else row[plan.timestamp]
    if at is None:
        raise ValueError(f"{plan.timestamp} holds no time")
    return [
        Aggregate(
            experiment_id=plan.experiment_id,
            metric=metric.name,
            variant_id=variant,
            observed_at=at,
            summary=_summary(metric, row, n),
        )
        for metric in plan.metrics
    ]


def _summary(metric: MetricSpec, row: dict[str, Any], n: float) -> MetricSummary:
    if metric.denominator is not None:
        variance = _number(row, metric.denominator)
        if variance < 0:
            raise ValueError(f"{metric.denominator} is {variance:g}, a negative variance")
        return MetricSummary(n=n, mean=_number(row, metric.column), variance=variance)
    successes = _number(row, metric.column)
    if successes != round(successes):
        raise InvalidInputError(
            f"column {metric.column!r} has {successes:g}, which is no count: --metric "
            f"{metric.name}={metric.column} needs how many of the {n:g} units succeeded, and no "
            "rate or share of them. Nothing was loaded"
        )
    if not 0 <= successes <= n:
        raise ValueError(f"{metric.column} is {successes:g}, not between 0 and n ({n:g})")
    p = successes / n if n else 0.0
    return MetricSummary(n=n, mean=p, variance=p * (1 - p) * n / (n - 1) if n > 1 else 0.0)


def _number(row: dict[str, Any], name: str) -> float:
    value = row[name]
    if value is None or not abs(value) < float("inf"):
        raise ValueError(f"{name} is no finite number")
    return float(value)


def _check_series(aggregates: Sequence[Aggregate], kinds: Mapping[str, MetricKind]) -> None:
    ordered = sorted(aggregates, key=lambda a: (a.metric, a.variant_id, a.observed_at))
    for before, after in pairwise(ordered):
        if (before.metric, before.variant_id) != (after.metric, after.variant_id):
            continue
        where = f"variant {after.variant_id!r}"
        if before.observed_at == after.observed_at:
            raise InvalidInputError(
                f"{where} has several rows for one time: name the time column with --timestamp, "
                "or --exclude what is another breakdown. Nothing was loaded"
            )
        if after.summary.n < before.summary.n:
            raise InvalidInputError(
                f"{where} shrinks from {before.summary.n:g} to {after.summary.n:g} units: rows "
                "must be cumulative, everything since the start. Nothing was loaded"
            )
        before_sum, after_sum = (item.summary.n * item.summary.mean for item in (before, after))
        if kinds[after.metric] == "proportion" and after_sum < before_sum - 0.5:
            raise InvalidInputError(
                f"{where} has {after_sum:.0f} successes of {after.metric!r} after {before_sum:.0f}:"
                " rows must be cumulative, everything since the start. Nothing was loaded"
            )


def _refuse_different_ends(aggregates: Sequence[Aggregate]) -> None:
    """Totals of different times are not alike: a variant that has none of the last one is named."""
    last: dict[str, datetime] = {}
    for item in aggregates:
        last[item.variant_id] = max(last.get(item.variant_id, item.observed_at), item.observed_at)
    if len(set(last.values())) < 2:
        return
    early, late = min(last, key=last.__getitem__), max(last, key=last.__getitem__)
    raise InvalidInputError(
        f"variant {early!r} has no row for {last[late]:%Y-%m-%d %H:%M}, where {late!r} has one, so "
        "that totals of different times would be compared: add it (the last totals again, where "
        "nothing came), or leave the later rows out with --exclude. Nothing was loaded"
    )
