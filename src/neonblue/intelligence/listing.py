"""A page of experiments with what was last found of each, those that run first, then the newest.

Verdicts are those that looks have recorded: a list analyses nothing, and shows no outcome that
nobody has looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from neonblue.models import Experiment, ExperimentStatus
from neonblue.models.lifecycle import FINISHED_STATUSES
from neonblue.models.outside_text import ours
from neonblue.models.page_cursor import cursor_at, position_of

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.experiments import ExperimentListing, Seen, Span
    from neonblue.stores.verdicts import RecordedVerdict

DAY = timedelta(days=1)
WORD = re.compile(r"[^\W_]+")
LONGEST_DETAIL = 240
ListedValidity = Literal["valid", "warning", "invalid", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which experiments to list; None and '' leave a condition out. Times are UTC."""

    status: ExperimentStatus | None = None
    text: str = ""
    validity: ListedValidity | None = None
    decision: str | None = None
    ended_since: datetime | None = None
    ended_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One experiment: its plan (None while undefined), what events say, its newest verdict."""

    experiment_id: str
    status: ExperimentStatus
    experiment: Experiment | None
    first_event_at: datetime | None
    last_event_at: datetime | None
    verdict: RecordedVerdict | None

    @property
    def started_at(self) -> datetime | None:
        """The planned start, else the first event."""
        planned = self.experiment.started_at if self.experiment else None
        return planned or self.first_event_at

    @property
    def ended_at(self) -> datetime | None:
        """The planned end, else the last event of what has ended; None while it runs."""
        if self.experiment is None or self.status not in FINISHED_STATUSES:
            return None
        return self.experiment.ended_at or self.last_event_at

    @property
    def validity(self) -> str:
        """What the newest look found; unknown where nobody has looked."""
        return self.verdict.validity if self.verdict else "unknown"

    def days(self, now: datetime) -> float | None:
        """Days since its start, to its end where it has ended; None where no start is known."""
        begin = self.started_at
        if begin is None or self.status == "draft":
            return None
        return max(0.0, ((self.ended_at or now) - begin) / DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some experiments of ``total`` that match, and where the next page begins.

    ``seen`` says of those on the page what events say, ``uploaded_units`` counts the units of those
    whose events live elsewhere; ``unlooked`` counts those that match but for having no verdict.
    """

    total: int
    unlooked: int
    experiments: tuple[Listed, ...]
    seen: Mapping[str, Seen]
    uploaded_units: Mapping[str, int]
    next_cursor: str | None


def list_page(store: Store, wanted: Wanted, *, cursor: str | None, limit: int) -> Page:
    """The experiments that are wanted, from the cursor on."""
    start = position_of(cursor, "list_experiments")
    candidates = [item for item in _all(store) if _is_about(item, wanted)]
    found = [item for item in candidates if _was_judged(item, wanted)]
    found.sort(key=_order)
    end = start + limit
    shown = tuple(found[start:end])
    return Page(
        total=len(found),
        unlooked=sum(item.verdict is None and item.status != "draft" for item in candidates),
        experiments=shown,
        seen=store.experiments.seen_among([item.experiment_id for item in shown]),
        uploaded_units={
            item.experiment_id: _uploaded_units(store, item.experiment_id)
            for item in shown
            if item.experiment is not None and item.experiment.source == "aggregated"
        },
        next_cursor=cursor_at(end) if end < len(found) else None,
    )


def _all(store: Store) -> list[Listed]:
    """Every experiment; events are read only of those whose plan has no times."""
    known, verdicts = store.experiments.known(), store.verdicts.newest()
    spans = store.experiments.spans([one.experiment_id for one in known if _untimed(one)])
    return [
        _listed(one, spans.get(one.experiment_id, (None, None)), verdicts.get(one.experiment_id))
        for one in known
    ]


def _untimed(item: ExperimentListing) -> bool:
    plan = item.experiment
    if plan is None or plan.started_at is None:
        return True
    return item.status in FINISHED_STATUSES and plan.ended_at is None


def _listed(item: ExperimentListing, span: Span, verdict: RecordedVerdict | None) -> Listed:
    """A verdict of another version speaks of another plan, and is left out."""
    plan = item.experiment
    current = verdict is not None and plan is not None and verdict.version == plan.version
    return Listed(
        experiment_id=item.experiment_id,
        status=item.status,
        experiment=plan,
        first_event_at=span[0],
        last_event_at=span[1],
        verdict=verdict if current else None,
    )


def short_detail(verdict: RecordedVerdict) -> str:
    """The first reason of a verdict, cut to fit a list."""
    text = verdict.detail
    return ours(text if len(text) <= LONGEST_DETAIL else f"{text[: LONGEST_DETAIL - 1]}…")


def _uploaded_units(store: Store, experiment_id: str) -> int:
    units: dict[str, float] = {}
    for item in store.aggregates.latest(experiment_id):
        units[item.variant_id] = max(units.get(item.variant_id, 0.0), item.summary.n)
    return int(sum(units.values()))


def _is_about(item: Listed, wanted: Wanted) -> bool:
    """Whether all conditions hold but those on its verdict."""
    return (
        wanted.status in (None, item.status)
        and _ended_within(item, wanted)
        and _says(item, wanted.text)
    )


def _was_judged(item: Listed, wanted: Wanted) -> bool:
    decision = item.verdict.decision if item.verdict else ""
    return wanted.validity in (None, item.validity) and wanted.decision in (None, decision)


def _ended_within(item: Listed, wanted: Wanted) -> bool:
    since, until = wanted.ended_since, wanted.ended_until
    if since is None and until is None:
        return True
    ended = item.ended_at
    if ended is None:
        return False
    return (since is None or ended >= since) and (until is None or ended < until)


def _says(item: Listed, text: str) -> bool:
    """Whether it contains the text, or every word of it, as the beginning of a word."""
    if not text:
        return True
    searched, asked = _searched(item).casefold(), text.casefold()
    if asked in searched:
        return True
    words, said = WORD.findall(asked), WORD.findall(searched)
    return bool(words) and all(any(one.startswith(word) for one in said) for word in words)


def _searched(item: Listed) -> str:
    plan = item.experiment
    if plan is None:
        return item.experiment_id
    parts = (plan.name, plan.description, plan.hypothesis, plan.experiment_type, plan.industry)
    return "\n".join((item.experiment_id, *parts))


def _order(item: Listed) -> tuple[bool, float, str]:
    moment = item.started_at
    return item.status != "running", -(moment.timestamp() if moment else 0.0), item.experiment_id
