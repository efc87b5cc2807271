"""One case: find what answers its inputs, look up what is expected, compare within tolerance."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.conformance import (
    bayesian,
    boundaries,
    means,
    p_adjustment,
    past_effects,
    planned_sizes,
    proportions,
    quantile_cases,
    sample_ratio,
    sequences,
)
from benchmarks.conformance.reading import Case, Unmapped
from benchmarks.conformance.spelling import tolerance_for
from neonblue.errors import NeonBlueError

Answers = Mapping[str, Any]
SOLVERS: dict[str, Callable[[Case], Answers]] = {
    "proportion": proportions.solve,
    "guardrail": means.solve_guardrail,
    "mean": means.solve,
    "cuped": means.solve_cuped,
    "ratio": means.solve_ratio,
    "cuped-ratio": means.solve_ratio,
    "sequential": sequences.solve,
    "srm": sample_ratio.solve,
    "srm-sequential": sample_ratio.solve_sequential,
    "bayes": bayesian.solve,
    "power": planned_sizes.solve,
    "multiplicity": p_adjustment.solve,
    "quantile": quantile_cases.solve,
    "meta": past_effects.solve,
    "group-sequential": boundaries.solve,
}

SAME = (
    ("p", "p_value", "pvalue", "pval", "p_two_sided"),
    ("effect", "diff", "difference", "estimate", "delta", "abs_effect", "expected", "effect_size"),
    ("se", "standard_error", "stderr", "sd", "std_err", "stddev", "std_error"),
    ("statistic", "z", "t", "stat", "wald", "z_stat", "t_stat", "z_score", "test_statistic",
     "t_value", "z_value", "tstat", "zstat"),
    ("chi2", "chisq", "x_squared", "chi_square", "statistic"),
    ("df", "dof", "degrees_of_freedom", "nu"),
    ("ci", "confidence_interval", "conf_int", "credible_interval", "interval", "ci_abs", "abs_ci",
     "effect_size_ci", "effect_ci", "diff_ci", "ci95", "ci_95", "difference_ci"),
    ("rel", "rel_effect", "relative", "relative_lift", "relative_effect", "lift", "rel_effect_size",
     "uplift"),
    ("rel_ci", "relative_ci", "ci_rel", "log_ci", "rel_ci_log", "ci_log", "rel_effect_size_ci"),
    ("half_width", "hw", "width", "halfwidth"),
    ("log_e", "log_e_value", "log_evalue", "log_bayes_factor", "log_bf", "logbf", "lbf"),
    ("e", "e_value", "evalue", "bayes_factor", "bf"),
    ("n_per_arm", "n_per_group", "n", "n1", "n_control", "sample_size", "n_per_variant"),
    ("n_total", "total", "n_obs", "total_n"),
    ("mde", "mde_abs", "effect", "delta"),
    ("chance_to_win", "ctw", "prob_b_better", "p_b_beats_a", "p_beat", "p_superior",
     "prob_b_beats_a", "prob_beat_control", "probability_to_beat_control", "p_beats_control"),
    ("loss_choose_treatment", "loss_choose_b", "expected_loss", "risk_treatment", "loss_treatment"),
    ("loss_choose_control", "loss_choose_a", "risk_control", "loss_control",
     "expected_loss_control"),
    ("p_best", "prob_best", "prob_being_best"),
    ("adjusted", "p_adjusted", "adjusted_p", "padj"),
    ("z", "critical_values", "critical", "bounds", "upper_bounds", "boundaries", "boundary"),
    ("tau2", "tau_squared", "tau^2"),
    ("mu", "pooled", "pooled_effect", "beta", "mean", "estimate", "b"),
    ("shrunk", "blup", "pred"),
    ("alpha_spent", "spent", "cumulative_alpha", "alpha_spending"),
    ("q", "qe", "cochran_q"), ("i2", "i_squared"), ("reject", "rejected", "significant"),
    ("risk_ratio", "relative_risk", "rr"), ("odds_ratio", "or"), ("risk_ratio_ci", "rr_ci"),
    ("odds_ratio_ci", "or_ci"), ("variance_reduction", "r_squared", "reduction"),
    ("control", "mean_control", "adjusted_control", "control_mean"),
    ("treatment", "mean_treatment", "adjusted_treatment", "treatment_mean"),
)  # fmt: skip
"""Names that tools give to one thing; a case's own name is looked for first."""
TOOL_SUFFIXES = ("gb", "tt", "scipy", "statsmodels", "homosk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was found for a case; ``problem`` says why it cannot be mapped, '' when it can."""

    case_id: str
    expected: Mapping[str, Any]
    found: Mapping[str, Any] = field(default_factory=dict)
    ok: bool = False
    problem: str = ""

    def line(self) -> str:
        verdict = (
            "ok" if self.ok else (f"cannot be mapped: {self.problem}" if self.problem else "FAILED")
        )
        found, expected = json.dumps(self.found, default=str), json.dumps(self.expected)
        return f"{self.case_id}\tfound {found}\texpected {expected}\t{verdict}"


def replay(raw: Mapping[str, Any]) -> Outcome:
    """Maps by category and inputs; the id is only for the line."""
    case = Case.of(raw)
    expected = case.expected
    try:
        solver = SOLVERS.get(case.category)
        if solver is None:
            raise Unmapped(f"no category {case.category!r}")
        answers = dict(solver(case))
        found = {key: plain(answer_to(key, answers)) for key in expected}
    except (Unmapped, NeonBlueError, KeyError, TypeError, ValueError, ZeroDivisionError) as problem:
        return Outcome(case_id=case.case_id, expected=expected, problem=f"{problem!r}")
    ok = all(
        close(found[key], expected[key], tolerance_for(key, case.tolerance)) for key in expected
    )
    return Outcome(case_id=case.case_id, expected=expected, found=found, ok=ok)


def answer_to(key: str, answers: Answers) -> Any:
    """The answer under the case's name for it, or under another name for the same thing."""
    names = {squashed(name): value for name, value in answers.items()}
    wanted = squashed(key)
    for candidate in (wanted, *(wanted.removesuffix(s) for s in TOOL_SUFFIXES)):
        if candidate in names:
            return names[candidate]
        for same in SAME:
            alike = [squashed(name) for name in same]
            if candidate in alike and (found := [n for n in alike if n in names]):
                return names[found[0]]
    for end, index in (("lower", 0), ("upper", 1), ("low", 0), ("high", 1), ("lo", 0), ("hi", 1)):
        if wanted.endswith(end):
            stem = wanted.removesuffix(end)
            return answer_to(stem if "ci" in stem else f"{stem}ci", answers)[index]
    raise Unmapped(f"nothing computed is called {key!r}; there is {sorted(answers)}")


def squashed(name: str) -> str:
    """Lower case, letters and digits alone: alphaSpent, alpha_spent and alpha.spent are one."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def close(found: Any, expected: Any, tolerance: Mapping[str, float]) -> bool:
    """|found - expected| <= max(abs, rel |expected|), elementwise; "inf" is infinite."""
    a, b = flat(found), flat(expected)
    if len(a) != len(b):
        return False
    return all(_near(x, y, tolerance) for x, y in zip(a, b, strict=True))


def _near(found: Any, expected: Any, tolerance: Mapping[str, float]) -> bool:
    if isinstance(expected, bool) or (isinstance(expected, str) and "inf" not in expected.lower()):
        return bool(found == expected)
    if expected is None or found is None:
        return found is expected
    x, y = float(found), float(expected)
    if math.isinf(y) or math.isnan(y):
        return x == y or (math.isnan(x) and math.isnan(y))
    return abs(x - y) <= max(tolerance.get("abs", 0.0), tolerance.get("rel", 0.0) * abs(y))


def flat(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in flat(item)]
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in flat(item)]
    return [value]


def plain(value: Any) -> Any:
    """Numpy's numbers and arrays as Python's."""
    if callable(value):
        value = value()
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
