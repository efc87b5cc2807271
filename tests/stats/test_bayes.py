"""Posteriors, against simulation and closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neonblue.errors import InvalidInputError
from neonblue.stats.bayes import (
    BetaBelief,
    NormalPrior,
    beta_chances_best,
    beta_losses,
    compare_beta,
    normal_chances_best,
    normal_expected_loss,
    normal_losses,
    normal_posterior,
)


def belief(alpha: float, beta: float) -> BetaBelief:
    return BetaBelief(alpha=alpha, beta=beta)


PAIRS = [
    (belief(21, 81), belief(31, 71)),
    (belief(0.5, 0.5), belief(0.5, 0.5)),
    (belief(0.5, 10.5), belief(1.5, 9.5)),
    (belief(0.5, 1e6), belief(1.5, 1e6)),
    (belief(1000, 1000), belief(2, 3)),
    (belief(50_001, 450_001), belief(50_300, 449_700)),
]


def miller(control: BetaBelief, treatment: BetaBelief) -> float:
    """Miller (2015): P(treatment > control) for a whole treatment.alpha, as a finite sum."""
    from scipy.special import betaln

    i = np.arange(int(treatment.alpha))
    terms = (
        betaln(control.alpha + i, treatment.beta + control.beta)
        - np.log(treatment.beta + i)
        - betaln(1 + i, treatment.beta)
        - betaln(control.alpha, control.beta)
    )
    return float(np.exp(terms).sum())


def test_the_chance_to_win_is_millers_sum() -> None:
    control, treatment = belief(21, 81), belief(31, 71)
    assert compare_beta(control, treatment).chance_to_win == pytest.approx(
        miller(control, treatment), rel=1e-12
    )


@pytest.mark.parametrize(("control", "treatment"), PAIRS)
def test_rates_agree_with_simulation(control: BetaBelief, treatment: BetaBelief) -> None:
    random = np.random.default_rng(3)
    c = random.beta(control.alpha, control.beta, 400_000)
    t = random.beta(treatment.alpha, treatment.beta, 400_000)
    found = compare_beta(control, treatment)
    assert found.chance_to_win == pytest.approx((t > c).mean(), abs=0.004)
    loss = np.maximum(c - t, 0)
    error = loss.std() / math.sqrt(loss.size)
    assert found.expected_loss == pytest.approx(loss.mean(), abs=5 * error)


@pytest.mark.parametrize(("control", "treatment"), PAIRS)
def test_losses_differ_by_the_difference_of_means(
    control: BetaBelief, treatment: BetaBelief
) -> None:
    found = compare_beta(control, treatment)
    difference = treatment.mean - control.mean
    assert found.expected_loss_control - found.expected_loss == pytest.approx(difference, abs=1e-9)
    assert beta_losses((control, treatment)) == pytest.approx(
        [found.expected_loss_control, found.expected_loss], abs=1e-9
    )


@pytest.mark.parametrize(("control", "treatment"), PAIRS)
def test_chances_to_be_best_sum_to_one(control: BetaBelief, treatment: BetaBelief) -> None:
    assert beta_chances_best((control, treatment, control)).sum() == pytest.approx(1.0, abs=1e-8)


def test_normal_chances_and_losses_agree_with_simulation() -> None:
    means, sds = [0.0, 0.02, 0.03, 0.1], [0.02, 0.02, 0.025, 0.0001]
    draws = np.random.default_rng(4).normal(means, sds, (400_000, 4))
    best = np.bincount(draws.argmax(axis=1), minlength=4) / len(draws)
    assert normal_chances_best(means, sds) == pytest.approx(best, abs=0.004)
    losses = (draws.max(axis=1)[:, None] - draws).mean(axis=0)
    assert normal_losses(means, sds) == pytest.approx(losses, abs=2e-4)


def test_one_belief_far_above_the_rest_is_best() -> None:
    assert normal_chances_best([0, 100], [1, 1]) == pytest.approx([0, 1], abs=1e-12)


@given(st.floats(-5, 5), st.floats(0.01, 5), st.floats(-1, 1), st.floats(0.01, 5))
def test_a_posterior_lies_between_prior_and_data(
    estimate: float, error: float, mean: float, sd: float
) -> None:
    found = normal_posterior(estimate, error, prior=NormalPrior(mean=mean, sd=sd))
    low, high = sorted((estimate, mean))
    assert low - 1e-9 <= found.mean <= high + 1e-9
    assert found.sd < min(error, sd)


@given(st.floats(-5, 5), st.floats(0.01, 5))
def test_turning_the_metric_round_swaps_the_losses(estimate: float, error: float) -> None:
    up = normal_posterior(estimate, error)
    down = normal_posterior(estimate, error, higher_is_better=False)
    assert down.chance_to_win == pytest.approx(1 - up.chance_to_win)
    assert down.expected_loss == pytest.approx(up.expected_loss_control, rel=1e-6, abs=1e-12)


def test_the_loss_keeps_its_digits_far_in_the_tail() -> None:
    """E[max(-X, 0)] at 20 standard deviations, by Mills' ratio: about phi(20) / 400."""
    density = math.exp(-200) / math.sqrt(2 * math.pi)
    assert normal_expected_loss(20.0, 1.0) == pytest.approx(density / 400, rel=0.01)
    assert normal_expected_loss(np.array([20.0]), 1.0)[0] == normal_expected_loss(20.0, 1.0)
    below, above = normal_expected_loss(7.999, 1.0), normal_expected_loss(8.001, 1.0)
    assert below == pytest.approx(above, rel=0.05)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="above 0"):
        normal_posterior(0.1, 0.0)
    with pytest.raises(InvalidInputError, match="above 0"):
        NormalPrior(mean=0.0, sd=0.0)
    with pytest.raises(InvalidInputError, match="above 0"):
        belief(0, 1)
    with pytest.raises(InvalidInputError, match="0 to n"):
        belief(1, 1).updated(3, 2)
    with pytest.raises(InvalidInputError, match="above 0"):
        normal_chances_best([0, 1], [1, 0])


def test_counts_update_a_belief() -> None:
    assert belief(1, 1).updated(3, 10) == belief(4, 8)
    lower, upper = belief(4, 8).interval()
    assert lower < 4 / 12 < upper
