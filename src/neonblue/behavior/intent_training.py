"""Learning intent from users' events: one contest for who is away, one for who is here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.conversion_events import SETTING, EventKinds, Reading
from neonblue.behavior.event_kinds import KINDS
from neonblue.behavior.intent_contest import Contest, beats, hold, log_losses
from neonblue.behavior.intent_moments import (
    DAY_MS,
    Moments,
    Newcomers,
    Span,
    acting_moments,
    known_moments,
    newcomers,
    span_of,
)
from neonblue.behavior.intent_rivals import Rival, rival_from_arrays
from neonblue.behavior.model_files import ModelFiles, StoredModel
from neonblue.behavior.streaming_intent import fit_streaming_intent, flat_streaming_intent
from neonblue.behavior.user_features import NAMES, UserEvents
from neonblue.errors import InvalidInputError

INTENT = "intent"
# Away: longer than the pause that ends a session. Here: right after an event.
AWAY, HERE = "away", "here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What a training found out, before it is known whether it is used."""

    span: Span
    contests: Mapping[str, Contest]
    newcomers: Newcomers
    quick_arrays: Mapping[str, NDArray[Any]]
    quick_winner: str
    rows: int


def train_intent_on_users(
    users: Sequence[UserEvents],
    kinds: EventKinds,
    files: ModelFiles,
    snapshot_arrays: Mapping[str, NDArray[Any]],
    most_events: int,
) -> dict[str, Any]:
    """Hold the contests and publish who won, unless the model before is as good on later weeks.

    Raises:
        InvalidInputError: no event type converts, or all events are too recent.
    """
    conversions = conversions_in(users, kinds)
    if not conversions:
        raise InvalidInputError(_nothing_converts(users, kinds))
    learnt = _learn(users, most_events)
    previous = files.usable(INTENT)
    if stays := _stays(previous, learnt, conversions):
        return {**stays, "conversions": conversions}
    arrays = {
        f"{moment}_{name}": values
        for moment, contest in learnt.contests.items()
        for name, values in contest.winner.arrays().items()
    }
    stored = files.publish(
        INTENT,
        {**arrays, **learnt.quick_arrays, **snapshot_arrays},
        _description(learnt, conversions),
    )
    told = {name: stored.description[name] for name in (AWAY, HERE, "stream", "base_rate")}
    reason = "it is the first model" if previous is None else _why_replaced(previous, learnt)
    return {
        "kept": True,
        "reason": reason,
        "model": stored.name,
        **told,
        "conversions": conversions,
    }


def conversions_in(users: Sequence[UserEvents], kinds: EventKinds) -> list[dict[str, Any]]:
    """The event types among users' events that convert, with their count and why."""
    counts: Counter[str] = Counter()
    for events in users:
        counts.update(events.types)
    return [
        {**as_dict(one), "events": counts[one.event_type]}
        for one in sorted(kinds.conversions(counts), key=lambda one: -counts[one.event_type])
    ]


def as_dict(reading: Reading) -> dict[str, Any]:
    """A reading as JSON."""
    return {
        "event_type": reading.event_type,
        "taken_for": KINDS[reading.kind],
        "source": reading.source,
        "reason": reading.reason,
        "ask": reading.ask,
    }


def reading_from(known: Mapping[str, Any]) -> Reading:
    """The reading that ``as_dict`` wrote."""
    return Reading(
        event_type=str(known["event_type"]),
        kind=KINDS.index(known["taken_for"]),
        source=known["source"],
        reason=str(known["reason"]),
        ask=str(known["ask"]),
    )


def rival_of(stored: StoredModel, moment: str) -> Rival | None:
    """Who answers for users who are ``away`` or ``here``; None in a model of an older form."""
    part = stored.description.get(moment)
    if not part or tuple(stored.description["features"]) != NAMES:
        return None
    prefix = f"{moment}_"
    own = {
        name.removeprefix(prefix): values
        for name, values in stored.arrays.items()
        if name.startswith(prefix)
    }
    return rival_from_arrays(part["winner"], own)


