"""Variants that differed before anybody was exposed."""

from __future__ import annotations

import math

from neonblue.intelligence.diagnosis.case import Case
from neonblue.intelligence.diagnosis.finding import Finding
from neonblue.models import MetricSummary
from neonblue.stats.comparison import Comparison, InsufficientData, compare
from neonblue.stores import shown_queries

SUSPECT_P = 0.001
MOST_PROPERTIES = 50


def pre_period_imbalance(case: Case) -> list[Finding]:
    """Numeric exposure properties whose means differ by more than chance, worst first."""
    if case.experiment.source == "aggregated":
        return []
    names = [each.name for each in case.properties if each.numeric][:MOST_PROPERTIES]
    moments = case.store.exposure_properties.covariate_moments(
        case.experiment.experiment_id, names, counted_from=case.experiment.counted_from
    )
    tests = _tests(case, names, moments)
    found = [
        _finding(case, name, variant, test, len(tests))
        for name, variant, test in tests
        if test.p_value * len(tests) < SUSPECT_P
    ]
    return sorted(found, key=lambda finding: finding.log_p or 0.0)


def _tests(
    case: Case, names: list[str], moments: dict[tuple[str, str], MetricSummary]
) -> list[tuple[str, str, Comparison]]:
    control_id = case.experiment.control.variant_id
    tests = []
    for name in names:
        for variant in case.experiment.treatments:
            control = moments.get((name, control_id))
            treatment = moments.get((name, variant.variant_id))
            if control is None or treatment is None:
                continue
            test = compare(control, treatment, kind="mean")
            if not isinstance(test, InsufficientData):
                tests.append((name, variant.variant_id, test))
    return tests


def _finding(case: Case, name: str, variant: str, test: Comparison, searched: int) -> Finding:
    p_value = min(1.0, test.p_value * searched)
    return Finding(
        code="groups_differed_before",
        severity="critical",
        side="assignment",
        headline=f"{name!r}, known before exposure, averages {test.mean_treatment:.4g} in "
        f"{variant} and {test.mean_control:.4g} in control",
        fix="the variants hold different people: look for targeting that depends on it, carry-over "
        "from an earlier experiment with the same hash, or a property that the treatment itself "
        "changes before it is recorded; then start again with a new hash salt",
        log_p=math.log(max(p_value, 1e-300)),
        evidence={
            "property": name,
            "variant": variant,
            "mean_control": test.mean_control,
            "mean_treatment": test.mean_treatment,
            "p_value": p_value,
        },
        query=shown_queries.covariate_by_variant(case.experiment.experiment_id, name),
    )
