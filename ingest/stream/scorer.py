"""Where a unit stands, by documented rules, and what units do next, by counts.

Both answer until models are trained (``trained_models``). What follows what are first-order counts:
how often one type of event followed another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.event_kinds import CONSIDER, CONVERT, ENGAGE, LEAVE, VIEW
from neonblue.ingest.stream.activity import Features

STAGES = ("new", "exploring", "engaged", "considering", "converted", "leaving")
INTENTS = ("browse", "evaluate", "buy", "leave")
SEGMENTS = ("new", "casual", "regular", "heavy")
# From so many sessions or so many events on; the first that fits.
SEGMENT_RULES = (("heavy", 5, 100), ("regular", 3, 20), ("casual", 2, 2))
# How much one event of each kind moves the behavioural score.
POINTS = {VIEW: 0.05, ENGAGE: 0.15, CONSIDER: 0.5, CONVERT: 1.5, LEAVE: -0.5}
TRANSITIONS = "transitions-1"
# Fewer observed successors than this are too few to name a likely one.
MIN_SEEN = 20
SMOOTHING = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One value a row; the labels are numbers of ``STAGES``, ``INTENTS`` and ``SEGMENTS``.

    ``score`` is 0 to 1. ``intent_probability`` is a calibrated probability when a model made it;
    by the rules it is a smoothed share of recent events. ``made_by`` names who made which.
    """

    stage: NDArray[np.int64]
    score: NDArray[np.float32]
    intent: NDArray[np.int64]
    intent_probability: NDArray[np.float32]
    segment: NDArray[np.int64]
    made_by: dict[str, str]


class Scorer(Protocol):
    """Scores the rows of a batch at once."""

    def score(self, features: Features) -> Scores: ...


class RuleScorer:
    """Rules over counts of the recent past; nothing is learnt, so nothing is claimed.

    Stage: leaving after a leaving event; converted after any conversion; considering after a cart,
    checkout, trial or the like; engaged after 3 interactions; exploring after a second event; new.
    Score: 1 - exp(-points). Intent: by the same signs, with the share of events that show it.
    Segment: by recent sessions and events.
    """

    def score(self, features: Features) -> Scores:
        counts = features.counts
        intent = _intent(features)
        return Scores(
            stage=_stage(features),
            score=(1 - np.exp(-np.maximum(_points(counts), 0))).astype(np.float32),
            intent=intent,
            intent_probability=_share(counts, intent),
            segment=_segment(features),
            made_by={
                "user_journey_stage": "rules-1",
                "behavioral_score": "rules-1",
                "intent_prediction": "rules-1",
                "segment": "rules-1",
            },
        )


def _points(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    weights = np.zeros(counts.shape[1], dtype=np.float32)
    for kind, points in POINTS.items():
        weights[kind] = points
    return counts @ weights


def _stage(features: Features) -> NDArray[np.int64]:
    counts = features.counts
    return np.select(
        [
            features.kinds == LEAVE,
            counts[:, CONVERT] > 0,
            counts[:, CONSIDER] > 0,
            counts[:, ENGAGE] >= 3,
            features.events > 1,
        ],
        [5, 4, 3, 2, 1],
        default=0,
    )


def _intent(features: Features) -> NDArray[np.int64]:
    counts = features.counts
    return np.select(
        [features.kinds == LEAVE, counts[:, CONSIDER] > 0, counts[:, ENGAGE] > 0],
        [3, 2, 1],
        default=0,
    )


def _share(counts: NDArray[np.float32], intent: NDArray[np.int64]) -> NDArray[np.float32]:
    """How many of the recent events show the intent, with one added for each intent."""
    shown = np.stack(
        [
            counts[:, VIEW],
            counts[:, ENGAGE],
            counts[:, CONSIDER] + counts[:, CONVERT],
            counts[:, LEAVE],
        ]
    )
    share = (shown[intent, np.arange(len(intent))] + 1) / (shown.sum(axis=0) + len(INTENTS))
    return np.asarray(share, dtype=np.float32)


def segment_of(events: int, sessions: int) -> str:
    """The rule's segment of one unit with so many events in so many sessions."""
    for name, least_sessions, least_events in SEGMENT_RULES:
        if sessions >= least_sessions or events >= least_events:
            return name
    return SEGMENTS[0]


def _segment(features: Features) -> NDArray[np.int64]:
    return np.select(
        [
            (features.sessions >= least_sessions) | (features.events >= least_events)
            for _, least_sessions, least_events in SEGMENT_RULES
        ],
        [SEGMENTS.index(name) for name, _, _ in SEGMENT_RULES],
        default=0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NextActions:
    """For each row the likeliest next type ('' when too little is known) and its probability.

    ``made_by`` names the model.
    """

    names: list[str]
    probabilities: NDArray[np.float32]
    made_by: str = TRANSITIONS


class Transitions:
    """Counts of (type, next type) over all units, learnt from the stream as it passes."""

    def __init__(self) -> None:
        self._counts = np.zeros((0, 0))

    def remember(self, names: tuple[str, ...], pairs: Iterable[tuple[str, str, int]]) -> None:
        """Take over what ClickHouse has (``Enrichments.transitions``), in place of what is here."""
        numbers = {name: number for number, name in enumerate(names)}
        self._counts = np.zeros((0, 0))
        self._reach(len(names))
        for before, after, times in pairs:
            if before in numbers and after in numbers:
                self._counts[numbers[before], numbers[after]] += times

    def learn(self, features: Features) -> None:
        """Count what followed what in a batch."""
        self._reach(len(features.type_names))
        known = features.previous_types >= 0
        np.add.at(self._counts, (features.previous_types[known], features.event_types[known]), 1)

    def predict(self, features: Features) -> NextActions:
        """From batches before this one; probabilities are additively smoothed shares."""
        self._reach(len(features.type_names))
        names, shares = self._answers(features.type_names)
        return NextActions(
            names=[names[number] for number in features.event_types.tolist()],
            probabilities=shares[features.event_types],
        )

    def _answers(self, type_names: tuple[str, ...]) -> tuple[list[str], NDArray[np.float32]]:
        """The answer after each type."""
        totals = self._counts.sum(axis=1)
        if len(totals) == 0:
            return [], np.zeros(0, dtype=np.float32)
        best = self._counts.argmax(axis=1)
        hits = self._counts[np.arange(len(best)), best]
        shares = (hits + SMOOTHING) / (totals + SMOOTHING * len(totals))
        unknown = totals < MIN_SEEN
        names = [
            "" if blank else type_names[number] for blank, number in zip(unknown, best, strict=True)
        ]
        return names, np.where(unknown, np.nan, shares).astype(np.float32)

    def _reach(self, size: int) -> None:
        short = size - len(self._counts)
        if short > 0:
            self._counts = np.pad(self._counts, (0, short))
