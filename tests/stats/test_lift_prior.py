"""What lifts are usually like, and how much of a seen lift is to be believed."""

import math

import numpy as np
import pytest
from benchmarks.shrinkage import calibration
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from neonblue.errors import InvalidInputError
from neonblue.stats.lift_prior import archive_prior, learnt_prior, lift_posterior, plan_prior


def test_without_a_past_the_archives_speak() -> None:
    """Half of all lifts are expected below 1 %, yet a clear 50 % is believed."""
    prior = archive_prior()
    assert prior.mean == 0.0
    assert 0.004 < prior.typical_size < 0.01
    assert learnt_prior([], []).weights == pytest.approx(prior.weights)
    assert lift_posterior(0.05, 0.05, prior=prior).mean < 0.02
    assert lift_posterior(math.log(1.5), 0.02, prior=prior).mean == pytest.approx(0.5, rel=0.02)


def test_the_past_sets_the_spread() -> None:
    random = np.random.default_rng(6)
    for spread in (0.01, 0.03, 0.1):
        errors = random.uniform(0.005, 0.02, 400)
        prior = learnt_prior(random.normal(random.normal(0.0, spread, 400), errors), errors)
        assert prior.typical_size == pytest.approx(0.6745 * spread, rel=0.2)
        assert prior.experiments == 400


@pytest.mark.parametrize("spread", [0.01, 0.03, 0.10])
def test_shipped_lifts_are_as_large_as_their_shrunken_ones(spread: float) -> None:
    """With fifty past experiments; a fixed 0 ± 10 % promises twice too much at 1 %."""
    ratio, deviation, fixed, ships = calibration(spread, 50, 0.012, worlds=150, seed=4)
    assert ships > 100
    assert abs(ratio - 1.0) < 0.1 + 2.0 * deviation
    if spread == 0.01:
        assert fixed > 1.8


@given(st.floats(-0.5, 0.5), st.floats(0.001, 0.5))
def test_turning_the_metric_round_turns_the_chance_round(seen: float, error: float) -> None:
    prior = archive_prior()
    up = lift_posterior(seen, error, prior=prior)
    down = lift_posterior(seen, error, prior=prior, higher_is_better=False)
    assert up.chance_to_win == pytest.approx(1.0 - down.chance_to_win, abs=1e-9)
    assert up.mean == pytest.approx(down.mean, rel=1e-9, abs=1e-12)
    assert up.expected_loss >= 0.0
    assert down.expected_loss >= 0.0


@given(st.floats(-0.4, 0.4), st.floats(0.005, 0.3), st.floats(-0.1, 0.1), st.floats(0.01, 0.2))
def test_one_normal_is_updated_as_the_textbook_says(
    seen: float, error: float, mean: float, sd: float
) -> None:
    """Against numerical integration over the posterior of the log ratio."""
    prior = plan_prior(mean=mean, sd=sd)
    m, v = math.log1p(mean), (sd / (1.0 + mean)) ** 2
    kept = v / (v + error**2)
    x = norm(m + kept * (seen - m), math.sqrt(kept) * error)
    found = lift_posterior(seen, error, prior=prior)
    low, high = x.ppf(1e-12), x.ppf(1 - 1e-12)
    expected = quad(lambda y: math.expm1(y) * x.pdf(y), low, high, limit=200)[0]
    loss = quad(lambda y: max(0.0, -math.expm1(y)) * x.pdf(y), low, high, limit=200, points=[0.0])[
        0
    ]
    assert found.mean == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert found.chance_to_win == pytest.approx(x.sf(0.0), abs=1e-9)
    assert found.expected_loss == pytest.approx(loss, rel=1e-5, abs=1e-9)


def test_an_estimate_far_from_all_of_the_past_is_a_number() -> None:
    past = learnt_prior(np.full(2_000, 0.0), np.full(2_000, 1e-4))
    found = lift_posterior(3.0, 1e-3, prior=past)
    assert found.mean == pytest.approx(math.expm1(3.0), rel=0.01)
    assert found.chance_to_win == pytest.approx(1.0)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="above 0"):
        learnt_prior([0.1], [0.0])
    with pytest.raises(InvalidInputError, match="give one each"):
        learnt_prior([0.1, 0.2], [0.1])
    with pytest.raises(InvalidInputError, match="above -1"):
        plan_prior(mean=-1.0, sd=0.1)
    with pytest.raises(InvalidInputError, match="finite ratio"):
        lift_posterior(math.nan, 0.1, prior=archive_prior())


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_the_interval_of_a_shrunken_lift_holds_the_truth(higher_is_better: bool) -> None:
    """True lifts drawn from the prior lie in the interval 95 times of 100."""
    rng = np.random.default_rng(11)
    prior = plan_prior(mean=0.02, sd=0.05)
    truths = rng.normal(float(prior.means[0]), float(prior.sds[0]), 2000)
    held = 0
    for truth in truths:
        signed = truth if higher_is_better else -truth
        seen = lift_posterior(
            float(rng.normal(signed, 0.03)), 0.03, prior=prior, higher_is_better=higher_is_better
        )
        assert seen.lower < seen.mean < seen.upper
        held += seen.lower <= math.expm1(signed) <= seen.upper
    assert 0.935 < held / len(truths) < 0.965
