"""A vector of its own for a journey: what was done, in which order, when, and how much.

Four blocks, each of length one, weighted: counts of steps, decayed counts of step pairs (both
hashed into fixed places), the clock and the pace, and sizes. Nothing is learnt, so vectors of
different times and processes can be compared as long as ``VERSION`` is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.conversion_events import BY_WORDS, EventKinds
from neonblue.behavior.event_kinds import CONVERT, EXPOSURE, KINDS, kind_of

VERSION = "journey-vector-2"
PLACES = 32
PAIR_PLACES = 48
WEIGHTS = {"what": 1.0, "order": 0.9, "when": 0.35, "how_much": 0.45}
PAUSE_EDGES_MS = np.array([500, 2_000, 10_000, 60_000, 300_000])
MAX_STEPS = 512
DAY_MS = 86_400_000
Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Steps with their times (ms, UTC) and values, oldest first."""

    types: Sequence[str]
    times_ms: Sequence[int]
    values: Sequence[float]


def before_conversion(types: Sequence[str], kinds: EventKinds = BY_WORDS) -> int:
    """How many of the steps come before the first conversion: an outcome is not its own cause."""
    return next((i for i, one in enumerate(types) if kinds.of(one) == CONVERT), len(types))


def journey_vector(trace: Trace) -> Float:
    """The vector of a journey's last 512 steps, exposures left out; zeros without a step."""
    own = [i for i, one in enumerate(trace.types) if kind_of(one) != EXPOSURE][-MAX_STEPS:]
    blocks = dict(_blocks([trace.types[i] for i in own], [trace.times_ms[i] for i in own]))
    value = sum(trace.values[i] for i in own)
    blocks["how_much"] = np.append(blocks["how_much"], np.log1p(max(value, 0)) / 3)
    scaled = [WEIGHTS[name] * _unit(block) for name, block in blocks.items()]
    # Without a step the sizes alone would be left, and all such journeys would be alike.
    return np.concatenate(scaled).astype(np.float32) * bool(own)


def _blocks(types: list[str], times_ms: list[int]) -> Iterator[tuple[str, NDArray[np.float64]]]:
    codes = np.array([_place(one) for one in types], dtype=np.int64)
    kinds = np.array([kind_of(one) for one in types], dtype=np.int64)
    times = np.array(times_ms, dtype=np.int64)
    counted = np.bincount(codes, minlength=PLACES), np.bincount(kinds, minlength=len(KINDS))
    yield "what", np.log1p(np.concatenate(counted))
    yield "order", _pairs(codes)
    yield "when", _clock(times)
    yield "how_much", _sizes(codes, times)


def _pairs(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    changed = codes[1:] != codes[:-1]
    before, after = codes[:-1][changed], codes[1:][changed]
    places = (before * 31 + after * 17 + 7) % PAIR_PLACES
    recency = 0.9 ** np.arange(len(places) - 1, -1, -1)
    return np.bincount(places, weights=0.3 + recency, minlength=PAIR_PLACES).astype(np.float64)


def _clock(times: NDArray[np.int64]) -> NDArray[np.float64]:
    pauses = np.searchsorted(PAUSE_EDGES_MS, np.diff(times), side="right")
    pace = np.bincount(pauses, minlength=len(PAUSE_EDGES_MS) + 1) / max(len(times) - 1, 1)
    if len(times) == 0:
        return np.concatenate([np.zeros(4), pace])
    day = 2 * np.pi * (times[0] % DAY_MS) / DAY_MS
    week = 2 * np.pi * (times[0] % (7 * DAY_MS)) / (7 * DAY_MS)
    return np.concatenate([[np.sin(day), np.cos(day), np.sin(week), np.cos(week)], pace])


def _sizes(codes: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.float64]:
    seconds = (times[-1] - times[0]) / 1000 if len(times) else 0.0
    distinct = len(np.unique(codes)) / max(len(codes), 1)
    return np.array([1.0, np.log1p(len(codes)) / 3, np.log1p(seconds) / 5, distinct])


def _unit(block: NDArray[np.float64]) -> NDArray[np.float64]:
    length = float(np.linalg.norm(block))
    return block / length if length > 0 else block


@lru_cache(maxsize=4096)
def _place(event_type: str) -> int:
    return crc32(event_type.lower().encode()) % PLACES
