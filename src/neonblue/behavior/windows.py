"""Cutting very long sequences into overlapping windows, so that no one user holds up a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.sequences import Sequences

WINDOW_STEPS = 512
OVERLAP_STEPS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Sequences of at most ``WINDOW_STEPS`` steps and, for each step, where it was before.

    ``kept`` marks the steps that stand for themselves; the others are an overlap's context only.
    ``source`` is each step's index in the sequences that were cut.
    """

    sequences: Sequences
    kept: NDArray[np.bool_]
    source: NDArray[np.int64]


def cut(sequences: Sequences) -> Windows:
    """Windows of the sequences; short ones stay whole, every step is kept exactly once."""
    first, length, overlap = _bounds(sequences)
    ends = np.cumsum(length)
    position = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - length, length)
    source = np.repeat(first, length) + position
    return Windows(
        sequences=Sequences(steps=sequences.steps[source], lengths=length),
        kept=position >= np.repeat(overlap, length),
        source=source,
    )


def _bounds(
    sequences: Sequences,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    stride = WINDOW_STEPS - OVERLAP_STEPS
    lengths = sequences.lengths
    count = 1 + np.maximum(-(-(lengths - WINDOW_STEPS) // stride), 0)
    owner = np.repeat(np.arange(len(lengths)), count)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    offset = number * stride
    length = np.minimum(lengths[owner] - offset, WINDOW_STEPS)
    return sequences.starts[owner] + offset, length, np.where(number > 0, OVERLAP_STEPS, 0)
