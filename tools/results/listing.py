"""The answer of ``list_experiments``."""

from datetime import datetime

from neonblue.intelligence.listing import Page
from neonblue.stores.experiments import ExperimentListing
from neonblue.tools.results.figure import Answer, Fenced


class ExperimentRow(Answer):
    """One experiment in a list."""

    experiment_id: str
    name: Fenced
    status: str
    primary_metric: str | None
    variants: list[str]
    units: int
    planned_units: int | None
    started_at: datetime | None
    last_event_at: datetime | None


class ExperimentList(Answer):
    """A page of experiments; ``next_cursor`` is null on the last one."""

    total: int
    next_cursor: str | None
    detail: str
    experiments: list[ExperimentRow]


def listed(page: Page) -> ExperimentList:
    """The page as an answer."""
    return ExperimentList(
        total=page.total,
        next_cursor=page.next_cursor,
        detail=_hint(page),
        experiments=[_row(item, page) for item in page.experiments],
    )


def _hint(page: Page) -> str:
    if page.total == 0:
        return "nothing matches; load data with `neonblue load`, or try without filters"
    if page.next_cursor:
        return "there are more: call list_experiments again with next_cursor"
    return "call analyze_experiment_performance with an experiment_id for its verdict"


def _row(item: ExperimentListing, page: Page) -> ExperimentRow:
    plan, seen = item.experiment, item.seen
    primary = [metric.name for metric in plan.metrics if metric.role == "primary"] if plan else []
    planned = [variant.variant_id for variant in plan.variants] if plan else []
    return ExperimentRow(
        experiment_id=item.experiment_id,
        name=plan.name if plan else "",
        status=item.status,
        primary_metric=primary[0] if primary else None,
        variants=planned or list(seen.variants if seen else ()),
        units=seen.units if seen else page.uploaded_units.get(item.experiment_id, 0),
        planned_units=plan.planned_sample_size if plan else None,
        started_at=(plan.started_at if plan else None) or (seen.first_event_at if seen else None),
        last_event_at=seen.last_event_at if seen else None,
    )
