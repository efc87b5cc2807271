"""What a session amounts to: path, length, duration, value, outcome, and whether it is a bot's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np

from neonblue.behavior.conversion_events import BY_WORDS, EventKinds
from neonblue.behavior.event_kinds import CONSIDER, CONVERT, ENGAGE, EXPOSURE, LEAVE, kind_of
from neonblue.stores.sessions import Session

Outcome = Literal["converted", "considered", "left", "browsed"]
Stage = Literal["new", "exploring", "engaged", "considering", "converted", "leaving"]
TOLD_STEPS = 12
BOT_EVENTS = 100
BOT_MEDIAN_PAUSE_MS = 250
BOT_SESSION_EVENTS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """One session's facts. ``path`` is its steps with repeats in a row told once.

    Exposures are not steps: they are what we did, not what the user did.
    """

    started_ms: int
    ended_ms: int
    steps: int
    path: tuple[str, ...]
    value: float
    device_type: str
    traffic_source: str
    outcome: Outcome
    stage: Stage
    experiments: tuple[str, ...]
    suspected_bot: bool

    @property
    def duration_seconds(self) -> float:
        """From the first to the last event."""
        return (self.ended_ms - self.started_ms) / 1000


def describe(session: Session, kinds: EventKinds = BY_WORDS) -> Journey:
    """The facts of a session."""
    acts = own_steps(session.types)
    return Journey(
        started_ms=session.times_ms[0],
        ended_ms=session.times_ms[-1],
        steps=len(acts),
        path=tuple(step for step, _ in groupby(acts)),
        value=float(sum(session.values)),
        device_type=session.device_type,
        traffic_source=session.traffic_source,
        outcome=outcome_of(acts, kinds),
        stage=stage_of(acts, kinds),
        experiments=session.experiments,
        suspected_bot=looks_like_a_bot(session),
    )


def own_steps(types: Sequence[str]) -> list[str]:
    """The event types that a user brought about."""
    return [one for one in types if kind_of(one) != EXPOSURE]


def outcome_of(steps: Sequence[str], kinds: EventKinds = BY_WORDS) -> Outcome:
    """How a session came out."""
    found = {kinds.of(step) for step in steps}
    if CONVERT in found:
        return "converted"
    if LEAVE in found:
        return "left"
    return "considered" if CONSIDER in found else "browsed"


def stage_of(steps: Sequence[str], kinds: EventKinds = BY_WORDS) -> Stage:
    """Where a user stands after these steps, by rules over the kinds of events."""
    found = [kinds.of(step) for step in steps]
    if found and found[-1] == LEAVE:
        return "leaving"
    if CONVERT in found:
        return "converted"
    if CONSIDER in found:
        return "considering"
    if found.count(ENGAGE) >= 3:
        return "engaged"
    return "exploring" if len(found) > 1 else "new"


def looks_like_a_bot(session: Session) -> bool:
    """Very many events, or many at a pace that no person keeps."""
    count = len(session.times_ms)
    if count >= BOT_SESSION_EVENTS:
        return True
    if count < BOT_EVENTS:
        return False
    return float(np.median(np.diff(session.times_ms))) < BOT_MEDIAN_PAUSE_MS


def told(journey: Journey) -> str:
    """The journey in plain words, without any identifier of the user."""
    path = list(journey.path)
    if len(path) > TOLD_STEPS:
        hidden = len(path) - TOLD_STEPS
        half = TOLD_STEPS // 2
        path = [*path[:half], f"… {hidden} more …", *path[-half:]]
    parts = [
        f"{journey.steps} steps in {_duration(journey.duration_seconds)}: {' → '.join(path)}",
        f"outcome {journey.outcome}",
        f"value {journey.value:g}" if journey.value else "",
        f"on {journey.device_type}" if journey.device_type else "",
        f"from {journey.traffic_source}" if journey.traffic_source else "",
        "paced like a bot" if journey.suspected_bot else "",
    ]
    return "; ".join(part for part in parts if part)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
