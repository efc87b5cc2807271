"""Sequences with a known structure."""

import numpy as np
import pytest

from neonblue.behavior.sequences import Sequences


@pytest.fixture
def cycling() -> Sequences:
    """400 users who walk 1 → 2 → 3 → 4 → 1 and stay on a page now and then."""
    random = np.random.default_rng(7)
    lengths = random.integers(3, 12, size=400)
    moves = random.random(int(lengths.sum())) < 0.7
    starts = np.cumsum(lengths) - lengths
    steps = np.cumsum(moves)
    steps = (
        steps - np.repeat(steps[starts], lengths) + np.repeat(random.integers(4, size=400), lengths)
    )
    return Sequences(steps=steps % 4 + 1, lengths=lengths)
