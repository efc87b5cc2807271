"""Policies are tried with the code that judges real experiments."""

import pytest

from neonblue.errors import InvalidInputError
from neonblue.optimization.simulation.policy_trial import Trial, try_policy


def by_rule(trials: tuple[Trial, ...]) -> dict[str, Trial]:
    return {trial.rule: trial for trial in trials}


def test_where_little_wins_peeking_ships_nulls_and_the_loop_does_not() -> None:
    found = by_rule(try_policy("mostly_null", experiments=15, winners=0.0, planned_days=7, seed=3))
    assert found["loop"].false_ships == 0
    assert found["naive_peeking"].false_ships >= 1
    assert found["loop"].final_level == pytest.approx(0.00125)


def test_broken_randomisation_is_stopped_and_not_shipped() -> None:
    found = by_rule(try_policy("broken_randomisation", experiments=10, winners=0.0, planned_days=7))
    assert found["loop"].healed >= 3
    assert found["loop"].false_ships == 0
    assert found["naive_peeking"].false_ships >= 3


def test_winners_are_found() -> None:
    found = by_rule(try_policy("stationary", experiments=10, winners=0.9, planned_days=7))["loop"]
    assert found.found >= 0.6 * found.winners
    assert found.false_ships == 0


def test_the_same_seed_gives_the_same_trial() -> None:
    assert try_policy("seasonal", experiments=3) == try_policy("seasonal", experiments=3)


def test_what_cannot_be_simulated_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="1 to 500"):
        try_policy("stationary", experiments=0)
    with pytest.raises(InvalidInputError, match="is no world"):
        try_policy("flat", experiments=1)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="no share"):
        try_policy("stationary", experiments=1, winners=1.0)
