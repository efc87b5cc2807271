"""Answers about journeys and predictions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from neonblue.behavior.conversion_events import BY_WORDS, EventKinds, Reading
from neonblue.behavior.journey_index import SimilarJourneys
from neonblue.behavior.journeys import describe, stage_of, told
from neonblue.behavior.outlook import Outlook
from neonblue.behavior.proportion import Share
from neonblue.stores.session_vectors import SimilarSession
from neonblue.stores.sessions import Session, UserTotals
from neonblue.tools.results.figure import Answer, Fenced, Figure

TOLD_PATH = 15
BRIEF_PATH = 8
NOTHING_ALIKE = (
    "no kept journey is alike before its conversion: neonblue behavior train keeps the newest ones"
)


class ShareRow(Answer):
    """A share of ``n`` with its 95 % interval."""

    count: int
    n: int
    share: Figure
    ci_lower: Figure
    ci_upper: Figure


class SessionRow(Answer):
    """One session in a timeline; ``session_duration`` in seconds, ``told`` holds the path."""

    started_at: datetime
    journey_length: int
    session_duration: Figure
    device_type: Fenced
    traffic_source: Fenced
    value: Figure
    conversion_outcome: str
    suspected_bot: bool
    told: Fenced
    experiments: list[str]


class ConversionRow(Answer):
    """An event type that was taken for a conversion: ``source`` is setting, metric or guess.

    ``ask`` is set where somebody who knows should be asked before it is relied on.
    """

    event_type: Fenced
    source: str
    detail: Fenced
    ask: str


class UserJourney(Answer):
    """A user's timeline, the newest session first; ``user`` is a pseudonym."""

    user: str
    status: str
    events: int
    first_at: datetime | None
    last_at: datetime | None
    stage: str
    events_read: int
    sessions_found: int
    conversions: list[ConversionRow]
    sessions: list[SessionRow]
    detail: str


class SimilarRow(Answer):
    """Another user's journey that is alike; ``user`` is a pseudonym, ``told`` holds the path."""

    user: str
    started_at: datetime | None
    similarity: Figure
    conversion_outcome: str
    value: Figure
    device_type: Fenced
    traffic_source: Fenced
    told: Fenced


class SimilarAnswer(Answer):
    """Journeys that are alike, and the share of them that converted."""

    matched_by: str
    converted: ShareRow | None
    conversions: list[ConversionRow]
    detail: str
    journeys: list[SimilarRow]


class ActionRow(Answer):
    """An action and its probability of being the next."""

    action: Fenced
    probability: Figure


class Prediction(Answer):
    """What a user is likely to do next, ``as_of`` a moment ``days_away`` after the last event.

    ``conversion_answered_by`` is base_rate where no model beat it on later weeks.
    """

    user: str
    basis: str
    events: int
    journey_stage: str
    segment: str
    conversion_probability: Figure | None
    base_conversion_probability: Figure | None
    horizon_days: Figure | None
    as_of: datetime | None
    days_away: Figure | None
    conversion_answered_by: str | None
    conversion_detail: str
    conversions: list[ConversionRow]
    next_actions: list[ActionRow]
    similar_journeys_converted: ShareRow | None
    models: dict[str, str]
    learnt_from: dict[str, int]
    details: list[str]
    similar_journeys: list[SimilarRow]


def share_row(share: Share) -> ShareRow:
    """A share as a row."""
    return ShareRow(
        count=share.count,
        n=share.n,
        share=share.value,
        ci_lower=share.ci_lower,
        ci_upper=share.ci_upper,
    )


def journey_answer(
    user: str,
    totals: UserTotals | None,
    sessions: tuple[Session, ...],
    limit: int,
    kinds: EventKinds = BY_WORDS,
) -> UserJourney:
    """The timeline of a user."""
    types = [name for session in sessions for name in session.types]
    return UserJourney(
        user=user,
        status="ok" if totals else "insufficient_data",
        events=totals.events if totals else 0,
        first_at=totals.first_at if totals else None,
        last_at=totals.last_at if totals else None,
        stage=stage_of(types, kinds),
        events_read=len(types),
        sessions_found=len(sessions),
        conversions=conversion_rows(kinds.conversions(sorted(set(types)))),
        sessions=[_session_row(session, kinds) for session in sessions[::-1][:limit]],
        detail=_journey_note(totals, len(types)),
    )


