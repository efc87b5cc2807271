"""Back-off context tables: what followed the last k pages, counted over all users.

Two families. ``plain`` contexts are the last k steps. ``collapsed`` ones are the last k different
pages with the length of the current stay, so that reloads do not use up the memory. Each order
interpolates with the one below by absolute discounting (Ney, Essen & Kneser 1994, eq. 11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.sequences import Sequences

DISCOUNT = 0.9
LONGEST_STAY = 7
STAY_BITS = 3
PLAIN_ORDERS = 5
COLLAPSED_ORDERS = 4
# The orders whose answers the network sees: a middle and the deepest one of each family.
SHOWN_ORDERS = {"plain": (3, 5), "collapsed": (2, 4)}
EXPERTS = sum(len(orders) for orders in SHOWN_ORDERS.values())
SMALLEST = 1e-6

Keys = Sequence[NDArray[np.int64]]


def context_keys(sequences: Sequences, categories: int) -> dict[str, list[NDArray[np.int64]]]:
    """For each family and order from 0, the key of what came before every step."""
    bits = int(categories).bit_length()
    return {"plain": _plain_keys(sequences, bits), "collapsed": _collapsed_keys(sequences, bits)}


def _plain_keys(sequences: Sequences, bits: int) -> list[NDArray[np.int64]]:
    position = sequences.positions
    key = np.zeros(len(position), dtype=np.int64)
    keys = [key]
    for back in range(1, PLAIN_ORDERS + 1):
        step = np.where(position >= back, np.roll(sequences.steps, back), 0)
        key = key | (step << (bits * (back - 1)))
        keys.append(key)
    return keys


def _collapsed_keys(sequences: Sequences, bits: int) -> list[NDArray[np.int64]]:
    steps, position = sequences.steps, sequences.positions
    opens_stay = (position == 0) | (steps != np.roll(steps, 1))
    stay_starts = np.flatnonzero(opens_stay)
    stay = np.cumsum(opens_stay) - 1
    before = np.where(position > 0, np.roll(stay, 1), 0)
    length = np.arange(len(steps)) - stay_starts[before] if len(steps) else position
    key = np.where(position > 0, np.minimum(length, LONGEST_STAY), 0)
    keys = [np.zeros(len(steps), dtype=np.int64)]
    first_stay = np.repeat(stay[sequences.starts[sequences.lengths > 0]], _nonzero(sequences))
    for back in range(COLLAPSED_ORDERS):
        known = (position > 0) & (before - back >= first_stay)
        page = steps[stay_starts[np.maximum(before - back, 0)]] if len(steps) else steps
        key = key | (np.where(known, page, 0) << (STAY_BITS + bits * back))
        keys.append(key)
    return keys


def _nonzero(sequences: Sequences) -> NDArray[np.int64]:
    return sequences.lengths[sequences.lengths > 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextTable:
    """The log-probabilities of the next category after each context of one order."""

    keys: NDArray[np.int64]
    log_probabilities: NDArray[np.float16]

    def override(self, keys: NDArray[np.int64], answer: NDArray[np.float32]) -> None:
        """Write this order's answer over ``answer`` wherever the context is known."""
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        known = self.keys[place] == keys
        answer[known] = self.log_probabilities[place[known]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextTables:
    """All orders of both families."""

    families: Mapping[str, tuple[ContextTable, ...]]

    def log_probabilities(
        self, keys: Mapping[str, Keys], chosen: NDArray[np.bool_] | slice = slice(None)
    ) -> NDArray[np.float32]:
        """What each shown order says, (steps, categories, ``EXPERTS``)."""
        shown: list[NDArray[np.float32]] = []
        for family, tables in self.families.items():
            shown += _answers(tables, [key[chosen] for key in keys[family]], SHOWN_ORDERS[family])
        return np.stack(shown, axis=2)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The tables as named arrays, for a file."""
        return {
            f"context_{family}_{order}_{part}": getattr(table, part)
            for family, tables in self.families.items()
            for order, table in enumerate(tables)
            for part in ("keys", "log_probabilities")
        }


def _answers(
    tables: Sequence[ContextTable], keys: Keys, shown: tuple[int, ...]
) -> list[NDArray[np.float32]]:
    width = tables[0].log_probabilities.shape[1]
    answer = np.zeros((len(keys[0]), width), dtype=np.float32)
    answers = []
    for order, (table, key) in enumerate(zip(tables, keys, strict=True)):
        table.override(key, answer)
        if order in shown:
            answers.append(answer.copy())
    return answers


def tables_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> ContextTables:
    """The tables that ``ContextTables.arrays`` wrote."""
    orders = {"plain": PLAIN_ORDERS, "collapsed": COLLAPSED_ORDERS}
    return ContextTables(
        families={
            family: tuple(
                ContextTable(
                    keys=arrays[f"context_{family}_{order}_keys"],
                    log_probabilities=arrays[f"context_{family}_{order}_log_probabilities"],
                )
                for order in range(deepest + 1)
            )
            for family, deepest in orders.items()
        }
    )


def count_contexts(
    keys: Mapping[str, Keys],
    steps: NDArray[np.int64],
    categories: int,
    chosen: NDArray[np.bool_] | slice = slice(None),
) -> ContextTables:
    """Tables from the chosen steps; step 0 (an unknown category) is context but never counted."""
    known = steps[chosen] > 0
    target = steps[chosen][known] - 1
    return ContextTables(
        families={
            family: _count_family([key[chosen][known] for key in orders], target, categories)
            for family, orders in keys.items()
        }
    )


def _count_family(
    keys: Keys, target: NDArray[np.int64], categories: int
) -> tuple[ContextTable, ...]:
    tables: list[ContextTable] = []
    below = np.full((len(target), categories), 1 / categories, dtype=np.float32)
    for key in keys:
        contexts, first, place = np.unique(key, return_index=True, return_inverse=True)
        cells = np.bincount(place * categories + target, minlength=len(contexts) * categories)
        counts = cells.reshape(-1, categories).astype(np.float32)
        probabilities = _interpolate(counts, below[first])
        below = probabilities[place]
        tables.append(
            ContextTable(keys=contexts, log_probabilities=np.log(probabilities).astype(np.float16))
        )
    return tuple(tables)


def _interpolate(counts: NDArray[np.float32], below: NDArray[np.float32]) -> NDArray[np.float32]:
    total = counts.sum(axis=1, keepdims=True)
    left_over = DISCOUNT * (counts > 0).sum(axis=1, keepdims=True)
    mixed = (np.maximum(counts - DISCOUNT, 0) + left_over * below) / np.maximum(total, 1)
    floored: NDArray[np.float32] = np.maximum(mixed, np.float32(SMALLEST))
    return floored
