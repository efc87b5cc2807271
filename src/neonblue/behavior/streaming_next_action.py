"""The next action for a stream: one look-up of a unit's last five steps an event.

The trained model's tables of plain contexts answer without its network: the deepest known context
names its likeliest successor, with a probability calibrated on users that were held out. The state
a unit needs is its last ``STEPS`` steps. A stream calls ``recent_steps`` for the state and
``StreamingNextAction.after`` for the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.contexts import PLAIN_ORDERS
from neonblue.behavior.next_action import model_from_arrays

if TYPE_CHECKING:
    from neonblue.behavior.calibration import LogisticMap
    from neonblue.behavior.contexts import ContextTable
    from neonblue.behavior.model_files import StoredModel

STEPS = PLAIN_ORDERS
NONE = -1
CONTEXTS_AT_ONCE = 100_000

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickAnswers:
    """For each row the likeliest next action (its place in ``names``) and its probability."""

    actions: Whole
    probabilities: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickOrder:
    """The answer after each known context of one length, sorted by key."""

    keys: Whole
    actions: NDArray[np.int16]
    probabilities: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamingNextAction:
    """Answers by context, the shortest contexts first; ``names`` are the actions it knows."""

    names: tuple[str, ...]
    categories: int
    orders: tuple[QuickOrder, ...]

    def codes_of(self, names: Sequence[str]) -> Whole:
        """The code of each name; 0 for a name that the model does not know."""
        code = {name: number + 1 for number, name in enumerate(self.names)}
        return np.array([code.get(name, 0) for name in names], dtype=np.int64)

    def after(self, recent: Whole) -> QuickAnswers:
        """What comes next: ``recent`` (rows, ``STEPS``) holds codes, latest first, 0 for none."""
        keys = self._keys(recent)
        actions = np.zeros(len(recent), dtype=np.int64)
        probabilities = np.zeros(len(recent), dtype=np.float32)
        open_rows = np.arange(len(recent))
        for order, key in zip(reversed(self.orders), reversed(keys), strict=True):
            place = np.searchsorted(order.keys, key[open_rows])
            place = np.minimum(place, len(order.keys) - 1)
            known = order.keys[place] == key[open_rows]
            actions[open_rows[known]] = order.actions[place[known]]
            probabilities[open_rows[known]] = order.probabilities[place[known]]
            open_rows = open_rows[~known]
        return QuickAnswers(actions=actions, probabilities=probabilities)

    def _keys(self, recent: Whole) -> list[Whole]:
        bits = self.categories.bit_length()
        keys = [np.zeros(len(recent), dtype=np.int64)]
        for back in range(STEPS):
            keys.append(keys[-1] | (recent[:, back] << (bits * back)))
        return keys


def streaming_next_action(stored: StoredModel) -> StreamingNextAction:
    """The quick form of a stored next-action model; 0.1 s, so once a version."""
    names = tuple(stored.description.get("names", ()))
    model = model_from_arrays(stored.arrays, names)
    return StreamingNextAction(
        names=names,
        categories=model.categories,
        orders=tuple(_order(table, model.plain_map) for table in model.tables.families["plain"]),
    )


def _order(table: ContextTable, calibration: LogisticMap) -> QuickOrder:
    blocks = [
        table.log_probabilities[first : first + CONTEXTS_AT_ONCE]
        for first in range(0, len(table.keys), CONTEXTS_AT_ONCE)
    ]
    actions = np.concatenate([block.argmax(axis=1) for block in blocks])
    highest = np.concatenate([block.max(axis=1) for block in blocks])
    probabilities = calibration.apply(np.exp(highest.astype(np.float64)))
    return QuickOrder(
        keys=table.keys,
        actions=actions.astype(np.int16),
        probabilities=probabilities.astype(np.float32),
    )


def recent_steps(before: Whole, opens: NDArray[np.bool_], steps: Whole) -> Whole:
    """Each row's last ``STEPS`` steps, its own included: (rows, ``STEPS``), latest first.

    Rows are sorted by unit and time. ``opens`` marks each unit's first row, ``before`` (rows,
    ``STEPS``) is what the row's unit had done before the batch, ``steps`` is what a row does. Steps
    are numbers of any coding that is not negative; ``NONE`` is no step (an exposure) or none yet.
    """
    is_step = steps != NONE
    taken = np.append(steps[is_step], NONE)
    count = np.cumsum(is_step)
    at_opening = (count - is_step)[np.flatnonzero(opens)]
    own = count - at_opening[np.cumsum(opens) - 1] if len(steps) else count
    rows = np.arange(len(steps))
    recent = np.empty((len(steps), STEPS), dtype=np.int64)
    for back in range(STEPS):
        earlier = before[rows, np.clip(back - own, 0, STEPS - 1)]
        recent[:, back] = np.where(own > back, taken[np.maximum(count - 1 - back, 0)], earlier)
    return recent


def codes_of_recent(recent: Whole, codes: Whole) -> Whole:
    """Steps in a stream's own numbers as the model's codes: ``codes[number]``, 0 for ``NONE``."""
    padded: Whole = np.append(codes, 0)[recent]
    return padded
