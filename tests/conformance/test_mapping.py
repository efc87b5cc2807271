"""Cases that nobody gave: other methods, sides, alphas and spellings, against scipy and others."""

import math
from typing import Any

import numpy as np
import pytest
from benchmarks.conformance.replay import replay
from scipy import stats
from statsmodels.stats import multitest, power, proportion

CONTROL, TREATMENT = {"n": 5000, "success": 500}, {"n": 5000, "success": 560}
SIDES = {"control": CONTROL, "treatment": TREATMENT}
MEANS = {
    "control": {"n": 400, "mean": 10, "var": 25},
    "treatment": {"n": 350, "mean": 10.8, "sd": 6},
}
TABLE = [[8, 2], [92, 98]]
P_VALUES = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205]


def holds(
    category: str, inputs: dict[str, Any], expected: dict[str, Any], source: str = ""
) -> None:
    case = {"id": "-", "category": category, "inputs": inputs, "expected": expected,
            "source": source, "tolerance": {"rel": 1e-6, "abs": 1e-12}}  # fmt: skip
    outcome = replay(case)
    assert outcome.ok, outcome.line()


@pytest.mark.parametrize(
    ("alternative", "name"),
    [("two-sided", "two-sided"), ("greater", "larger"), ("less", "smaller")],
)
def test_sides_of_proportions(alternative: str, name: str) -> None:
    z, p = proportion.proportions_ztest([560, 500], [5000, 5000], alternative=name)
    holds("proportion", {**SIDES, "alternative": alternative}, {"z": z, "p": p})
    wald = proportion.test_proportions_2indep(560, 5000, 500, 5000, method="wald", alternative=name)
    said = {**SIDES, "alternative": alternative, "test": "wald z, unpooled variance"}
    holds("proportion", said, {"z": wald.statistic, "pvalue": wald.pvalue})
    exact = stats.fisher_exact(TABLE, alternative=alternative)
    said = {"table": TABLE, "alternative": alternative}
    holds("proportion", said, {"p": exact.pvalue, "odds_ratio": exact.statistic}, "scipy fisher")


@pytest.mark.parametrize("method", ["wald", "newcomb", "score", "agresti-caffo"])
@pytest.mark.parametrize("alpha", [0.1, 0.01])
def test_intervals_of_differences(method: str, alpha: float) -> None:
    limits = proportion.confint_proportions_2indep(560, 5000, 500, 5000, method=method, alpha=alpha)
    holds("proportion", {**SIDES, "method": method, "alpha": alpha}, {"ci": list(limits)})
    holds("proportion", {**SIDES, "method": method, "confidence": 1 - alpha},
          {"ci_lower": limits[0], "ci_upper": limits[1]})  # fmt: skip


@pytest.mark.parametrize("method", ["wilson", "agresti_coull", "jeffreys", "beta", "normal"])
def test_intervals_of_one_proportion(method: str) -> None:
    limits = proportion.proportion_confint(40, 300, method=method)
    holds("proportion", {"success": 40, "n": 300, "method": method}, {"ci": list(limits)})


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_sides_of_means(equal: bool, alternative: str) -> None:
    found = stats.ttest_ind_from_stats(
        10.8, 6, 350, 10, 5, 400, equal_var=equal, alternative=alternative
    )
    inputs = {**MEANS, "alternative": alternative} | ({"equal_var": True} if equal else {})
    holds("mean", inputs, {"t_stat": found.statistic, "p_value": found.pvalue})


def test_a_guardrail_whose_harm_is_above() -> None:
    found = proportion.test_proportions_2indep(
        560, 5000, 500, 5000, value=0.02, method="wald", alternative="smaller"
    )
    holds("guardrail", {**SIDES, "margin_abs": 0.02}, {"z": found.statistic, "p": found.pvalue})


@pytest.mark.parametrize(("sides", "name"), [(2, "two-sided"), (1, "larger")])
def test_power_whichever_is_unknown(sides: int, name: str) -> None:
    t, z = power.TTestIndPower(), power.NormalIndPower()
    given = {"alpha": 0.05, "sides": sides}
    effect = {"d": 0.1, "ratio": 2, "power": 0.9, **given}
    n = t.solve_power(0.1, alpha=0.05, power=0.9, ratio=2, alternative=name)
    holds("power", effect, {"n1": n, "n2": 2 * n})
    holds("power", {"delta": 0.5, "sd": 5, "n": 700, **given},
          {"power": t.power(0.1, 700, 0.05, alternative=name)})  # fmt: skip
    h = proportion.proportion_effectsize(0.11, 0.1)
    holds("power", {"h": h, "n1": 9000, "n2": 4000, **given},
          {"power": z.power(h, 9000, 0.05, ratio=4 / 9, alternative=name)})  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("hommel", "hommel"), ("BH", "fdr_bh"), ("fdr_by", "fdr_by"), ("holm-sidak", "holm-sidak")],
)
def test_names_of_adjustments(ours: str, theirs: str) -> None:
    reject, adjusted = multitest.multipletests(P_VALUES, method=theirs)[:2]
    expected = {"adjusted": adjusted.tolist(), "reject": [bool(r) for r in reject]}
    holds("multiplicity", {"p": P_VALUES, "method": ours}, expected)


def test_beliefs_however_they_are_given() -> None:
    from scipy.integrate import quad

    laws = [stats.beta(6, 96), stats.beta(13, 89), stats.beta(9, 93)]
    best = [
        quad(lambda x, i=i: laws[i].pdf(x) * np.prod([o.cdf(x) for o in laws if o is not laws[i]]),
             0, 1, epsabs=1e-13)[0]
        for i in range(3)
    ]  # fmt: skip
    numbers = [(6, 96), (13, 89), (9, 93)]
    arms = [{"alpha": a, "beta": b} for a, b in numbers]
    for inputs in (
        {"arms": arms},
        dict(zip("ABC", arms, strict=True)),
        {"alpha": [a for a, _ in numbers], "beta": [b for _, b in numbers]},
        {"totals": [100] * 3, "positives": [5, 12, 8], "prior": {"alpha": 1, "beta": 1}},
    ):
        holds("bayes", inputs, {"p_best": best})


def test_classical_boundaries() -> None:
    """Jennison and Turnbull (2000), tables 2.1 and 2.3, one-sided 2.5 %."""
    looks = [0.2, 0.4, 0.6, 0.8, 1.0]
    brien = [2.0401 / math.sqrt(t) for t in looks]
    for design, z in (("O'Brien-Fleming", brien), ("Pocock", [2.4132] * 5)):
        case = {"id": "-", "category": "group-sequential", "source": "rpact OF / P",
                "inputs": {"looks": looks, "alpha_one_sided": 0.025, "design": design},
                "expected": {"criticalValues": z}, "tolerance": {"rel": 1e-3}}  # fmt: skip
        assert replay(case).ok, replay(case).line()


def test_a_mixture_test_with_its_prior() -> None:
    v, tau2 = 0.008**2, 0.01**2
    log_e = 0.5 * math.log(v / (v + tau2)) + 0.02**2 * tau2 / (2 * v * (v + tau2))
    inputs = {"estimate": 0.02, "se": 0.008, "tau": 0.01}
    holds("sequential", inputs, {"log_e": log_e, "p": math.exp(-log_e), "e_value": math.exp(log_e)})
