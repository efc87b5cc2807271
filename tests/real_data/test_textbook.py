"""Published experiments come out as the textbook says, through ``load`` and MCP over stdio.

Counts and the file's rounded figures come from ``textbook_ab.json``; the exact figures are
computed here with scipy and statsmodels, from the counts or from the file's own columns.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pytest
from scipy.stats import norm, ttest_ind
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

Figures = dict[str, float]
Ask = Callable[..., Any]
Load = Callable[..., str]


@pytest.fixture(scope="session")
def textbook(shared_data: Path) -> dict[str, Any]:
    return json.loads((shared_data / "data" / "textbook_ab.json").read_text())


def proportion(expected: dict[str, Any]) -> Figures:
    counts = np.array([expected["x_t"], expected["x_c"]])
    units = np.array([expected["n_t"], expected["n_c"]])
    shares = counts / units
    error = float(np.sqrt((shares * (1 - shares) / units).sum()))
    difference = float(shares[0] - shares[1])
    reach = float(norm.isf(0.025)) * error
    lower, upper = confint_proportions_2indep(
        counts[0], units[0], counts[1], units[1], method="wald"
    )
    assert (lower, upper) == pytest.approx((difference - reach, difference + reach), rel=1e-7)
    return {
        "absolute_difference": difference,
        "ci_lower": difference - reach,
        "ci_upper": difference + reach,
        "p_value": float(proportions_ztest(counts, units)[1]),
    }


def mean(control: np.ndarray, treatment: np.ndarray) -> Figures:
    test = ttest_ind(treatment, control, equal_var=False)
    interval = test.confidence_interval()
    return {
        "absolute_difference": float(treatment.mean() - control.mean()),
        "ci_lower": float(interval.low),
        "ci_upper": float(interval.high),
        "p_value": float(test.pvalue),
    }


def comparison(answer: dict[str, Any], metric: str, variant: str) -> dict[str, Any]:
    (found,) = [item for item in answer["metrics"] if item["metric"] == metric]
    (chosen,) = [item for item in found["comparisons"] if item["variant"] == variant]
    return chosen


def assert_textbook(found: dict[str, Any], exact: Figures, expected: dict[str, Any]) -> None:
    """To 1e-6 of the exact figures, and to the file's own rounding."""
    fixed = found["fixed_horizon"]
    got = {
        "absolute_difference": found["absolute_difference"],
        "ci_lower": fixed["ci_lower"],
        "ci_upper": fixed["ci_upper"],
        "p_value": fixed["p_value"],
    }
    assert (found["n_control"], found["n_treatment"]) == (expected["n_c"], expected["n_t"])
    assert got == pytest.approx(exact, rel=1e-6)
    assert got["absolute_difference"] == pytest.approx(expected["diff"], abs=1e-6)
    assert [got["ci_lower"], got["ci_upper"]] == pytest.approx(expected["ci"], abs=1e-6)
    assert got["p_value"] == pytest.approx(expected["p"], rel=1e-3)
    if "x_c" in expected:
        conversions = found["n_control"] * found["mean_control"]
        assert conversions == pytest.approx(expected["x_c"], rel=1e-9)
        converted = found["n_treatment"] * found["mean_treatment"]
        assert converted == pytest.approx(expected["x_t"], rel=1e-9)
    if "rel_ci" in expected:
        assert found["relative_lift"] == pytest.approx(expected["rel_lift"], abs=1e-5)
        limits = [fixed["relative_ci_lower"], fixed["relative_ci_upper"]]
        assert limits == pytest.approx(expected["rel_ci"], abs=1e-5)


