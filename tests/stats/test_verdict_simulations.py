"""Small seeded versions of benchmarks.verdict_rules."""

import numpy as np
import pytest
from benchmarks.verdict_rules import (
    ALPHA,
    DRIFT,
    FAMILIES,
    LOOKS,
    TIME,
    family_motion,
    final_decisions,
    motions,
    p_values,
)

RUNS = 400


@pytest.mark.parametrize("until", [0.2, 0.3])
def test_an_early_effect_that_is_gone_does_not_end_in_ship(until: float) -> None:
    """Four times the planned effect at first, nothing since: 92 to 100 % shipped on the least p."""
    rng, end = np.random.default_rng(11), LOOKS // 2 - 1
    motion = motions(rng, (RUNS,)) + 4 * DRIFT * np.minimum(TIME, until)
    least = p_values(motion)[:, : end + 1].min(axis=1)
    assert (least <= ALPHA).mean() > 0.9
    assert final_decisions(motion, end).count("ship") / RUNS < 0.04


def test_a_constant_effect_still_ships() -> None:
    motion = motions(np.random.default_rng(12), (RUNS,)) + 2 * DRIFT * TIME
    assert final_decisions(motion, LOOKS // 2 - 1).count("ship") / RUNS > 0.95


@pytest.mark.parametrize("family", FAMILIES[1:], ids=lambda family: family.name)
def test_all_alarms_of_harm_together_stay_within_their_budget(family) -> None:  # type: ignore[no-untyped-def]
    motion = family_motion(np.random.default_rng(13), family, RUNS, correlated=True)
    p = np.where(motion < 0, p_values(motion), 1.0)
    alarms = (p * family.factors[None, :, :, None] <= ALPHA).any(axis=(1, 2, 3)).mean()
    assert alarms < 0.07
