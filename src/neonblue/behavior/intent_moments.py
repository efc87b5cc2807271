"""Moments to learn intent from: what was known of a user then, and whether a conversion followed.

Two designs. At times drawn by chance, one a user and week, whether or not anything happened: that
is how a user is asked about who is away. And right after events, each as likely as any other: that
is how one is asked about who is here. Neither lets what came later choose the moment; to take some
events of each user would, because who stops early is then seen more often at few events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.event_kinds import CONVERT
from neonblue.behavior.user_features import UserEvents, feature_row
from neonblue.errors import InvalidInputError
from neonblue.stores.sessions import GAP_SECONDS

DAY_MS = 86_400_000
HORIZON_MS = 7 * DAY_MS
# Learnt from the moments of so many days; what came up to 30 days earlier is read as their past.
LEARNT_DAYS, PAST_DAYS = 90, 30
LATER_SHARE = 0.25
MAX_MOMENTS = 80_000
GAP_MS = GAP_SECONDS * 1000

Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Times in ms: moments lie from ``start`` to ``end``, outcomes within ``horizon`` of each.

    Moments from ``later`` on measure; those whose outcome was known by then are ``early``.
    """

    start: int
    later: int
    end: int
    horizon: int
    weeks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Rows of features (n, features) with whether a conversion followed; ``users`` are numbers."""

    rows: NDArray[np.float64]
    converted: Flags
    times_ms: Whole
    users: Whole

    def __len__(self) -> int:
        return len(self.converted)

    def select(self, chosen: Flags | Whole) -> Moments:
        """Some of the moments."""
        return Moments(
            rows=self.rows[chosen],
            converted=self.converted[chosen],
            times_ms=self.times_ms[chosen],
            users=self.users[chosen],
        )

    def early(self, span: Span) -> Moments:
        """What could be learnt from by the time that the later moments begin."""
        return self.select(self.times_ms + span.horizon <= span.later)

    def later(self, span: Span) -> Moments:
        """What measures."""
        return self.select(self.times_ms >= span.later)

    def one_a_user(self) -> Moments:
        """One moment of each user, drawn by chance."""
        order = np.random.default_rng(2).permutation(len(self))
        _, first = np.unique(self.users[order], return_index=True)
        return self.select(np.sort(order[first]))


def span_of(users: Sequence[UserEvents]) -> Span:
    """The times to learn from: seven days (or a quarter of what there is) are only looked into."""
    first = min(int(events.times_ms[0]) for events in users)
    last = max(int(events.times_ms[-1]) for events in users)
    horizon = max(min(HORIZON_MS, (last - first) // 4), 1)
    start, end = max(first, last - LEARNT_DAYS * DAY_MS), last - horizon
    weeks = max((end - start) // horizon, 1)
    later_weeks = max(round(weeks * LATER_SHARE), 1)
    later = end - later_weeks * (end - start) // weeks
    return Span(start=start, later=later, end=end, horizon=horizon, weeks=weeks)


def known_moments(users: Sequence[UserEvents], span: Span) -> Moments:
    """One time by chance in each week since a user's first event, while they are not here."""
    random = np.random.default_rng(1)
    firsts = np.array([int(events.times_ms[0]) for events in users])
    edges = np.linspace(span.start, span.end, span.weeks + 1)
    times = edges[:-1] + random.random((len(users), span.weeks)) * np.diff(edges)
    who, week = np.nonzero(times >= firsts[:, None])
    at = times[who, week].astype(np.int64)
    counts, lasts = np.zeros(len(at), dtype=np.int64), np.zeros(len(at), dtype=np.int64)
    for place, (user, time) in enumerate(zip(who.tolist(), at.tolist(), strict=True)):
        counts[place] = np.searchsorted(users[user].times_ms, time, side="right")
        lasts[place] = users[user].times_ms[counts[place] - 1]
    away = at - lasts > GAP_MS
    return _moments(users, who[away], counts[away], at[away], span)


def acting_moments(users: Sequence[UserEvents], span: Span) -> Moments:
    """Right after events, every one as likely as any other."""
    ends = np.cumsum([len(events.times_ms) for events in users])
    at = np.concatenate([events.times_ms for events in users])
    places = np.flatnonzero((at >= span.start) & (at <= span.end))
    places = np.random.default_rng(5).permutation(places)[:MAX_MOMENTS]
    who = np.searchsorted(ends, places, side="right")
    starts = np.concatenate([[0], ends[:-1]])
    return _moments(users, who, places - starts[who] + 1, at[places], span)


def _moments(
    users: Sequence[UserEvents], who: Whole, counts: Whole, at: Whole, span: Span
) -> Moments:
    """Features and outcomes of at most ``MAX_MOMENTS``, drawn by chance, in the order of time."""
    if len(at) == 0:
        raise InvalidInputError("all events are too recent to know what followed: train later")
    drawn = np.random.default_rng(3).permutation(len(at))[:MAX_MOMENTS]
    drawn = drawn[np.argsort(at[drawn], kind="stable")]
    who, counts, at = who[drawn], counts[drawn], at[drawn]
    rows, converted = [], []
    for user, count, time in zip(who.tolist(), counts.tolist(), at.tolist(), strict=True):
        events = users[user]
        until = int(np.searchsorted(events.times_ms, time + span.horizon, side="right"))
        rows.append(feature_row(events, count, time))
        converted.append(bool((events.kinds[count:until] == CONVERT).any()))
    return Moments(rows=np.array(rows), converted=np.array(converted), times_ms=at, users=who)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomers:
    """Users whose first event is in the span: how many, and how many converted within a horizon
    of it, that event included."""

    users: int
    converted: int

    @property
    def rate(self) -> float:
        """The share that converted; 0 without users."""
        return self.converted / self.users if self.users else 0.0


def newcomers(users: Sequence[UserEvents], span: Span, most_events: int) -> Newcomers:
    """What becomes of new users. Who has as many events as are read may have begun earlier."""
    found = converted = 0
    for events in users:
        first = int(events.times_ms[0])
        if len(events.times_ms) >= most_events or not span.start <= first <= span.end:
            continue
        until = int(np.searchsorted(events.times_ms, first + span.horizon, side="right"))
        found += 1
        converted += bool((events.kinds[:until] == CONVERT).any())
    return Newcomers(users=found, converted=converted)