async def test_udacity(shared_data: Path, textbook: dict[str, Any], load: Load, ask: Ask) -> None:
    printed = load(
        shared_data / "data/udacity_ab_data/ab_data.csv.gz",
        *("--experiment", "udacity", "--unit", "user_id", "--variant", "group"),
        *("--control", "control", "--metric", "converted:proportion=converted"),
        *("--timestamp", "timestamp", "--segment", "landing_page"),
        *("--exclude", "group = 'control' and landing_page = 'new_page'"),
        *("--exclude", "group = 'treatment' and landing_page = 'old_page'"),
        "--finished",
    )
    assert "3,893 excluded" in printed
    answer = await ask("analyze_experiment_performance", experiment_id="udacity", detail="full")
    expected = textbook["udacity_clean"]
    assert_textbook(comparison(answer, "converted", "treatment"), proportion(expected), expected)
    assert answer["validity"]["srm_p_value"] == pytest.approx(expected["srm_p"], abs=1e-4)
    assert answer["verdict"]["decision"] in ("inconclusive", "no_meaningful_effect")


async def test_udacity_users_in_both_variants(shared_data: Path, load: Load, ask: Ask) -> None:
    printed = load(
        shared_data / "data/udacity_ab_data/ab_data.csv.gz",
        *("--experiment", "udacity", "--unit", "user_id", "--variant", "group"),
        *("--control", "control", "--metric", "converted:proportion=converted"),
        *("--timestamp", "timestamp"),
    )
    assert "1895 units were seen in several variants" in printed
    answer = await ask("analyze_experiment_performance", experiment_id="udacity", detail="full")
    checks = {check["name"]: check for check in answer["validity"]["checks"]}
    assert checks["multiple_exposures"]["status"] == "warn"
    assert "1,895" in checks["multiple_exposures"]["detail"]


async def test_cookie_cats(
    shared_data: Path, textbook: dict[str, Any], load: Load, ask: Ask
) -> None:
    path = shared_data / "data/cookie_cats/cookie_cats.csv.gz"
    load(
        path,
        *("--experiment", "cookie_cats", "--unit", "userid", "--variant", "version"),
        *("--control", "gate_30", "--metric", "retention_1:proportion=retention_1"),
        *("--metric", "retention_7:proportion=retention_7"),
        *("--metric", "rounds:mean=sum_gamerounds"),
        "--finished",
    )
    answer = await ask("analyze_experiment_performance", experiment_id="cookie_cats", detail="full")
    for metric in ("retention_1", "retention_7"):
        expected = textbook[f"cookie_{metric}"]
        found = comparison(answer, metric, "gate_40")
        assert_textbook(found, proportion(expected), expected)
    table = pacsv.read_csv(path)
    rounds = {
        version: table.filter(pc.equal(table["version"], version))["sum_gamerounds"].to_numpy()
        for version in ("gate_30", "gate_40")
    }
    exact = mean(rounds["gate_30"], rounds["gate_40"])
    assert_textbook(comparison(answer, "rounds", "gate_40"), exact, textbook["cookie_rounds_all"])
    assert answer["validity"]["srm_p_value"] == pytest.approx(0.008608, rel=1e-3)
    assert answer["validity"]["status"] == "warning"
    checks = {check["name"]: check["status"] for check in answer["validity"]["checks"]}
    assert checks["sample_ratio"] == "warn"


async def test_hillstrom(shared_data: Path, textbook: dict[str, Any], load: Load, ask: Ask) -> None:
    path = shared_data / "data/hillstrom/hillstrom.csv.gz"
    load(
        path,
        *("--experiment", "hillstrom", "--variant", "segment", "--control", "No E-Mail"),
        *("--metric", "visit:proportion=visit", "--metric", "conversion:proportion=conversion"),
        *("--metric", "spend:mean=spend"),
        "--finished",
    )
    answer = await ask("analyze_experiment_performance", experiment_id="hillstrom", detail="full")
    table = pacsv.read_csv(path)
    spend = {
        segment: table.filter(pc.equal(table["segment"], segment))["spend"].to_numpy()
        for segment in ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
    }
    for variant, key in (("Mens E-Mail", "Mens "), ("Womens E-Mail", "Women")):
        for metric in ("visit", "conversion"):
            expected = textbook[f"hillstrom_{key}_{metric}"]
            assert_textbook(comparison(answer, metric, variant), proportion(expected), expected)
        exact = mean(spend["No E-Mail"], spend[variant])
        expected = textbook[f"hillstrom_{key}_spend"]
        assert_textbook(comparison(answer, "spend", variant), exact, expected)
    assert answer["verdict"]["decision"] == "ship"
