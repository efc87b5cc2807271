"""Time as information: how far a look has come when evidence grows without units."""

import numpy as np
import pytest

from neonblue.stats.sequential_time import UnitInformation, growth, sequence_time, unit_information


def information(p: float, n: float = 10_000.0) -> UnitInformation:
    return unit_information(
        n_control=n / 2,
        mean_control=p,
        variance_control=p * (1 - p),
        n_treatment=n / 2,
        mean_treatment=p,
        variance_treatment=p * (1 - p),
        nonnegative=True,
    )


def test_a_converting_unit_carries_the_odds() -> None:
    assert information(0.2).information == pytest.approx(0.25)


def test_scores_of_units_that_are_all_there_are_correlated_as_the_odds_say() -> None:
    """Everybody exposed at once: corr(z_j, z_k)^2 is the ratio of the odds, not 1."""
    rng = np.random.default_rng(2)
    early, late = 0.1, 0.4
    moments = rng.random((4_000, 2, 500))
    z = []
    for share in (early, late):
        rates = (moments < share).mean(axis=2)
        z.append(rates[:, 1] - rates[:, 0])
    found = np.corrcoef(z[0], z[1])[0, 1] ** 2
    odds = [information(share).information for share in (early, late)]
    assert found == pytest.approx(odds[0] / odds[1], abs=0.03)


def test_steady_traffic_is_at_its_units() -> None:
    now = information(0.1, n=8_000)
    time = sequence_time(
        now,
        first=information(0.1, n=1_000),
        settled=information(0.1, n=5_000),
        early=False,
        planned_n=10_000,
        maximum_n=None,
        alpha=0.05,
    )
    assert time.plan_n == 8_000
    assert time.mixture_n == 8_000


def test_evidence_that_grows_without_units_is_time() -> None:
    early, late = information(0.02), information(0.2)
    assert growth(late, early) > 5
    assert growth(late, None) == 1.0
    time = sequence_time(
        late,
        first=early,
        settled=early,
        early=False,
        planned_n=10_000,
        maximum_n=20_000,
        alpha=0.05,
    )
    assert time.plan_n > 20_000
