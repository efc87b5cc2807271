"""A page of experiments, the ones that run first, then the newest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from neonblue.models.page_cursor import cursor_at, position_of

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.experiments import ExperimentListing


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some experiments of ``total`` that match, and where the next page begins.

    ``uploaded_units`` counts the units of those whose events live elsewhere.
    """

    total: int
    experiments: tuple[ExperimentListing, ...]
    uploaded_units: Mapping[str, int]
    next_cursor: str | None


def list_page(
    store: Store, *, status: str | None, text: str | None, cursor: str | None, limit: int
) -> Page:
    """The experiments whose status and text match, from the cursor on."""
    start = position_of(cursor, "list_experiments")
    found = [item for item in store.experiments.known() if _matches(item, status, text)]
    first = store.experiments.first_events([i.experiment_id for i in found if not _started(i)])
    found.sort(key=lambda item: _order(item, first.get(item.experiment_id)))
    end = start + limit
    shown = _with_seen(store, found[start:end])
    return Page(
        total=len(found),
        experiments=shown,
        uploaded_units={
            item.experiment_id: _uploaded_units(store, item.experiment_id)
            for item in shown
            if item.experiment is not None and item.experiment.source == "aggregated"
        },
        next_cursor=cursor_at(end) if end < len(found) else None,
    )


def _uploaded_units(store: Store, experiment_id: str) -> int:
    units: dict[str, float] = {}
    for item in store.aggregates.latest(experiment_id):
        units[item.variant_id] = max(units.get(item.variant_id, 0.0), item.summary.n)
    return int(sum(units.values()))


def _matches(item: ExperimentListing, status: str | None, text: str | None) -> bool:
    if status is not None and item.status != status:
        return False
    return text is None or text.casefold() in _searched(item).casefold()


def _searched(item: ExperimentListing) -> str:
    plan = item.experiment
    parts: Sequence[str] = ()
    if plan is not None:
        parts = (plan.name, plan.description, plan.hypothesis, plan.experiment_type, plan.industry)
    return "\n".join((item.experiment_id, *parts))


def _with_seen(store: Store, page: Sequence[ExperimentListing]) -> tuple[ExperimentListing, ...]:
    """What was seen is counted for those that are shown: counting reads their events."""
    seen = store.experiments.seen_among([item.experiment_id for item in page])
    return tuple(replace(item, seen=seen.get(item.experiment_id)) for item in page)


def _started(item: ExperimentListing) -> datetime | None:
    return item.experiment.started_at if item.experiment else None


def _order(item: ExperimentListing, first_event: datetime | None) -> tuple[bool, float, str]:
    moment = _started(item) or first_event
    return item.status != "running", -(moment.timestamp() if moment else 0.0), item.experiment_id
