"""What each unit did lately, kept in columns and brought forward a whole batch at a time.

A unit's recent past reaches back to its last pause of more than ``PAUSE_DAYS``. It lives in memory,
bounded; at the start it is read from ClickHouse for the units seen last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.conversion_events import BY_WORDS, EventKinds
from neonblue.behavior.event_kinds import EXPOSURE, KINDS
from neonblue.behavior.streaming_next_action import NONE, STEPS, recent_steps

if TYPE_CHECKING:
    import pyarrow as pa

PAUSE_DAYS = 30
PAUSE_MS = PAUSE_DAYS * 86_400_000
SESSION_GAP_MS = 30 * 60_000
MAX_UNITS = 200_000
NEVER = np.iinfo(np.int64).min // 4

Counts = NDArray[np.float32]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What is known of each event's unit right after it, one row an event.

    ``counts`` (n, kinds) and ``events`` count its recent past with this event; ``sessions`` are
    separated by pauses of 30 minutes; ``gap_ms`` is negative for a unit's first event.
    ``event_types`` and ``previous_types`` are numbers of ``type_names``, -1 for none; so are the
    unit's last steps (n, ``STEPS``) with this one, latest first, exposures left out.
    """

    counts: Counts
    kinds: Whole
    sessions: Whole
    gap_ms: Whole
    event_types: Whole
    previous_types: Whole
    steps: Whole
    type_names: tuple[str, ...]

    @property
    def events(self) -> Counts:
        """How many recent events the unit has."""
        total: Counts = self.counts.sum(axis=1)
        return total


@dataclass(frozen=True, slots=True)
class Step:
    """Features of a batch, and the state to keep when the batch is accepted."""

    features: Features
    slots: Whole
    counts: Counts
    sessions: Whole
    last_ms: Whole
    last_types: Whole
    steps: Whole


