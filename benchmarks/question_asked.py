"""A question with the pandas that answers it, and what an answer claims, in one comparable form."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from benchmarks.question_truth import World
from neonblue.query.answering import Answered

BESIDE = ("metric", "before", "relative_change", "users", "retained", "events")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the one before it, and its answer; ``None`` where there is none to give.

    A number, a mapping from slice (a tuple for two) or period to number, a list of names in
    order, a set of names, or for two periods a pair of numbers. ``Decision`` is of an effect.
    """

    text: str
    truth: Callable[[World], Any] | None = None
    context: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an experiment's analysis decides."""

    word: str


@dataclass(frozen=True, slots=True)
class Theme:
    """The first past experiment that is named is of this theme."""

    word: str


def events(
    world: World,
    event: str = "",
    *,
    days: int = 0,
    since: str = "",
    between: tuple[str, str] = ("", ""),
    **properties: str | tuple[str, ...],
) -> pd.DataFrame:
    """Rows of one event type in a time, of these values of properties; days are UTC, inclusive."""
    frame = world.events
    if event:
        frame = frame[frame.event_type == event]
    begin, end = _bounds(world, days, since, between)
    frame = frame[(frame.timestamp >= begin) & (frame.timestamp < end)]
    for name, values in properties.items():
        frame = frame[frame[name].isin((values,) if isinstance(values, str) else values)]
    return frame


def _bounds(
    world: World, days: int, since: str, between: tuple[str, str]
) -> tuple[pd.Timestamp, pd.Timestamp]:
    if days:
        return world.now - timedelta(days=days), world.now
    begin = since or between[0] or "2000-01-01"
    end = pd.Timestamp(between[1], tz="UTC") + timedelta(days=1) if between[1] else world.now
    return pd.Timestamp(begin, tz="UTC"), end + timedelta(0 if between[1] else 1)


def verdict(answered: Answered, truth: Any) -> str:
    """``right``, ``wrong``, or ``declined`` when no answer was claimed."""
    if answered.status != "ok":
        return "right" if truth is None else "declined"
    if truth is None:
        return "wrong"
    return "right" if _agrees(answered.rows, truth) else "wrong"


def _agrees(rows: Sequence[Mapping[str, Any]], truth: Any) -> bool:
    if isinstance(truth, Decision):
        return bool(rows) and rows[0].get("decision") == truth.word
    if isinstance(truth, Theme):
        return bool(rows) and f"_{truth.word}_" in str(rows[0].get("experiment_id"))
    if isinstance(truth, set):
        return {row.get("experiment_id") for row in rows} == truth
    if isinstance(truth, list):
        return [_key(row) for row in rows] == truth
    if isinstance(truth, tuple):
        return len(rows) == 1 and all(map(_near, (rows[0]["metric"], rows[0]["before"]), truth))
    if isinstance(truth, dict):
        claimed = {_key(row): row.get("metric") for row in rows}
        return claimed.keys() == truth.keys() and all(_near(claimed[k], truth[k]) for k in truth)
    return len(rows) == 1 and _near(rows[0].get("metric"), truth)


def _key(row: Mapping[str, Any]) -> Any:
    """The slice or period of a row as text; a tuple in the order of the names where two."""
    found = [_text(value) for name, value in row.items() if name not in BESIDE]
    return found[0] if len(found) == 1 else tuple(found)


def _text(value: Any) -> str:
    return value.strftime("%Y-%m-%d %H:%M") if isinstance(value, datetime) else str(value)


def _near(claimed: Any, truth: Any) -> bool:
    if not isinstance(claimed, float | int):
        return False
    return math.isclose(claimed, truth, rel_tol=1e-6, abs_tol=1e-9)
