"""What units do next, by how often one type of event followed another: first-order counts.

It answers until a next-action model is trained (``trained_next_action``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neonblue.ingest.activity import Features

VERSION = "transitions-1"
# Fewer observed successors than this are too few to name a likely one.
MIN_SEEN = 20
SMOOTHING = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class NextActions:
    """For each row the likeliest next type ('' when too little is known) and its probability.

    ``made_by`` names the model.
    """

    names: list[str]
    probabilities: NDArray[np.float32]
    made_by: str = VERSION


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