class Activity:
    """The recent past of at most ``max_units`` units; the longest unseen are forgotten first."""

    def __init__(self, max_units: int = MAX_UNITS) -> None:
        self._max_units = max_units
        self._event_kinds = BY_WORDS
        self._slots: dict[str, int] = {}
        self._types: dict[str, int] = {}
        self._kinds: list[int] = []
        self._allocate(1024)

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def type_names(self) -> tuple[str, ...]:
        """The event types seen so far, by number."""
        return tuple(self._types)

    def look(self, events: pa.Table) -> Step:
        """Features of a batch; the state stays as it is until ``keep``."""
        users = events["user_id"].combine_chunks().dictionary_encode()
        slots = self._slots_of(users.dictionary.to_pylist())[np.asarray(users.indices)]
        types = self._types_of(events["event_type"].combine_chunks())
        times = np.asarray(events["timestamp"].combine_chunks().cast("int64"))
        order = np.lexsort((times, slots))
        step = self._walk(slots[order], times[order], types[order])
        return _restored(step, order)

    def keep(self, step: Step) -> None:
        """Take over what a batch did."""
        self._counts[step.slots] = step.counts
        self._sessions[step.slots] = step.sessions
        self._last_ms[step.slots] = np.maximum(step.last_ms, self._last_ms[step.slots])
        self._last_types[step.slots] = step.last_types
        self._steps[step.slots] = step.steps
        if len(self._slots) > self._max_units:
            self._forget_oldest()

    def read_kinds(self, kinds: EventKinds) -> None:
        """Take event types for what ``kinds`` says from now on; counts stay until ``remember``."""
        self._event_kinds = kinds
        self._kinds = [kinds.of(name) for name in self._types]

    def remember(self, users: pa.Table) -> None:
        """Take over what ClickHouse has (``Enrichments.recent_users``).

        Where a unit's latest event here is later, what is here stays: it is still to be written.
        """
        slots = self._slots_of(users["user_id"].to_pylist())
        current = users["last_ms"].to_numpy() >= self._last_ms[slots]
        users, slots = users.filter(current), slots[current]
        self._counts[slots] = 0
        for slot, types, counts in zip(
            slots, users["event_types"].to_pylist(), users["counts"].to_pylist(), strict=True
        ):
            for event_type, count in zip(types, counts, strict=True):
                self._counts[slot, self._event_kinds.of(event_type)] += count
        self._last_ms[slots] = users["last_ms"].to_numpy()
        self._sessions[slots] = users["sessions"].to_numpy()
        self._last_types[slots] = self._types_of(users["last_type"].combine_chunks())
        self._steps[slots] = NONE
        for slot, names in zip(slots, users["last_types"].to_pylist(), strict=True):
            own = [self._type(name) for name in names if self._event_kinds.of(name) != EXPOSURE][
                :STEPS
            ]
            self._steps[slot, : len(own)] = own

    def _walk(self, slots: Whole, times: Whole, types: Whole) -> Step:
        """Bring units forward; rows are sorted by unit and time."""
        first = np.ones(len(slots), dtype=bool)
        first[1:] = slots[1:] != slots[:-1]
        before_ms = np.where(first, self._last_ms[slots], np.roll(times, 1))
        before_type = np.where(first, self._last_types[slots], np.roll(types, 1))
        known = before_ms > NEVER
        gap = np.where(known, np.maximum(times - before_ms, 0), -1)
        fresh = ~known | (gap > PAUSE_MS)
        kinds = np.asarray(self._kinds, dtype=np.int64)[types]
        counts = _running(_one_hot(kinds), first | fresh)
        opened = _running((fresh | (gap > SESSION_GAP_MS)).astype(np.int64), first | fresh)
        carried = _carries(first, fresh)
        counts[carried] += self._counts[slots[carried]]
        opened[carried] += self._sessions[slots[carried]]
        before = np.where(carried[:, None], self._steps[slots], NONE)
        steps = recent_steps(before, first | fresh, np.where(kinds == EXPOSURE, NONE, types))
        features = Features(
            counts=counts,
            kinds=kinds,
            sessions=opened,
            gap_ms=gap,
            event_types=types,
            previous_types=np.where(fresh, -1, before_type),
            steps=steps,
            type_names=tuple(self._types),
        )
        last = np.append(first[1:], True) if len(slots) else first
        kept = (slots, counts, opened, times, types, steps)
        return Step(features, *(column[last] for column in kept))

    def _slots_of(self, users: list[str]) -> Whole:
        known = self._slots
        slots = np.fromiter(
            (known.setdefault(user, len(known)) for user in users), dtype=np.int64, count=len(users)
        )
        if len(known) > len(self._last_ms):
            self._grow(len(known))
        return slots

    def _types_of(self, column: pa.Array) -> Whole:
        encoded = column.dictionary_encode()
        numbers = np.array([self._type(name) for name in encoded.dictionary.to_pylist()], dtype=int)
        found: Whole = numbers[np.asarray(encoded.indices)]
        return found

    def _type(self, name: str) -> int:
        """The type's number; beyond 512 different types, those of a kind share one."""
        if name not in self._types and len(self._types) >= 512:
            name = f"({KINDS[self._event_kinds.of(name)]})"
        if name not in self._types:
            self._types[name] = len(self._types)
            self._kinds.append(self._event_kinds.of(name))
        return self._types[name]

    def _allocate(self, size: int) -> None:
        self._counts: Counts = np.zeros((size, len(KINDS)), dtype=np.float32)
        self._sessions: Whole = np.zeros(size, dtype=np.int64)
        self._last_ms: Whole = np.full(size, NEVER, dtype=np.int64)
        self._last_types: Whole = np.full(size, -1, dtype=np.int64)
        self._steps: NDArray[np.int16] = np.full((size, STEPS), NONE, dtype=np.int16)

    def _grow(self, needed: int) -> None:
        old = self._arrays()
        self._allocate(max(needed, 2 * len(self._last_ms)))
        kept = len(old[0])
        for target, source in zip(self._arrays(), old, strict=True):
            target[:kept] = source

    def _arrays(self) -> tuple[NDArray[Any], ...]:
        return self._counts, self._sessions, self._last_ms, self._last_types, self._steps

    def _forget_oldest(self) -> None:
        """Keep the half that was seen last."""
        users = list(self._slots)
        slots = np.fromiter(self._slots.values(), dtype=np.int64, count=len(users))
        kept = np.argsort(self._last_ms[slots])[-self._max_units // 2 :]
        old, size = self._arrays(), len(self._last_ms)
        self._allocate(size)
        for target, source in zip(self._arrays(), old, strict=True):
            target[: len(kept)] = source[slots[kept]]
        self._slots = {users[place]: number for number, place in enumerate(kept.tolist())}


def _restored(step: Step, order: Whole) -> Step:
    """The features in the order the events came in."""
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    sorted_features = step.features
    features = Features(
        counts=sorted_features.counts[back],
        kinds=sorted_features.kinds[back],
        sessions=sorted_features.sessions[back],
        gap_ms=sorted_features.gap_ms[back],
        event_types=sorted_features.event_types[back],
        previous_types=sorted_features.previous_types[back],
        steps=sorted_features.steps[back],
        type_names=sorted_features.type_names,
    )
    return replace(step, features=features)


def _one_hot(kinds: Whole) -> Counts:
    hot = np.zeros((len(kinds), len(KINDS)), dtype=np.float32)
    hot[np.arange(len(kinds)), kinds] = 1
    return hot


def _running(values: NDArray[Any], restarts: NDArray[np.bool_]) -> NDArray[Any]:
    """Cumulative sums that start over where told."""
    total = np.cumsum(values, axis=0)
    starts = np.flatnonzero(restarts)
    base = total[starts] - values[starts]
    running: NDArray[Any] = total - base[np.cumsum(restarts) - 1]
    return running


def _carries(first: NDArray[np.bool_], fresh: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows that go on from the kept state: from a unit's first row until a pause."""
    if len(first) == 0:
        return first
    unit = np.cumsum(first) - 1
    pauses = np.cumsum(fresh)
    at_first: Whole = (pauses - fresh)[np.flatnonzero(first)][unit]
    unbroken: NDArray[np.bool_] = pauses == at_first
    return unbroken
