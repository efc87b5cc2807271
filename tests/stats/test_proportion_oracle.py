"""Intervals of proportions against statsmodels, to nine digits."""

import math

import numpy as np
import pytest
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    score_test_proportions_2indep,
)

from neonblue.errors import InvalidInputError
from neonblue.stats.proportions import Counts, difference_interval, proportion_interval
from neonblue.stats.ratio_intervals import odds_ratio_interval, risk_ratio_interval

ONE = ("normal", "wilson", "agresti_coull", "jeffreys", "beta")
DIFFERENCES = ("newcomb", "agresti-caffo", "score")
MAKERS = {
    "diff": difference_interval,
    "ratio": risk_ratio_interval,
    "odds-ratio": odds_ratio_interval,
}
TWO = (
    *(("diff", method) for method in DIFFERENCES),
    *(("ratio", method) for method in ("log", "log-adjusted", "score")),
    *(("odds-ratio", method) for method in ("logit", "logit-adjusted", "score")),
)


def drawn(count: int, *, least: int, largest: float = 1e5) -> list[Counts]:
    """Counts of all sizes, at least ``least`` successes and failures a variant."""
    draw = np.random.default_rng(7)
    sides = []
    for _ in range(2 * count):
        n = int(10 ** draw.uniform(0.8, math.log10(largest)))
        successes = int(draw.binomial(n, draw.beta(0.7, 0.7)))
        sides.append((float(min(max(successes, least), n - least)), float(n)))
    return [
        Counts(successes_control=a, n_control=n, successes_treatment=b, n_treatment=m)
        for (a, n), (b, m) in zip(sides[::2], sides[1::2], strict=True)
    ]


@pytest.mark.parametrize("method", ONE)
@pytest.mark.parametrize("alpha", [0.05, 0.001, 0.4])
def test_limits_of_one_proportion(method: str, alpha: float) -> None:
    for counts in drawn(60, least=0):
        theirs = proportion_confint(
            counts.successes_control, counts.n_control, alpha=alpha, method=method
        )
        ours = proportion_interval(
            counts.successes_control, counts.n_control, method=method, alpha=alpha
        )
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("what", "method"), TWO)
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_limits_of_two_proportions(what: str, method: str, alpha: float) -> None:
    # They find the roots of a cubic for the score of a ratio: with large counts, four digits.
    largest = 500.0 if (what, method) == ("ratio", "score") else 1e5
    compared = 0
    for counts in drawn(60, least=2, largest=largest):
        theirs = oracle(counts, what, method, alpha)
        if theirs is None:
            continue
        ours = MAKERS[what](counts, method=method, alpha=alpha)
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9)
        compared += 1
    assert compared >= 20


def oracle(counts: Counts, what: str, method: str, alpha: float) -> tuple[float, float] | None:
    """None where their root finding gives up, or their cubic's root is no proportion."""
    with np.errstate(all="ignore"):
        try:
            lower, upper = confint_proportions_2indep(
                counts.successes_treatment,
                counts.n_treatment,
                counts.successes_control,
                counts.n_control,
                method=method,
                compare=what,
                alpha=alpha,
            )
        except (ValueError, RuntimeError):
            return None
    found = float(np.real(lower)), float(np.real(upper))
    return found if all(map(math.isfinite, found)) else None


def test_the_score_of_a_ratio_holds_at_its_limits_for_large_counts_too() -> None:
    for counts in drawn(40, least=2):
        for limit in risk_ratio_interval(counts, method="score"):
            found = score_test_proportions_2indep(
                counts.successes_treatment,
                counts.n_treatment,
                counts.successes_control,
                counts.n_control,
                value=limit,
                compare="ratio",
            )
            assert found.pvalue == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize("method", ["log", "score"])
def test_a_count_of_nothing_leaves_a_side_open(method: str) -> None:
    none = Counts(successes_control=0, n_control=20, successes_treatment=5, n_treatment=20)
    some = Counts(successes_control=5, n_control=20, successes_treatment=0, n_treatment=20)
    assert risk_ratio_interval(none, method=method)[1] == math.inf  # type: ignore[arg-type]
    assert risk_ratio_interval(some, method=method)[0] == 0.0  # type: ignore[arg-type]
    other = "logit" if method == "log" else method
    assert odds_ratio_interval(none, method=other)[1] == math.inf  # type: ignore[arg-type]
    assert odds_ratio_interval(some, method=other)[0] == 0.0  # type: ignore[arg-type]


def test_the_score_interval_of_a_ratio_turns_over_with_the_variants() -> None:
    forth = Counts(successes_control=3, n_control=40, successes_treatment=9, n_treatment=35)
    back = Counts(successes_control=9, n_control=35, successes_treatment=3, n_treatment=40)
    for maker in (risk_ratio_interval, odds_ratio_interval):
        lower, upper = maker(forth, method="score")
        assert maker(back, method="score") == pytest.approx((1.0 / upper, 1.0 / lower), rel=1e-9)


@pytest.mark.parametrize("make", [difference_interval, risk_ratio_interval, odds_ratio_interval])
def test_an_unknown_method_is_refused(make: object) -> None:
    counts = Counts(successes_control=3, n_control=40, successes_treatment=9, n_treatment=35)
    with pytest.raises(InvalidInputError, match="'guess' is not one of"):
        make(counts, method="guess")  # type: ignore[operator]
    with pytest.raises(InvalidInputError, match="'guess' is not one of"):
        proportion_interval(3, 40, method="guess")  # type: ignore[arg-type]
