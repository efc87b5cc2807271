"""Cases about two proportions (or one, or a table of counts)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import chdtrc

from benchmarks.conformance.means import relative_wald
from benchmarks.conformance.reading import Case, Unmapped, summary_of
from neonblue.stats.comparison import compare, interval, p_value
from neonblue.stats.proportions import (
    Counts,
    barnard_p_value,
    barnard_statistic,
    boschloo_p_value,
    difference_interval,
    fisher_odds_ratio,
    fisher_p_value,
    proportion_interval,
    yates_p_value,
    yates_statistic,
)
from neonblue.stats.ratio_intervals import odds_ratio_interval, risk_ratio_interval

METHODS = {
    "newcombe": "newcomb",
    "newcomb": "newcomb",
    "score": "score",
    "miettinen-nurminen": "score",
    "agresti-caffo": "agresti-caffo",
    "agresti_caffo": "agresti-caffo",
    "yates": "yates",
    "wald": "wald",
}
ONE = {"wilson": "wilson", "agresti-coull": "agresti_coull", "agresti_coull": "agresti_coull",
       "jeffreys": "jeffreys", "beta": "beta", "clopper-pearson": "beta", "exact": "beta",
       "wald": "normal", "normal": "normal"}  # fmt: skip


def solve(case: Case) -> dict[str, Any]:
    if case.has("table"):
        return _exact(case, _counts_of_table(case.inputs["table"]))
    if isinstance(case.get("successes", "success", "counts", "count", "x"), list):
        return _several(case)
    if case.get("control", "a", "c") is None:
        return _one(case)
    if case.says("fisher", "barnard", "boschloo"):
        return _exact(case, _counts(case))
    if case.says("gbstats", "relative", "log-ratio", "tea-tasting"):
        return relative_wald(case)
    return _two(case)


def _two(case: Case) -> dict[str, Any]:
    counts, alternative = _counts(case), case.alternative
    control, treatment = (summary_of(side) for side in case.sides)
    pooled = not case.says("unpooled", "wald, ", "(wald")
    found = compare(
        control, treatment, kind="proportion", alpha=case.alpha, alternative=alternative,
        pooled_null=pooled,
        null_difference=float(case.get("value", "null_difference", default=0.0)),
    )  # fmt: skip
    if found.status != "available":
        raise Unmapped(found.detail)
    lower, upper = found.ci_lower, found.ci_upper
    if "prop.test" in case.text:
        lower, upper = max(lower, -1.0), min(upper, 1.0)
    answers: dict[str, Any] = {
        "z": found.statistic, "p": found.p_value, "se": found.standard_error,
        "chi2": found.statistic**2, "effect": found.absolute_difference, "ci": (lower, upper),
        "rel": found.relative_lift, "rel_ci": (found.relative_ci_lower, found.relative_ci_upper),
        "risk_ratio": counts.p_treatment / counts.p_control,
        "risk_ratio_ci": lambda: risk_ratio_interval(counts, alpha=case.alpha),
        "odds_ratio": lambda: fisher_odds_ratio(counts, conditional=False)[0],
        "odds_ratio_ci": lambda: odds_ratio_interval(counts, alpha=case.alpha),
        "h": cohens_h(counts), "cohens_h": cohens_h(counts), "se_pooled": found.null_standard_error,
        "df": 1, "control": counts.p_control, "treatment": counts.p_treatment,
    }  # fmt: skip
    return answers | _by_method(case, counts)


def _by_method(case: Case, counts: Counts) -> dict[str, Any]:
    """What a named method changes: the interval, and with Yates the test."""
    method = str(case.get("method", "ci_method", default="")).lower()
    corrected = case.says("correct=true", "correct = true", "yates", "continuity correction")
    if corrected and not case.says("no continuity", "correct=false"):
        p = yates_p_value(counts, alternative=case.alternative)
        limits = difference_interval(counts, method="yates", alpha=_two_sided_alpha(case))
        z = yates_statistic(counts)
        return {"p": p, "ci": _opened(case, limits), "chi2": z * z, "z": z}
    ratio = str(case.get("compare", default=""))
    if ratio in ("ratio", "odds-ratio"):
        make = risk_ratio_interval if ratio == "ratio" else odds_ratio_interval
        return {"ci": make(counts, method=method or "log", alpha=case.alpha)}  # type: ignore[operator]
    if method in METHODS:
        limits = difference_interval(counts, method=METHODS[method], alpha=case.alpha)  # type: ignore[arg-type]
        return {"ci": limits}
    return {}


def _two_sided_alpha(case: Case) -> float:
    return 2.0 * case.alpha if case.is_one_sided else case.alpha


def _opened(case: Case, limits: tuple[float, float]) -> tuple[float, float]:
    if case.alternative == "greater":
        return limits[0], 1.0
    return (-1.0, limits[1]) if case.alternative == "less" else limits


def _exact(case: Case, counts: Counts) -> dict[str, Any]:
    alternative = case.alternative
    answers: dict[str, Any] = {}
    conditional = "scipy" not in case.source.lower()
    if case.says("barnard"):
        pooled = bool(case.get("pooled", default=True))
        answers["p"] = barnard_p_value(counts, pooled=pooled, alternative=alternative)
        answers["wald"] = barnard_statistic(counts, pooled=pooled)
    elif case.says("boschloo"):
        answers["p"] = boschloo_p_value(counts, alternative=alternative)
    else:
        answers["p"] = fisher_p_value(counts, alternative=alternative)
        answers["odds_ratio"], answers["ci"] = fisher_odds_ratio(
            counts, conditional=conditional, alpha=case.alpha
        )
    return answers


def _one(case: Case) -> dict[str, Any]:
    successes, n = case.number("success", "successes", "x", "count"), case.number("n", "nobs")
    name = str(case.get("method", default=""))
    method = next(
        (ONE[word] for word in (name.lower(), *case.text.split()) if word in ONE), "wilson"
    )
    p = successes / n
    null = float(case.get("p0", "null", "value", default=0.5))
    z = (p - null) / math.sqrt(null * (1.0 - null) / n)
    return {
        "ci": proportion_interval(successes, n, method=method, alpha=case.alpha),  # type: ignore[arg-type]
        "estimate": p, "se": math.sqrt(p * (1.0 - p) / n), "z": z,
        "p": p_value(z, math.inf, case.alternative),
        "ci_wald": interval(p, math.sqrt(p * (1 - p) / n), math.inf, case.alpha, "two-sided"),
    }  # fmt: skip


def _several(case: Case) -> dict[str, Any]:
    """Chi-square of k proportions being one."""
    successes = np.asarray(case.get("successes", "success", "counts", "count", "x"), dtype=float)
    n = np.asarray(case.get("n", "nobs", "totals", "trials"), dtype=float)
    p = successes.sum() / n.sum()
    chi2 = float((((successes - n * p) ** 2) / (n * p * (1.0 - p))).sum())
    df = successes.size - 1
    return {"chi2": chi2, "p": float(chdtrc(df, chi2)), "df": df}


def cohens_h(counts: Counts) -> float:
    a, b = (math.asin(math.sqrt(p)) for p in (counts.p_control, counts.p_treatment))
    return 2.0 * (b - a)


def _counts(case: Case) -> Counts:
    control, treatment = (summary_of(side) for side in case.sides)
    return Counts(
        successes_control=round(control.mean * control.n, 6),
        n_control=control.n,
        successes_treatment=round(treatment.mean * treatment.n, 6),
        n_treatment=treatment.n,
    )


def _counts_of_table(table: list[list[float]]) -> Counts:
    """Rows are outcomes, columns the two samples: the first column is the treatment."""
    (a, b), (c, d) = table
    return Counts(successes_control=b, n_control=b + d, successes_treatment=a, n_treatment=a + c)
