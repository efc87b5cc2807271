"""Mixture e-values and the critical values that invert them."""

import math

import numpy as np
import pytest

from neonblue.stats.sequential_mixture import (
    critical_value,
    log_e_value,
    mixture_sequence,
    one_sided_critical_value,
    one_sided_log_e_value,
)

RATIOS = np.array([0.01, 0.5, 3.0, 100.0, 1e6])


def test_critical_values_invert_their_e_values() -> None:
    two = critical_value(RATIOS, alpha=0.05)
    assert log_e_value(two, RATIOS) == pytest.approx(np.full(5, math.log(20)), rel=1e-9)
    one = one_sided_critical_value(RATIOS, alpha=0.05)
    assert one_sided_log_e_value(one, RATIOS) == pytest.approx(np.full(5, math.log(20)), rel=1e-9)


def test_a_one_sided_sequence_has_no_upper_limit_and_is_narrower_below() -> None:
    one = mixture_sequence(0.0, 1.0, n=5_000.0, planned_n=10_000.0, one_sided=True)
    two = mixture_sequence(0.0, 1.0, n=5_000.0, planned_n=10_000.0)
    assert one.ci_upper == math.inf
    assert two.ci_lower < one.ci_lower < 0.0


def test_e_values_have_mean_one_without_an_effect() -> None:
    z = np.random.default_rng(8).standard_normal(400_000)
    assert np.exp(log_e_value(z, 0.8)).mean() == pytest.approx(1.0, abs=0.02)
    assert np.exp(one_sided_log_e_value(z, 0.8)).mean() == pytest.approx(1.0, abs=0.02)
