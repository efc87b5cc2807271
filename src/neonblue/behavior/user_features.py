"""What intent is read from: a user's recent events up to a moment, as one row of numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.conversion_events import BY_WORDS, EventKinds
from neonblue.behavior.event_kinds import KINDS
from neonblue.stores.sessions import GAP_SECONDS, Session

NAMES = (
    *(f"{kind}_events" for kind in KINDS),
    *(f"{kind}_events_in_session" for kind in KINDS),
    "sessions",
    "session_steps",
    "session_seconds",
    "seconds_since_first",
    "last_pause_seconds",
    "steps_per_minute",
    "value",
    "hour",
    "weekday",
    "last_kind",
    "hours_away",
)
RECENT_MS = 30 * 86_400_000
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEvents:
    """A user's events in order: times (ms, UTC), names, kinds and values."""

    times_ms: NDArray[np.int64]
    types: tuple[str, ...]
    kinds: NDArray[np.int64]
    values: NDArray[np.float64]


def joined(sessions: tuple[Session, ...], kinds: EventKinds = BY_WORDS) -> UserEvents:
    """All events of one user's sessions."""
    types = tuple(name for session in sessions for name in session.types)
    return UserEvents(
        times_ms=np.array([t for s in sessions for t in s.times_ms], dtype=np.int64),
        types=types,
        kinds=np.array([kinds.of(name) for name in types], dtype=np.int64),
        values=np.array([v for s in sessions for v in s.values], dtype=np.float64),
    )


def feature_row(events: UserEvents, count: int, now_ms: int | None = None) -> NDArray[np.float64]:
    """The features at ``now_ms`` (right after the last event by default), when a user has the first
    ``count`` (at least one) events; looks back 30 days.

    Who did nothing in that time has zeros, but for how long they have been away and what they did
    last.
    """
    last = int(events.times_ms[count - 1])
    now = last if now_ms is None else max(now_ms, last)
    first = int(np.searchsorted(events.times_ms[:count], now - RECENT_MS))
    clock = [now // HOUR_MS % 24, now // (24 * HOUR_MS) % 7]
    end = [*clock, events.kinds[count - 1], (now - last) / HOUR_MS]
    if first == count:
        return np.array([0.0] * (len(NAMES) - len(end)) + end, dtype=np.float64)
    times, kinds = events.times_ms[first:count], events.kinds[first:count]
    pauses = np.diff(times, prepend=times[0])
    session_starts = np.flatnonzero(pauses > GAP_SECONDS * 1000)
    start = int(session_starts[-1]) if len(session_starts) else 0
    steps, seconds = len(times) - start, (last - int(times[start])) / 1000
    return np.array(
        [
            *np.bincount(kinds, minlength=len(KINDS)),
            *np.bincount(kinds[start:], minlength=len(KINDS)),
            len(session_starts) + 1,
            steps,
            seconds,
            (now - int(times[0])) / 1000,
            pauses[-1] / 1000,
            60 * steps / max(seconds, 1.0),
            events.values[first:count].sum(),
            *end,
        ],
        dtype=np.float64,
    )
