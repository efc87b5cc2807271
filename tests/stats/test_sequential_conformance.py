"""Published values of sequential and group-sequential methods: the conformance file's cases."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from neonblue.errors import InvalidInputError
from neonblue.stats.bernoulli_sequence import bernoulli_log_e, bernoulli_sequence
from neonblue.stats.group_sequential import (
    crossing_probabilities,
    spending_boundaries,
    spent,
)
from neonblue.stats.sequential_mixture import (
    anytime_t_half_width,
    anytime_t_log_e,
    approximate_one_sided_half_width,
    howard_bound,
    howard_log_e,
    log_e_value,
    mixture_sequence,
    msprt_log_e,
    one_sided_critical_value,
    one_sided_log_e_value,
)

CASES = {
    case["id"]: case
    for case in json.loads(
        (Path(__file__).parents[1] / "conformance" / "statistics.json").read_text()
    )["cases"]
}


@pytest.mark.parametrize("v", [100, 1_000, 10_000, 100_000])
def test_howard_bounds(v: int) -> None:
    case = CASES[f"howard_normal_mixture_v{v}"]
    for one_sided, name in ((False, "two_sided_bound"), (True, "one_sided_bound")):
        found = howard_bound(case["inputs"]["v"], alpha=0.05, v_opt=10_000.0, one_sided=one_sided)
        assert float(found) == pytest.approx(case["expected"][name], rel=1e-6)


def test_howard_log_mixture() -> None:
    found = howard_log_e(300.0, 10_000.0, v_opt=10_000.0)
    assert float(found) == pytest.approx(CASES["howard_log_mixture"]["expected"]["log_e"], rel=1e-6)


def test_bernoulli_sequence() -> None:
    case = CASES["bernoulli_cs_520_1000"]
    assert bernoulli_sequence(520, 1_000, t_opt=1_000) == pytest.approx(
        tuple(case["expected"]["ci"]), rel=1e-5
    )


@pytest.mark.parametrize("successes", [0, 1, 7, 1_000])
def test_bernoulli_limits_are_where_the_e_value_is_one_over_alpha(successes: int) -> None:
    lower, upper = bernoulli_sequence(successes, 1_000, t_opt=500)
    assert 0.0 <= lower <= successes / 1_000 <= upper <= 1.0
    for limit in (lower, upper):
        if 0.0 < limit < 1.0:
            log_e = bernoulli_log_e(successes, 1_000, null=limit, t_opt=500)
            assert log_e == pytest.approx(math.log(20), rel=1e-6)


def test_bernoulli_counts_that_cannot_be_are_refused() -> None:
    assert bernoulli_sequence(0, 0, t_opt=100) == (0.0, 1.0)
    with pytest.raises(InvalidInputError, match="between 0 and n"):
        bernoulli_sequence(11, 10, t_opt=100)


def test_anytime_valid_t() -> None:
    case = CASES["lindon_av_t"]
    found = anytime_t_log_e(10.24, degrees_of_freedom=9_997, phi=1.0, z_squared=2_500.0)
    assert float(found) == pytest.approx(case["expected"]["log_bayes_factor"], rel=1e-9)


def test_the_anytime_t_interval_inverts_its_e_value() -> None:
    setting = {"degrees_of_freedom": 500.0, "phi": 1.0, "z_squared": 125.0}
    half = anytime_t_half_width(0.3, alpha=0.05, **setting)
    assert float(anytime_t_log_e((half / 0.3) ** 2, **setting)) == pytest.approx(math.log(20))
    early = {"degrees_of_freedom": 1.0, "phi": 1.0, "z_squared": 1.0}
    assert anytime_t_half_width(0.3, alpha=0.05, **early) == math.inf


def test_msprt_is_the_ratio_of_two_normals() -> None:
    """Of the marginal of the estimate under the prior to its law without effect."""
    estimate, error, prior = 0.4, 0.2, 0.5
    total = error**2 + prior**2
    expected = 0.5 * math.log(error**2 / total) + estimate**2 / 2 * (1 / error**2 - 1 / total)
    found = float(msprt_log_e(estimate, error, prior_sd=prior))
    assert found == pytest.approx(expected)


def test_the_one_sided_critical_value_inverts_its_e_value() -> None:
    r = np.array([0.01, 0.5, 3.0, 100.0, 1e6])
    z = one_sided_critical_value(r, alpha=0.05)
    assert one_sided_log_e_value(z, r) == pytest.approx(np.full(5, math.log(20)), rel=1e-9)


def test_the_one_sided_closed_form_is_a_little_wider_than_the_exact_bound() -> None:
    exact = mixture_sequence(0.0, 1.0, n=5_000.0, planned_n=10_000.0, one_sided=True)
    r = float(exact.information_ratio)
    wide = approximate_one_sided_half_width(1.0, n=5_000.0, rho_squared=r / 5_000, alpha=0.05)
    assert 1.0 <= float(wide) / float(exact.half_width) < 1.05
    assert exact.ci_upper == math.inf


def test_e_values_have_mean_one_without_an_effect() -> None:
    z = np.random.default_rng(8).standard_normal(400_000)
    assert np.exp(log_e_value(z, 0.8)).mean() == pytest.approx(1.0, abs=0.02)
    assert np.exp(one_sided_log_e_value(z, 0.8)).mean() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("case", "spending"), [("gst_obf_uneq", "obf"), ("gst_pocock_5", "pocock")]
)
def test_spending_boundaries(case: str, spending: str) -> None:
    inputs, expected = CASES[case]["inputs"], CASES[case]["expected"]
    design = spending_boundaries(
        inputs["looks"], alpha=inputs["alpha_one_sided"], spending=spending
    )
    assert design.critical_values == pytest.approx(expected["z"], rel=1e-4)


@pytest.mark.parametrize("two_sided", [False, True])
@pytest.mark.parametrize(
    ("spending", "parameter"),
    [("obf", 1.0), ("pocock", 1.0), ("power", 2.0), ("hwang-shih-decani", -4.0)],
)
def test_boundaries_spend_exactly_alpha(spending: str, parameter: float, two_sided: bool) -> None:
    looks = [0.1, 0.35, 0.6, 0.85, 1.0]
    design = spending_boundaries(
        looks, alpha=0.05, spending=spending, parameter=parameter, two_sided=two_sided
    )
    found = crossing_probabilities(looks, design.critical_values, two_sided=two_sided)
    assert np.cumsum(found) == pytest.approx(design.spent_alphas, rel=1e-6)
    assert sum(found) == pytest.approx(0.05, rel=1e-6)


def test_one_look_is_the_textbook_test() -> None:
    assert spending_boundaries([1.0], alpha=0.025).critical_values[0] == pytest.approx(1.959964)


def test_hwang_shih_decani_with_zero_is_linear() -> None:
    found = spent([0.25, 1.0], alpha=0.05, spending="hwang-shih-decani", parameter=0.0)
    assert found == pytest.approx([0.0125, 0.05])


@pytest.mark.parametrize("looks", [[], [0.5, 0.5], [0.0, 1.0], [0.5, 1.2], [math.nan]])
def test_looks_that_do_not_rise_are_refused(looks: list[float]) -> None:
    with pytest.raises(InvalidInputError, match="looks"):
        spending_boundaries(looks)


def test_unknown_spending_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="spending"):
        spending_boundaries([1.0], spending="flat")  # type: ignore[arg-type]
