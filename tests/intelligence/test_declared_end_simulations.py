"""Seeded, few worlds: what benchmarks.declared_end shows with many."""

import numpy as np
import pytest
from benchmarks import declared_end

RUNS = 8_000
MOST_FALSE = 0.033
"""2.5 % one-sided, and what chance may add."""


@pytest.mark.parametrize("index", range(4))
def test_ends_and_shopping_ship_no_more_than_one_look_would(index: int) -> None:
    row = declared_end.WORLDS[index](np.random.default_rng(31 + index), RUNS)
    assert row.before > 0.08, row.name
    assert max(row.watched or 0.0, row.declared or 0.0) <= MOST_FALSE, row.name


def test_ten_restarts_ship_no_more_than_five_per_cent() -> None:
    row = declared_end.restarts(np.random.default_rng(41), RUNS)
    assert max(row.watched or 0.0, row.declared or 0.0) <= 0.06
    assert row.watched is not None
    assert row.watched < row.before