def _journey_note(totals: UserTotals | None, read: int) -> str:
    if totals is None:
        return "no event names this user: check the id, or load events with neonblue load"
    if totals.events > read:
        return f"the latest {read} of {totals.events} events are shown"
    return ""


def _session_row(session: Session, kinds: EventKinds) -> SessionRow:
    journey = describe(session, kinds)
    return SessionRow(
        started_at=datetime.fromtimestamp(journey.started_ms / 1000, UTC),
        journey_length=journey.steps,
        session_duration=journey.duration_seconds,
        device_type=journey.device_type,
        traffic_source=journey.traffic_source,
        value=journey.value,
        conversion_outcome=journey.outcome,
        suspected_bot=journey.suspected_bot,
        told=told(journey),
        experiments=list(journey.experiments),
    )


def similar_answer(found: SimilarJourneys, kinds: EventKinds = BY_WORDS) -> SimilarAnswer:
    """Journeys alike in behaviour, and which of their steps count as conversions."""
    steps = sorted({step for one in found.journeys for step in one.path})
    return SimilarAnswer(
        matched_by="behaviour",
        converted=share_row(found.converted) if found.converted.n else None,
        conversions=conversion_rows(kinds.conversions(steps)),
        detail="" if found.journeys else NOTHING_ALIKE,
        journeys=[_similar_row(one, TOLD_PATH) for one in found.journeys],
    )


def _similar_row(one: SimilarSession, path: int) -> SimilarRow:
    return SimilarRow(
        user=one.pseudonym,
        started_at=one.started_at,
        similarity=one.similarity,
        conversion_outcome=one.outcome,
        value=one.value,
        device_type=one.device_type,
        traffic_source=one.traffic_source,
        told=_path(one, path),
    )


def _path(one: SimilarSession, most: int) -> str:
    """The path, cut in the middle: how it began and how it ended."""
    if len(one.path) <= most:
        return " → ".join(one.path)
    half = most // 2
    return " → ".join([*one.path[:half], "…", *one.path[-half:]])


def conversion_rows(readings: Iterable[Reading]) -> list[ConversionRow]:
    """Event types that were taken for conversions."""
    return [
        ConversionRow(event_type=one.event_type, source=one.source, detail=one.reason, ask=one.ask)
        for one in readings
    ]


def prediction_answer(user: str, outlook: Outlook) -> Prediction:
    """An outlook as an answer."""
    similar, conversion = outlook.similar, outlook.conversion
    as_of = datetime.fromtimestamp(outlook.as_of_ms / 1000, UTC) if outlook.as_of_ms else None
    return Prediction(
        user=user,
        basis=outlook.basis,
        events=outlook.events,
        journey_stage=outlook.stage,
        segment=outlook.segment,
        conversion_probability=outlook.conversion_probability,
        base_conversion_probability=outlook.base_conversion_probability,
        horizon_days=outlook.horizon_days,
        as_of=as_of,
        days_away=outlook.days_away,
        conversion_answered_by=conversion.answered_by if conversion else None,
        conversion_detail=conversion.reason if conversion else "",
        conversions=conversion_rows(conversion.counted if conversion else ()),
        next_actions=[
            ActionRow(action=one.action, probability=one.probability)
            for one in outlook.next_actions
        ],
        similar_journeys_converted=(
            share_row(similar.converted) if similar and similar.converted.n else None
        ),
        models=dict(outlook.models),
        learnt_from=dict(outlook.learnt_from),
        details=[*outlook.notes, *([NOTHING_ALIKE] if similar and not similar.journeys else [])],
        similar_journeys=[
            _similar_row(one, BRIEF_PATH) for one in (similar.journeys if similar else ())
        ],
    )
