"""Figures are rounded to what their interval is worth."""

import pytest

from neonblue.intelligence.rounding import (
    decimals_for,
    difference_words,
    lift_words,
    mean_words,
    p_words,
)


@pytest.mark.parametrize(
    ("half_width", "decimals"),
    [(1.06, 1), (0.61, 1), (0.26, 2), (9.9, 0), (31.0, 0), (0.0042, 3), (3.5, 1), (3.6, 0)],
)
def test_two_digits_of_an_uncertainty_where_they_begin_low(
    half_width: float, decimals: int
) -> None:
    assert decimals_for(half_width, 123.456) == decimals


def test_without_an_interval_three_digits() -> None:
    assert [decimals_for(None, value) for value in (0.01234, 12.34, 1234.0, 0.0)] == [4, 1, 0, 0]
    assert decimals_for(float("inf"), 0.5) == 3


def test_words() -> None:
    assert mean_words(0.1167, "proportion", 1) == "11.7%"
    assert mean_words(5929.84, "mean", 0) == "5,930"
    assert difference_words(0.0334, "proportion", 1) == "+3.3 pp"
    assert difference_words(-1.559, "mean", 2) == "-1.56"
    assert difference_words(-0.0002, "proportion", 1) == "0.0 pp"
    assert lift_words(0.286, 0) == "+29%"


@pytest.mark.parametrize(
    ("p_value", "words"),
    [(1e-15, "p < 0.0001"), (0.0031, "p = 0.003"), (0.21, "p = 0.21"), (1.0, "p = 1.00")],
)
def test_p_values(p_value: float, words: str) -> None:
    assert p_words(p_value) == words