def _learn(users: Sequence[UserEvents], most_events: int) -> Learnt:
    span = span_of(users)
    acting = acting_moments(users, span)
    contests = {HERE: hold(acting, span, one_a_user=False)}
    known = _known(users, span)
    if known is not None:
        contests[AWAY] = hold(known, span, one_a_user=True)
    quick_arrays, quick_winner = _quick(acting, span)
    return Learnt(
        span=span,
        contests=contests,
        newcomers=newcomers(users, span, most_events),
        quick_arrays=quick_arrays,
        quick_winner=quick_winner,
        rows=len(acting) + (0 if known is None else len(known)),
    )


def _known(users: Sequence[UserEvents], span: Span) -> Moments | None:
    try:
        return known_moments(users, span)
    except InvalidInputError:
        return None


def _quick(acting: Moments, span: Span) -> tuple[Mapping[str, NDArray[Any]], str]:
    """The stream's model of counts, flat unless it beats the base rate on later weeks."""
    early, later = acting.early(span), acting.later(span)
    flat = flat_streaming_intent(float(acting.converted.mean()))
    if 0 < early.converted.sum() < len(early) and len(later):
        model, rate = fit_streaming_intent(early.rows, early.converted), early.converted.mean()
        losses = log_losses(model.of_rows(later.rows), later.converted)
        base = log_losses(np.full(len(later), rate), later.converted)
        if beats(losses, base, later.users, "base_rate").shown:
            return fit_streaming_intent(acting.rows, acting.converted).arrays(), "logistic"
    return flat.arrays(), "base_rate"


def _description(learnt: Learnt, conversions: list[dict[str, Any]]) -> dict[str, Any]:
    contests = {moment: contest.as_dict() for moment, contest in learnt.contests.items()}
    rates = {moment: _base_rate(contest) for moment, contest in learnt.contests.items()}
    return {
        "features": NAMES,
        **contests,
        "stream": learnt.quick_winner,
        "horizon_days": learnt.span.horizon / DAY_MS,
        "base_rate": rates.get(AWAY, rates[HERE]),
        "base_rates": rates,
        "newcomers": {
            "users": learnt.newcomers.users,
            "converted": learnt.newcomers.converted,
            "rate": learnt.newcomers.rate,
        },
        "conversions": conversions,
        "learnt_until_ms": learnt.span.end,
        "n": learnt.rows,
    }


def _base_rate(contest: Contest) -> float:
    return float(contest.later.converted.mean()) if len(contest.later) else 0.0


def _stays(
    previous: StoredModel | None, learnt: Learnt, conversions: Iterable[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """The answer where the model in use stays: it had not seen the later weeks and is as good."""
    if previous is None or not _comparable(previous, learnt, conversions):
        return None
    before: list[float] = []
    now: list[float] = []
    for moment, contest in learnt.contests.items():
        rival = rival_of(previous, moment)
        if rival is None:
            return None
        later = contest.later
        before.append(float(log_losses(rival.probability(later.rows), later.converted).mean()))
        now.append(float(contest.losses.mean()))
    if sum(before) > sum(now):
        return None
    return {
        "kept": False,
        "reason": f"{previous.name} is as good or better on the later data: it stays",
        "model": previous.name,
        **{moment: contest.as_dict() for moment, contest in learnt.contests.items()},
    }


def _comparable(
    previous: StoredModel, learnt: Learnt, conversions: Iterable[Mapping[str, Any]]
) -> bool:
    known = previous.description
    names = {one["event_type"] for one in conversions}
    return {one["event_type"] for one in known.get("conversions", ())} == names and known.get(
        "learnt_until_ms", learnt.span.end
    ) + learnt.span.horizon <= learnt.span.later


def _why_replaced(previous: StoredModel, learnt: Learnt) -> str:
    until = previous.description.get("learnt_until_ms", learnt.span.end)
    if until + learnt.span.horizon > learnt.span.later:
        return f"{previous.name} had seen the later weeks or counted other conversions"
    return "it is better than the one before"


def _nothing_converts(users: Sequence[UserEvents], kinds: EventKinds) -> str:
    seen = sorted({name for events in users[-1000:] for name in events.types})[:12]
    named = f" ({', '.join(map(repr, kinds.setting))})" if kinds.setting else ""
    return (
        f"no event type counts as a conversion: name those that do in {SETTING}{named}; there are "
        f"{', '.join(map(repr, seen))} (neonblue behavior events shows all)"
    )
