"""Of what is discovered at most the stated share is false, however evidence hangs together."""

import math

import numpy as np
import pytest

from neonblue.stats.online_fdr import e_bh, e_lond, e_lond_bar, spending_share
from neonblue.stats.programme import EndedTest, log_bayes_factor

FDR = 0.05


def logs(*values: float) -> list[float]:
    return [math.log(value) if value > 0 else -math.inf for value in values]


def test_the_shares_of_all_experiments_sum_to_one() -> None:
    begun = sum(spending_share(number) for number in range(1, 100_001))
    rest = 100_000**-0.3 / 0.3 / 3.931949211809  # the integral of what comes after
    assert begun + rest == pytest.approx(1.0, abs=1e-6)


def test_e_bh_on_worked_values() -> None:
    """n / (fdr k) for ten experiments: 200, 100, 66.7, 50."""
    found = e_bh(logs(250, 3, 0, 70, 90, 1, 1, 0.2, 5, 40), fdr=FDR)
    assert [number for number, yes in enumerate(found) if yes] == [0, 3, 4]
    assert not any(e_bh(logs(199, 99, 66, 49, 1, 1, 1, 1, 1, 1), fdr=FDR))
    assert e_bh([], fdr=FDR) == ()


def test_e_bh_takes_the_smaller_ones_along_where_a_later_rank_is_reached() -> None:
    """The first alone does not reach 100, but both reach 50."""
    assert e_bh(logs(60, 55, 1, 1, 1), fdr=FDR) == (True, True, False, False, False)


def test_e_lond_asks_less_after_each_discovery() -> None:
    first = 1.0 / (FDR / 3.931949211809)
    second = 1.0 / (FDR * 2**-1.3 / 3.931949211809)
    assert math.exp(e_lond_bar(1, 0, fdr=FDR)) == pytest.approx(first)
    assert e_lond(logs(first * 1.01, second * 0.51), fdr=FDR) == (True, True)
    assert e_lond(logs(first * 0.99, second * 0.51), fdr=FDR) == (False, False)


def test_e_lond_never_takes_a_decision_back() -> None:
    values = [float(value) for value in np.random.default_rng(1).normal(2.0, 4.0, 60)]
    found = e_lond(values, fdr=FDR)
    assert any(found)
    assert e_lond(values[:30], fdr=FDR) == found[:30]


@pytest.mark.parametrize("procedure", [e_lond, e_bh])
def test_no_more_than_the_share_is_false_under_shared_noise(procedure: object) -> None:
    """60 experiments of which 12 are winners; half of each test's noise is common to all."""
    rng, shares = np.random.default_rng(2), []
    for _ in range(300):
        drift = np.where(rng.permutation(60) < 12, 2.8 * 1.3, 0.0)
        noise = math.sqrt(0.5) * (rng.normal(size=60) + rng.normal())
        values = [log_bayes_factor(EndedTest(z=float(z))) for z in drift + noise]
        found = np.array(procedure(values, fdr=FDR))  # type: ignore[operator]
        shares.append(float((found & (drift == 0)).sum() / max(found.sum(), 1)))
    assert np.mean(shares) <= FDR
