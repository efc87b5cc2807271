"""What a user is likely to do next, and what that rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from neonblue.behavior.intent import intent_from_arrays
from neonblue.behavior.journey_index import SimilarJourneys, find_similar
from neonblue.behavior.journeys import Stage, looks_like_a_bot, own_steps, stage_of
from neonblue.behavior.model_files import ModelFiles, StoredModel
from neonblue.behavior.own_training import INTENT, NEXT_ACTION
from neonblue.behavior.sequence_files import model_of
from neonblue.behavior.sequences import from_lists
from neonblue.behavior.user_features import UserEvents, feature_row, joined
from neonblue.stores.sessions import GAP_SECONDS, Session, Sessions

EVENTS_READ = 512
SHOWN_ACTIONS = 5
SHOWN_JOURNEYS = 5
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
class Outlook:
    """The prediction for one user. ``basis`` is ``population`` when nothing is known of them.

    ``events`` are the stored ones that were read. ``similar`` are other users' journeys that began
    like the user's latest, None for a user without steps. ``conversion_probability`` is for the
    next ``horizon_days``; None without a trained model.
    ``models`` names what made each part, ``learnt_from`` says of how many steps or moments a model
    was learnt; ``notes`` say what is missing.
    """

    basis: Basis
    events: int
    stage: Stage
    segment: ActivitySegment
    next_actions: tuple[NextAction, ...]
    conversion_probability: float | None
    base_conversion_probability: float | None
    horizon_days: float | None
    similar: SimilarJourneys | None
    models: Mapping[str, str] = field(default_factory=dict)
    learnt_from: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def predict(
    sessions: Sessions,
    files: ModelFiles,
    user_id: str,
    just_done: Sequence[str] = (),
    *,
    now_ms: int | None = None,
) -> Outlook:
    """Predict for a user from the latest 512 events and what they did just now.

    ``just_done`` are event types that are not stored yet, at ``now_ms`` (the last event's time by
    default). Costs one read of the user's events and one search among kept sessions.
    """
    stored = sessions.of_user(user_id, limit=EVENTS_READ)
    past = _with_just_done(stored, user_id, just_done, now_ms)
    events = joined(past)
    steps = own_steps(events.types)
    actions, intent = files.current(NEXT_ACTION), files.current(INTENT)
    probability, base = _conversion(intent, events)
    return Outlook(
        basis="user" if steps else "population",
        events=len(events.types) - len(just_done),
        stage=stage_of(steps),
        segment=_segment(len(past), len(steps)),
        next_actions=_next_actions(actions, steps),
        conversion_probability=probability,
        base_conversion_probability=base,
        horizon_days=intent.description["horizon_days"] if intent else None,
        similar=find_similar(sessions, past, shown=SHOWN_JOURNEYS) if steps else None,
        models=_named(actions, intent),
        learnt_from={
            model.kind: int(model.description["n"])
            for model in (actions, intent)
            if model and "n" in model.description
        },
        notes=(*_notes(past, steps, actions, intent), *_notes_on_past(stored)),
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
    probabilities = model.next_probabilities(asked)[0]
    best = np.argsort(-probabilities, kind="stable")[:SHOWN_ACTIONS]
    return tuple(
        NextAction(action=model.names[one], probability=float(probabilities[one])) for one in best
    )


def _conversion(
    stored: StoredModel | None, events: UserEvents
) -> tuple[float | None, float | None]:
    if stored is None:
        return None, None
    base = float(stored.description["base_rate"])
    if not len(events.types):
        return base, base
    row = feature_row(events, len(events.types))
    return float(intent_from_arrays(stored.arrays).probability(row[None, :])[0]), base


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
        notes.append("not every model is trained yet: run neonblue behavior train")
    unknown = [step for step in steps[-1:] if actions and step not in actions.description["names"]]
    if unknown:
        notes.append("the last event type is new to the next-action model")
    return tuple(notes)


def _notes_on_past(stored: Sequence[Session]) -> tuple[str, ...]:
    notes = []
    if sum(len(session.types) for session in stored) >= EVENTS_READ:
        notes.append(f"rests on the latest {EVENTS_READ} events")
    if stored and looks_like_a_bot(stored[-1]):
        notes.append("the last session is paced like a bot's: people's behaviour says little of it")
    return tuple(notes)
