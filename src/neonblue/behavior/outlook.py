"""What a user is likely to do next, and what that rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from neonblue.behavior.conversion_events import BY_WORDS, SETTING, EventKinds, Reading
from neonblue.behavior.event_kinds import CONVERT
from neonblue.behavior.intent_training import AWAY, HERE, INTENT, reading_from, rival_of
from neonblue.behavior.journey_index import SimilarJourneys, find_similar
from neonblue.behavior.journeys import Stage, looks_like_a_bot, own_steps, stage_of
from neonblue.behavior.model_files import ModelFiles, StoredModel
from neonblue.behavior.sequence_files import model_of
from neonblue.behavior.sequences import from_lists
from neonblue.behavior.training_on_events import NEXT_ACTION
from neonblue.behavior.user_features import UserEvents, feature_row, joined
from neonblue.stores.sessions import GAP_SECONDS, Session, Sessions

EVENTS_READ = 512
SHOWN_ACTIONS = 5
SHOWN_JOURNEYS = 5
DAY_MS = 86_400_000
# Between steps whose times nobody gave.
ASSUMED_PAUSE_MS = 10_000

Basis = Literal["user", "population"]
ActivitySegment = Literal["new", "casual", "regular", "heavy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAction:
    """An action with its calibrated probability of being the next."""

    action: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """How likely a conversion is within ``horizon_days``, and who says so.

    ``base_rate`` is the share among users in the same position: away, here, or new. ``answered_by``
    won on later weeks, as ``reason`` says. ``counted`` are the event types that were taken for
    conversions.
    """

    probability: float
    base_rate: float
    horizon_days: float
    answered_by: str
    reason: str
    counted: tuple[Reading, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The prediction for one user. ``basis`` is ``population`` when nothing is known of them.

    ``events`` are the stored ones that were read. ``similar`` are other users' journeys that began
    like the user's latest, None for a user without steps. ``conversion`` is None without a trained
    model. ``as_of_ms`` (UTC) is the moment it is about: the newest event there is, unless another
    one was given.
    ``models`` names what made each part, ``learnt_from`` says of how many steps or moments a model
    was learnt; ``notes`` say what is missing.
    """

    basis: Basis
    events: int
    stage: Stage
    segment: ActivitySegment
    next_actions: tuple[NextAction, ...]
    conversion: Conversion | None
    as_of_ms: int
    days_away: float | None
    similar: SimilarJourneys | None
    models: Mapping[str, str] = field(default_factory=dict)
    learnt_from: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def conversion_probability(self) -> float | None:
        """Of a conversion within ``horizon_days``."""
        return self.conversion.probability if self.conversion else None

    @property
    def base_conversion_probability(self) -> float | None:
        """The base rate of users in the same position."""
        return self.conversion.base_rate if self.conversion else None

    @property
    def horizon_days(self) -> float | None:
        """How far the probability looks ahead."""
        return self.conversion.horizon_days if self.conversion else None


def predict(
    sessions: Sessions,
    files: ModelFiles,
    user_id: str,
    just_done: Sequence[str] = (),
    *,
    now_ms: int | None = None,
    kinds: EventKinds = BY_WORDS,
) -> Outlook:
    """Predict for a user from the latest 512 events and what they did just now.

    ``just_done`` are event types that are not stored yet, at ``now_ms`` (the last event's time by
    default). Without them the prediction is for ``now_ms``, by default the time of the newest event
    of anybody: nothing is known of what came after. ``kinds`` says what converts. Costs one read of
    the user's events and one search among kept sessions.
    """
    stored = sessions.of_user(user_id, limit=EVENTS_READ)
    past = _with_just_done(stored, user_id, just_done, now_ms)
    events = joined(past, kinds)
    steps = own_steps(events.types)
    actions, intent = files.usable(NEXT_ACTION), files.usable(INTENT)
    last_ms = int(events.times_ms[-1]) if len(events.types) else 0
    if now_ms is None and not just_done:
        now_ms = round(sessions.newest().timestamp() * 1000)
    as_of_ms = max(now_ms or 0, last_ms)
    conversion = _conversion(intent, events, as_of_ms)
    return Outlook(
        basis="user" if steps else "population",
        events=len(events.types) - len(just_done),
        stage=stage_of(steps, kinds),
        segment=_segment(len(past), len(steps)),
        next_actions=_next_actions(actions, steps),
        conversion=conversion,
        as_of_ms=as_of_ms,
        days_away=(as_of_ms - last_ms) / DAY_MS if last_ms else None,
        similar=find_similar(sessions, past, kinds, shown=SHOWN_JOURNEYS) if steps else None,
        models=_named(actions, intent),
        learnt_from={
            model.kind: int(model.description["n"])
            for model in (actions, intent)
            if model and "n" in model.description
        },
        notes=(
            *_notes(past, steps, actions, intent),
            *_notes_on_past(stored),
            *_notes_on_conversions(intent, conversion, kinds),
        ),
    )


