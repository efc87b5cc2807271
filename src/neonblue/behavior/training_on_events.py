"""Training on the project's own events: what comes next, and who is about to convert.

Later data measures: the users seen last for the next action, the latest moments for intent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.conversion_events import BY_WORDS, EventKinds
from neonblue.behavior.drift import snapshot
from neonblue.behavior.intent_moments import DAY_MS, LEARNT_DAYS, PAST_DAYS
from neonblue.behavior.intent_training import INTENT, train_intent_on_users
from neonblue.behavior.journeys import looks_like_a_bot, own_steps
from neonblue.behavior.model_files import ModelFiles
from neonblue.behavior.next_action_training import Progress
from neonblue.behavior.sequence_files import train_and_keep
from neonblue.behavior.sequences import from_lists
from neonblue.behavior.user_features import UserEvents, feature_row, joined
from neonblue.errors import InvalidInputError
from neonblue.stores.sessions import Session, Sessions

NEXT_ACTION = "next_action"
MAX_USERS = 50_000
EVENTS_EACH = 300
MAX_NAMES = 60
MOMENTS_EACH = 4
# Drift is looked for in a shorter time, or a change of last week would drown in a quarter.
NOW_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentUse:
    """Features of users up to random moments, and how often each event type occurs."""

    rows: NDArray[np.float64]
    counts: Counter[str]


def train_on_events(
    sessions: Sessions, files: ModelFiles, report: Progress, kinds: EventKinds = BY_WORDS
) -> dict[str, Any]:
    """Train both models on users drawn by chance, bots left out; each says if it was kept, and why.

    ``kinds`` says what converts.

    Raises:
        InvalidInputError: there is hardly any event.
    """
    report(0, 3, "reading sessions")
    users = _drawn(sessions, MAX_USERS, LEARNT_DAYS, kinds)
    acting = _drawn(sessions, MAX_USERS, LEARNT_DAYS, kinds, acting=True)
    if not users or not acting:
        raise InvalidInputError(
            "there are no events to learn from: load some with neonblue load, then train"
        )
    report(1, 3, f"learning next actions of {len(acting)} users")
    use = use_of(users, acting)
    result: dict[str, Any] = {"users": len(users), "acting_users": len(acting)}
    result[NEXT_ACTION] = _or_reason(lambda: _train_next_action(acting, use, files))
    report(2, 3, "learning intent")
    result[INTENT] = _or_reason(lambda: _train_intent(users, kinds, use, files))
    report(3, 3, "done")
    return result


def _drawn(
    sessions: Sessions, users: int, days: int, kinds: EventKinds, *, acting: bool = False
) -> list[UserEvents]:
    found = sessions.drawn(
        users=users, days=days + PAST_DAYS, events_each=EVENTS_EACH, acting=acting
    )
    return [joined(own, kinds) for own in _users(found)]


def _or_reason(train: Any) -> dict[str, Any]:
    try:
        trained: dict[str, Any] = train()
    except InvalidInputError as error:
        return {"status": "insufficient_data", "kept": False, "reason": str(error)}
    return trained


def _users(sessions: Sequence[Session]) -> Iterator[tuple[Session, ...]]:
    """Each user's sessions without those of bots, the user seen last at the end."""
    by_user = [tuple(own) for _, own in groupby(sessions, key=lambda one: one.user_id)]
    people = [tuple(s for s in own if not looks_like_a_bot(s)) for own in by_user]
    yield from sorted((own for own in people if own), key=lambda own: own[-1].times_ms[-1])


def _train_next_action(
    users: Sequence[UserEvents], use: RecentUse, files: ModelFiles
) -> dict[str, Any]:
    paths = [path for path in (own_steps(events.types) for events in users) if path]
    counts = Counter(name for path in paths for name in path)
    names = tuple(name for name, _ in sorted(counts.most_common(MAX_NAMES)))
    if len(names) < 2:
        raise InvalidInputError(
            f"users do only {len(names)} kind of thing: there is no next action to foresee"
        )
    code = {name: number + 1 for number, name in enumerate(names)}
    sequences = from_lists([[code.get(name, 0) for name in path] for path in paths])
    shares = [use.counts[name] for name in names]
    shares.append(use.counts.total() - sum(shares))
    details = {
        "users": len(paths),
        "n": len(sequences.steps),
        "shares": shares,
        "first_steps": _first_steps(users, names),
    }
    return train_and_keep(sequences, names, files, NEXT_ACTION, _silent, details).as_dict()


def _first_steps(users: Sequence[UserEvents], names: Sequence[str]) -> list[float]:
    """The share of each name among the first steps of users who are new, and of all other names.

    New is who first did something within the days that are learnt from; where there is no time
    before those, everybody.
    """
    last = max(int(events.times_ms[-1]) for events in users)
    since = last - LEARNT_DAYS * DAY_MS
    firsts: Counter[str] = Counter()
    for events in users:
        path = own_steps(events.types)
        if path and int(events.times_ms[0]) >= since and len(events.types) < EVENTS_EACH:
            firsts[path[0]] += 1
    total = max(firsts.total(), 1)
    shares = [firsts[name] / total for name in names]
    return [*shares, max(1.0 - sum(shares), 0.0) if firsts else 0.0]


def _train_intent(
    users: Sequence[UserEvents], kinds: EventKinds, use: RecentUse, files: ModelFiles
) -> dict[str, Any]:
    return train_intent_on_users(users, kinds, files, snapshot(use.rows).arrays(), EVENTS_EACH)


def recent_use(sessions: Sessions, kinds: EventKinds = BY_WORDS) -> RecentUse:
    """What users do now, measured as in training.

    Raises:
        InvalidInputError: there are no events.
    """
    users = _drawn(sessions, MAX_USERS // 5, NOW_DAYS, kinds)
    acting = _drawn(sessions, MAX_USERS // 5, NOW_DAYS, kinds, acting=True)
    if not users or not acting:
        raise InvalidInputError("there are no events: load some with neonblue load")
    return use_of(users, acting)


def use_of(users: Sequence[UserEvents], acting: Sequence[UserEvents]) -> RecentUse:
    """What users did in the last 30 days that there are; ``acting`` ones did something."""
    last = max(int(events.times_ms[-1]) for events in (*users, *acting))
    since = last - NOW_DAYS * DAY_MS
    counts: Counter[str] = Counter()
    for events in acting:
        counts.update(own_steps(events.types[int(np.searchsorted(events.times_ms, since)) :]))
    rows = [feature_row(events, count) for events, count in _moments(users, since, last)]
    return RecentUse(rows=np.array(rows), counts=counts)


def _moments(
    users: Sequence[UserEvents], since_ms: int, until_ms: int
) -> Iterator[tuple[UserEvents, int]]:
    """Up to four chance moments a user in that time: after how many events they are."""
    random = np.random.default_rng(1)
    for events in users:
        first = int(np.searchsorted(events.times_ms, since_ms))
        known = int(np.searchsorted(events.times_ms, until_ms, side="right"))
        for place in random.permutation(np.arange(first, known))[:MOMENTS_EACH]:
            yield events, int(place) + 1


def _silent(done: float, total: float, message: str) -> None:
    """Progress inside one step of several is not shown."""
