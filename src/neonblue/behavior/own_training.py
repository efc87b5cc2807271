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

from neonblue.behavior.drift import snapshot
from neonblue.behavior.event_kinds import CONVERT
from neonblue.behavior.intent import IntentScore, intent_from_arrays, score_intent, train_intent
from neonblue.behavior.journeys import looks_like_a_bot, own_steps
from neonblue.behavior.model_files import ModelFiles
from neonblue.behavior.next_action_training import Progress
from neonblue.behavior.quick_intent import fit_quick_intent
from neonblue.behavior.sequence_files import train_and_keep
from neonblue.behavior.sequences import from_lists
from neonblue.behavior.user_features import NAMES, UserEvents, feature_row, joined
from neonblue.errors import InvalidInputError
from neonblue.stores.sessions import Session, Sessions

NEXT_ACTION, INTENT = "next_action", "intent"
MOST_USERS = 50_000
EVENTS_EACH = 300
MOST_NAMES = 60
MOMENTS_EACH = 4
MOST_MOMENTS = 200_000
DAY_MS = 86_400_000
HORIZON_MS = 7 * DAY_MS
LATER_SHARE = 0.2
# Learnt from the moments of so many days; what came up to 30 days earlier is read as their past.
LEARNT_DAYS, PAST_DAYS = 90, 30
# Drift is looked for in a shorter time, or a change of last week would drown in a quarter.
NOW_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Rows of features with whether a conversion followed, in the order of time."""

    rows: NDArray[np.float64]
    converted: NDArray[np.bool_]
    times_ms: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentUse:
    """Features of users up to random moments, and how often each event type occurs."""

    rows: NDArray[np.float64]
    counts: Counter[str]


def train_on_events(sessions: Sessions, files: ModelFiles, report: Progress) -> dict[str, Any]:
    """Train both models on users drawn by chance, bots left out; each says if it was kept, and why.

    Raises:
        InvalidInputError: there is hardly any event.
    """
    report(0, 3, "reading sessions")
    users = _drawn(sessions, MOST_USERS, LEARNT_DAYS)
    acting = _drawn(sessions, MOST_USERS, LEARNT_DAYS, acting=True)
    if not users or not acting:
        raise InvalidInputError(
            "there are no events to learn from: load some with neonblue load, then train"
        )
    report(1, 3, f"learning next actions of {len(acting)} users")
    use = use_of(users, acting)
    result: dict[str, Any] = {"users": len(users), "acting_users": len(acting)}
    result[NEXT_ACTION] = _or_reason(lambda: _train_next_action(acting, use, files))
    report(2, 3, "learning intent")
    result[INTENT] = _or_reason(lambda: _train_intent(users, use, files))
    report(3, 3, "done")
    return result


def _drawn(sessions: Sessions, users: int, days: int, *, acting: bool = False) -> list[UserEvents]:
    found = sessions.drawn(
        users=users, days=days + PAST_DAYS, events_each=EVENTS_EACH, acting=acting
    )
    return [joined(own) for own in _users(found)]


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
    names = tuple(name for name, _ in sorted(counts.most_common(MOST_NAMES)))
    if len(names) < 2:
        raise InvalidInputError(
            f"users do only {len(names)} kind of thing: there is no next action to foresee"
        )
    code = {name: number + 1 for number, name in enumerate(names)}
    sequences = from_lists([[code.get(name, 0) for name in path] for path in paths])
    shares = [use.counts[name] for name in names]
    shares.append(use.counts.total() - sum(shares))
    details = {"users": len(paths), "n": len(sequences.steps), "shares": shares}
    return train_and_keep(sequences, names, files, NEXT_ACTION, _silent, details).as_dict()


def _train_intent(users: Sequence[UserEvents], use: RecentUse, files: ModelFiles) -> dict[str, Any]:
    moments = conversion_moments(users)
    later = np.arange(len(moments.rows)) >= len(moments.rows) * (1 - LATER_SHARE)
    model = train_intent(moments.rows[~later], moments.converted[~later])
    quick = fit_quick_intent(moments.rows[~later], moments.converted[~later])
    rows, converted = moments.rows[later], moments.converted[later]
    score = score_intent(model.probability(rows), converted)
    previous = files.current(INTENT)
    before = _score_before(previous, rows, converted)
    if previous is not None and before is not None and before.log_loss <= score.log_loss:
        return {
            "kept": False,
            "reason": f"{previous.name} is as good or better on the later data: it stays",
            "model": previous.name,
            "score": score.as_dict(),
            "previous_score": before.as_dict(),
        }
    taken = snapshot(use.rows)
    stored = files.publish(
        INTENT,
        {**model.arrays(), **quick.arrays(), **taken.arrays()},
        {
            "features": NAMES,
            "score": score.as_dict(),
            "quick_score": score_intent(quick.of_rows(rows), converted).as_dict(),
            "horizon_days": HORIZON_MS / 86_400_000,
            "base_rate": float(moments.converted.mean()),
            "n": len(moments.rows),
        },
    )
    return {
        "kept": True,
        "reason": "it is better than the one before" if before else "it is the first model",
        "model": stored.name,
        "score": score.as_dict(),
        "previous_score": before.as_dict() if before else None,
    }


def _score_before(
    previous: Any, rows: NDArray[np.float64], converted: NDArray[np.bool_]
) -> IntentScore | None:
    if previous is None or tuple(previous.description.get("features", ())) != NAMES:
        return None
    return score_intent(intent_from_arrays(previous.arrays).probability(rows), converted)


def conversion_moments(users: Sequence[UserEvents]) -> Moments:
    """Up to four moments a user, each with whether a conversion followed within seven days.

    The last seven days (or a quarter of the time there is, if that is less) are only looked into.
    """
    first = min(int(events.times_ms[0]) for events in users)
    last = max(int(events.times_ms[-1]) for events in users)
    horizon = min(HORIZON_MS, (last - first) // 4)
    rows, converted, times = [], [], []
    for events, count in _moments(users, last - LEARNT_DAYS * DAY_MS, last - horizon):
        now = int(events.times_ms[count - 1])
        until = int(np.searchsorted(events.times_ms, now + horizon, side="right"))
        rows.append(feature_row(events, count))
        converted.append(bool((events.kinds[count:until] == CONVERT).any()))
        times.append(now)
    if not rows:
        raise InvalidInputError("all events are too recent to know what followed: train later")
    order = np.argsort(times, kind="stable")[-MOST_MOMENTS:]
    return Moments(
        rows=np.array(rows)[order],
        converted=np.array(converted)[order],
        times_ms=np.array(times)[order],
    )


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


def recent_use(sessions: Sessions) -> RecentUse:
    """What users do now, measured as in training.

    Raises:
        InvalidInputError: there are no events.
    """
    users = _drawn(sessions, MOST_USERS // 5, NOW_DAYS)
    acting = _drawn(sessions, MOST_USERS // 5, NOW_DAYS, acting=True)
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


def _silent(done: float, total: float, message: str) -> None:
    """Progress inside one step of several is not shown."""
