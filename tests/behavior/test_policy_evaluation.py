import numpy as np
import pytest

from neonblue.behavior.policy_evaluation import (
    LoggedOutcomes,
    effective_sample_size,
    evaluate_policy,
    rank_policies,
)
from neonblue.errors import InvalidInputError

RATES = np.array([0.1, 0.2])


def logged(n: int, target_second: float, *, seed: int = 1) -> LoggedOutcomes:
    """A log of a policy that takes the second action in 30 % of cases."""
    random = np.random.default_rng(seed)
    action = (random.random(n) < 0.3).astype(int)
    reward = (random.random(n) < RATES[action]).astype(float)
    target = np.array([1 - target_second, target_second])
    return LoggedOutcomes(
        reward=reward,
        propensity=np.array([0.7, 0.3])[action],
        target_probability=target[action],
        predicted=np.array([0.12, 0.17])[action],
        predicted_policy=np.full(n, float(target @ [0.12, 0.17])),
    )


@pytest.mark.parametrize("method", ["ipw", "snips", "dr"])
def test_the_interval_covers_the_true_value_about_95_of_100_times(method: str) -> None:
    truth = float(np.array([0.2, 0.8]) @ RATES)
    values = [evaluate_policy(logged(2000, 0.8, seed=seed), method) for seed in range(300)]  # type: ignore[arg-type]
    covered = np.mean([value.ci_lower <= truth <= value.ci_upper for value in values])
    assert 0.91 <= covered <= 0.98


def test_equal_weights_count_every_row_and_one_huge_weight_one() -> None:
    assert effective_sample_size(np.ones(50)) == pytest.approx(50)
    assert effective_sample_size(np.array([1e6, 1.0, 1.0])) == pytest.approx(1, rel=1e-4)


def test_ranks_policies_on_enough_rows() -> None:
    ranking = rank_policies({"mostly first": logged(5000, 0.1), "mostly second": logged(5000, 0.9)})
    assert ranking.ranked == ("mostly second", "mostly first")


def test_refuses_to_rank_when_few_rows_carry_the_weight() -> None:
    random = np.random.default_rng(3)
    n = 10_000
    propensity = np.where(np.arange(n) < 2, 1e-6, 0.5)
    weak = LoggedOutcomes(
        reward=(random.random(n) < 0.01).astype(float),
        propensity=propensity,
        target_probability=np.full(n, 1 / 34),
    )
    ranking = rank_policies({"uniform": weak})
    assert ranking.values["uniform"].effective_sample_size == pytest.approx(2, abs=0.1)
    assert ranking.ranked == ()
    assert "not ranked" in ranking.refusal
    assert "far too few" in ranking.values["uniform"].warning


def test_an_impossible_propensity_is_refused() -> None:
    rows = LoggedOutcomes(
        reward=np.ones(3), propensity=np.array([0.5, 0.0, 1]), target_probability=np.ones(3)
    )
    with pytest.raises(InvalidInputError, match="propensity"):
        evaluate_policy(rows, "ipw")
