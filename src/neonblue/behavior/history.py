"""What a user's own past says before every step: pages seen, stays, own habits.

The steps of all users are walked in lockstep (everyone's first step, everyone's second …), so the
work is in numpy although each step depends on the ones before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.sequences import Sequences

REMEMBERED_PAGES = 8
REMEMBERED_STAYS = 4
STAY_EDGES = np.array([1, 2, 3, 4, 5, 7, 10, 16])
MAX_DISTINCT = 9
MAX_CHANGES = 15
NEVER = -1_000_000
# A walk holds one categories x categories table a user: this many cells at a time.
CELLS_AT_ONCE = 6_000_000
LOGARITHMS = np.log1p(np.arange(4096)).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFeatures:
    """One row a step, of the history before it.

    ``codes`` (steps, fields): small whole numbers, field j below ``code_sizes[j]``. ``levels``
    (steps, values): counts, recencies and shares.
    """

    codes: NDArray[np.int16]
    levels: NDArray[np.float32]


def code_sizes(categories: int) -> list[int]:
    """How many values each field of ``codes`` can take."""
    pages = [categories + 1] * REMEMBERED_PAGES
    stays = [len(STAY_EDGES) + 1] * REMEMBERED_STAYS
    own = [categories + 1, categories + 1]
    return [*pages, *stays, *own, POSITION_CODES, MAX_DISTINCT + 1, MAX_CHANGES + 1]


def level_count(categories: int) -> int:
    """How many values a row of ``levels`` has."""
    return 3 * categories + 3


def history_features(sequences: Sequences, categories: int) -> HistoryFeatures:
    """The features of every step; a sequence's first step has an empty history (zeros)."""
    order = np.argsort(-sequences.lengths, kind="stable")
    starts, lengths = sequences.starts[order], sequences.lengths[order]
    total = len(sequences.steps)
    features = HistoryFeatures(
        codes=np.zeros((total, len(code_sizes(categories))), dtype=np.int16),
        levels=np.zeros((total, level_count(categories)), dtype=np.float32),
    )
    at_once = max(CELLS_AT_ONCE // (categories + 1) ** 2, 1)
    for first in range(0, len(order), at_once):
        users = slice(first, first + at_once)
        _walk(sequences.steps, starts[users], lengths[users], categories, features)
    return features


def _walk(
    steps: NDArray[np.int64],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    categories: int,
    features: HistoryFeatures,
) -> None:
    walk = _Walk(len(starts), categories)
    for position in range(int(lengths[0]) if len(lengths) else 0):
        active = int(np.searchsorted(-lengths, -position, side="left"))
        rows = starts[:active] + position
        if position > 0:
            walk.write(rows, active, position, features)
        walk.advance(steps[rows], active, position)


class _Walk:
    """The running state of a batch of users, longest sequence first."""

    def __init__(self, users: int, categories: int) -> None:
        width = categories + 1
        self.pages = np.zeros((users, REMEMBERED_PAGES), dtype=np.int16)
        self.stays = np.zeros((users, REMEMBERED_STAYS), dtype=np.int32)
        self.first = np.zeros(users, dtype=np.int16)
        self.changes = np.zeros(users, dtype=np.int32)
        self.visits = np.zeros((users, width), dtype=np.int32)
        self.last_visit = np.full((users, width), NEVER, dtype=np.int32)
        self.moves = np.zeros((users, width, width), dtype=np.int16)
        self.last_move = np.zeros((users, width), dtype=np.int16)
        self.stayed = np.zeros((users, width), dtype=np.int32)
        self.left = np.zeros((users, width), dtype=np.int32)

    def write(
        self, rows: NDArray[np.int64], active: int, position: int, features: HistoryFeatures
    ) -> None:
        """Write the features of the first ``active`` users, whose next step is ``position``."""
        features.codes[rows] = self._codes(active, position)
        features.levels[rows] = self._levels(active, position)

    def _codes(self, active: int, position: int) -> NDArray[np.int16]:
        users, page = np.arange(active), self.pages[:active, 0]
        fields = (
            self.pages[:active],
            np.searchsorted(STAY_EDGES, self.stays[:active], side="right"),
            self.first[:active, None],
            self.last_move[users, page][:, None],
            np.full((active, 1), _position_code(position)),
            np.minimum((self.visits[:active] > 0).sum(axis=1), MAX_DISTINCT)[:, None],
            np.minimum(self.changes[:active], MAX_CHANGES)[:, None],
        )
        return np.hstack(fields).astype(np.int16)

    def _levels(self, active: int, position: int) -> NDArray[np.float32]:
        users, page = np.arange(active), self.pages[:active, 0]
        since = np.maximum(position - self.last_visit[:active, 1:], 1)
        stay = np.stack([self.stayed[users, page], self.left[users, page]], axis=1)
        fields = (
            _logarithm(self.visits[:active, 1:]),
            1 / since,
            _logarithm(self.moves[users, page][:, 1:]),
            _logarithm(stay),
            self.changes[:active, None] / position,
        )
        return np.hstack(fields).astype(np.float32)

    def advance(self, step: NDArray[np.int64], active: int, position: int) -> None:
        """Take the first ``active`` users one step further."""
        users = np.arange(active)
        if position == 0:
            self.pages[:active, 0] = step
            self.first[:active] = step
            self.stays[:active, 0] = 1
        else:
            self._move(step, active)
        self.visits[users, step] += 1
        self.last_visit[users, step] = position

    def _move(self, step: NDArray[np.int64], active: int) -> None:
        page = self.pages[:active, 0].copy()
        stayed = np.flatnonzero(step == page)
        left = np.flatnonzero(step != page)
        self.stayed[stayed, page[stayed]] += 1
        self.left[left, page[left]] += 1
        self.stays[stayed, 0] += 1
        self.moves[left, page[left], step[left]] += 1
        self.last_move[left, page[left]] = step[left]
        self.pages[left, 1:] = self.pages[left, :-1]
        self.pages[left, 0] = step[left]
        self.stays[left, 1:] = self.stays[left, :-1]
        self.stays[left, 0] = 1
        self.changes[left] += 1


def _logarithm(counts: NDArray[np.integer]) -> NDArray[np.float32]:
    logarithm: NDArray[np.float32] = LOGARITHMS[np.minimum(counts, len(LOGARITHMS) - 1)]
    return logarithm


def _position_code(position: int) -> int:
    if position < 12:
        return position
    return min(12 + (position - 12) // 8, POSITION_CODES - 1)


POSITION_CODES = 31