def _with_just_done(
    past: tuple[Session, ...], user_id: str, just_done: Sequence[str], now_ms: int | None
) -> tuple[Session, ...]:
    """What was done just now goes on with the last session unless the pause was too long."""
    if not just_done:
        return past
    last = past[-1].times_ms[-1] if past else 0
    now = max(now_ms or last, last + ASSUMED_PAUSE_MS * len(just_done))
    added = _done_until(now, user_id, just_done)
    if not past or added.times_ms[0] - last > GAP_SECONDS * 1000:
        return (*past, added)
    going_on = replace(
        past[-1],
        times_ms=past[-1].times_ms + added.times_ms,
        types=past[-1].types + added.types,
        values=past[-1].values + added.values,
    )
    return (*past[:-1], going_on)


def _done_until(now: int, user_id: str, just_done: Sequence[str]) -> Session:
    return Session(
        user_id=user_id,
        times_ms=tuple(now - ASSUMED_PAUSE_MS * back for back in range(len(just_done))[::-1]),
        types=tuple(just_done),
        values=tuple(0.0 for _ in just_done),
        device_type="",
        traffic_source="",
        experiments=(),
    )


def _next_actions(stored: StoredModel | None, steps: Sequence[str]) -> tuple[NextAction, ...]:
    if stored is None:
        return ()
    model = model_of(stored)
    code = {name: number + 1 for number, name in enumerate(model.names)}
    asked = from_lists([[code.get(step, 0) for step in steps]])
    firsts = np.array(stored.description.get("first_steps", [0.0])[:-1])
    new = not steps and firsts.sum() > 0
    probabilities = firsts if new else model.next_probabilities(asked)[0]
    best = np.argsort(-probabilities, kind="stable")[:SHOWN_ACTIONS]
    return tuple(
        NextAction(action=model.names[one], probability=float(probabilities[one])) for one in best
    )


def _conversion(stored: StoredModel | None, events: UserEvents, as_of_ms: int) -> Conversion | None:
    """By the model for who is here or for who is away; who is unknown is taken for a newcomer."""
    if stored is None or HERE not in stored.description:
        return None
    known = stored.description
    count = len(events.types)
    if not count:
        new = known["newcomers"]
        told = f"of {new['users']} new users {new['converted']} converted so soon"
        return _answered(known, new["rate"], new["rate"], "base_rate", told)
    away_ms = as_of_ms - int(events.times_ms[-1])
    moment = AWAY if away_ms > GAP_SECONDS * 1000 and AWAY in known else HERE
    rival = rival_of(stored, moment)
    if rival is None:
        return None
    row = feature_row(events, count, as_of_ms)
    probability = float(rival.probability(row[None, :])[0])
    base = known["base_rates"][moment]
    return _answered(known, probability, base, rival.name, known[moment]["reason"])


def _answered(
    known: Mapping[str, Any], probability: float, base: float, answered_by: str, reason: str
) -> Conversion:
    return Conversion(
        probability=probability,
        base_rate=float(base),
        horizon_days=float(known["horizon_days"]),
        answered_by=answered_by,
        reason=reason,
        counted=tuple(reading_from(one) for one in known["conversions"]),
    )


def _segment(sessions: int, steps: int) -> ActivitySegment:
    if sessions >= 5 or steps >= 100:
        return "heavy"
    if sessions >= 3 or steps >= 20:
        return "regular"
    return "casual" if steps > 1 else "new"


def _named(*models: StoredModel | None) -> dict[str, str]:
    named = {model.kind: model.name for model in models if model is not None}
    return {**named, "stage": "rules-1", "segment": "rules-1"}


def _notes(
    past: Sequence[Session],
    steps: Sequence[str],
    actions: StoredModel | None,
    intent: StoredModel | None,
) -> tuple[str, ...]:
    notes = []
    if not past:
        notes.append("nothing is known of this user: these are the population's figures")
    elif not steps:
        notes.append("the user was exposed and did nothing yet: next actions are the population's")
    if actions is None or intent is None:
        notes.append(
            "not every model is trained yet, or its files are damaged: run neonblue behavior train"
        )
    unknown = [step for step in steps[-1:] if actions and step not in actions.description["names"]]
    if unknown:
        notes.append("the last event type is new to the next-action model")
    return tuple(notes)


def _notes_on_conversions(
    stored: StoredModel | None, conversion: Conversion | None, kinds: EventKinds
) -> tuple[str, ...]:
    if stored is None:
        return ()
    if conversion is None:
        return (f"{stored.name} is of an older form: run neonblue behavior train",)
    notes = []
    learnt = {one.event_type for one in conversion.counted}
    if any(kinds.of(one) != CONVERT for one in learnt) or not set(kinds.setting) <= learnt:
        notes.append(
            "what counts as a conversion has changed since the training: "
            "run neonblue behavior train"
        )
    if any(one.ask for one in conversion.counted):
        notes.append(
            "that some event types are conversions is a guess: ask somebody who knows, and name "
            f"all that are in {SETTING}"
        )
    return tuple(notes)


def _notes_on_past(stored: Sequence[Session]) -> tuple[str, ...]:
    notes = []
    if sum(len(session.types) for session in stored) >= EVENTS_READ:
        notes.append(f"rests on the latest {EVENTS_READ} events")
    if stored and looks_like_a_bot(stored[-1]):
        notes.append("the last session is paced like a bot's: people's behaviour says little of it")
    return tuple(notes)
