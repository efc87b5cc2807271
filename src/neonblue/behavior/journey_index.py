"""Keeping sessions with their vectors, and finding the ones that are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.behavior.conversion_events import BY_WORDS, EventKinds
from neonblue.behavior.journey_vectors import VERSION, Trace, before_conversion, journey_vector
from neonblue.behavior.journeys import Journey, describe, own_steps
from neonblue.behavior.proportion import Share, share
from neonblue.behavior.pseudonyms import Pseudonyms
from neonblue.stores.session_vectors import SimilarSession
from neonblue.stores.sessions import Session, Sessions

if TYPE_CHECKING:
    import pyarrow as pa

KEPT_PATH = 60
BATCH = 20_000
# Visitors who left after one step are alike too: without them every journey seems to convert.
MIN_STEPS = 1
# Cosine similarity below which two journeys have little in common.
ALIKE = 0.5
NEIGHBOURS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarJourneys:
    """Journeys that began alike, nearest first, and how many of the 50 nearest converted."""

    journeys: tuple[SimilarSession, ...]
    converted: Share


def session_vector(session: Session, kinds: EventKinds = BY_WORDS) -> list[float]:
    """The vector of a session up to its first conversion, so that alike means alike before it."""
    end = before_conversion(session.types, kinds)
    trace = Trace(
        types=session.types[:end], times_ms=session.times_ms[:end], values=session.values[:end]
    )
    return [float(one) for one in journey_vector(trace)]


def keep_sessions(
    store: Sessions, sessions: Sequence[Session], kinds: EventKinds = BY_WORDS
) -> int:
    """Describe sessions and keep those with a step; returns how many."""
    pseudonyms = Pseudonyms(store.pseudonym_key())
    kept = 0
    for first in range(0, len(sessions), BATCH):
        described = [(one, describe(one, kinds)) for one in sessions[first : first + BATCH]]
        batch = [pair for pair in described if pair[1].steps >= MIN_STEPS]
        if batch:
            store.keep(_rows(batch, pseudonyms, kinds))
        kept += len(batch)
    return kept


def find_similar(
    store: Sessions, past: Sequence[Session], kinds: EventKinds = BY_WORDS, *, shown: int
) -> SimilarJourneys:
    """The kept journeys of other users that are nearest to a user's latest one.

    Compared is the latest session with a step before its conversion: without one nothing is
    alike. ``shown`` of the 50 nearest are described.
    """
    latest = next((one for one in reversed(past) if _steps_before_conversion(one, kinds)), None)
    if latest is None:
        return SimilarJourneys(journeys=(), converted=share(0, 0))
    kept = store.vectors(VERSION)
    found = kept.nearest(
        session_vector(latest, kinds), limit=NEIGHBOURS, without_user=latest.user_id, at_least=ALIKE
    )
    return SimilarJourneys(
        journeys=kept.described(found[:shown]),
        converted=share(sum(one.converted for one in found), len(found)),
    )


def _steps_before_conversion(session: Session, kinds: EventKinds) -> bool:
    return bool(own_steps(session.types[: before_conversion(session.types, kinds)]))


def _rows(
    batch: Sequence[tuple[Session, Journey]], pseudonyms: Pseudonyms, kinds: EventKinds
) -> pa.Table:
    import pyarrow as pa

    stamp = pa.timestamp("ms", "UTC")
    sessions = [session for session, _ in batch]
    journeys = [journey for _, journey in batch]
    return pa.table(
        {
            "user_id": pa.array([one.user_id for one in sessions], pa.string()),
            "pseudonym": pa.array([pseudonyms.of(one.user_id) for one in sessions], pa.string()),
            "started_at": pa.array([one.started_ms for one in journeys], stamp),
            "ended_at": pa.array([one.ended_ms for one in journeys], stamp),
            "steps": pa.array([one.steps for one in journeys], pa.uint32()),
            "duration_seconds": pa.array([one.duration_seconds for one in journeys]),
            "path": pa.array([one.path[:KEPT_PATH] for one in journeys], pa.list_(pa.string())),
            "value": pa.array([one.value for one in journeys], pa.float64()),
            "device_type": pa.array([one.device_type for one in journeys], pa.string()),
            "traffic_source": pa.array([one.traffic_source for one in journeys], pa.string()),
            "outcome": pa.array([one.outcome for one in journeys], pa.string()),
            "experiments": pa.array([one.experiments for one in journeys], pa.list_(pa.string())),
            "suspected_bot": pa.array([int(one.suspected_bot) for one in journeys], pa.uint8()),
            "vector": pa.array(
                [session_vector(one, kinds) for one in sessions], pa.list_(pa.float32())
            ),
            "made_by": pa.array([VERSION] * len(batch), pa.string()),
        }
    )
