"""What may go wrong with a plan, and what to do about it: rules over computed evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from neonblue.intelligence.forecast.past import Past, SimilarExperiment
from neonblue.intelligence.forecast.plan import ForecastPlan
from neonblue.intelligence.forecast.sizing import Sizing

LONG_DAYS = 56.0
MANY_VARIANTS = 4
RATHER_ALIKE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """``code`` for machines, ``detail`` for people, ``suggestion`` what to do."""

    code: str
    detail: str
    suggestion: str


def find_risks(plan: ForecastPlan, sizing: Sizing, past: Past | None) -> list[Risk]:
    """Every rule that applies, the gravest first."""
    found = [*_from_size(plan, sizing)]
    if past is not None:
        found = [*_from_past(past, sizing), *found]
    if not plan.guardrails:
        found.append(
            Risk(
                code="no_guardrail",
                detail="no guardrail metric is named, so harm elsewhere would not be seen",
                suggestion="add a guardrail with a margin, such as latency, refunds or churn",
            )
        )
    return found


def _from_size(plan: ForecastPlan, sizing: Sizing) -> Iterator[Risk]:
    wanted, planned = sizing.units_one_look, plan.planned_sample_size
    if wanted is not None and planned is not None and planned < wanted:
        yield Risk(
            code="underpowered",
            detail=f"{planned} units are planned, {wanted} are needed to find {sizing.mde:.1%}",
            suggestion="plan more units, a bolder change, or a metric with less noise",
        )
    if sizing.days_watched is not None and sizing.days_watched > LONG_DAYS:
        yield Risk(
            code="long",
            detail=f"at {sizing.units_per_day:.0f} units a day it takes "
            f"{sizing.days_watched:.0f} days",
            suggestion="raise mde to what would change a decision, or test where more units pass",
        )
    if plan.variant_count > MANY_VARIANTS:
        yield Risk(
            code="many_variants",
            detail=f"{plan.variant_count} variants share the units, and alpha is shared too",
            suggestion="drop the variants that differ least",
        )
    for name in sizing.missing:
        yield Risk(
            code="unknown_size",
            detail=f"{name} is unknown, so size or duration is not computed",
            suggestion=f"give {name}",
        )


def _from_past(past: Past, sizing: Sizing) -> Iterator[Risk]:
    alike = [item for item in past.similar if item.resemblance >= RATHER_ALIKE]
    failures = [item for item in alike if item.past.outcome == "failure"]
    if failures:
        yield Risk(
            code="similar_failed",
            detail=f"{len(failures)} of {len(alike)} similar experiments failed: "
            + ", ".join(_named(item) for item in failures[:3]),
            suggestion="read them with semantic_experiment_search and change what they have in "
            "common",
        )
    if not alike:
        yield Risk(
            code="nothing_similar",
            detail="no past experiment resembles this one; the forecast rests on the overall "
            f"record of {past.experiments} experiments",
            suggestion="expect the forecast to be vague, and let the experiment decide",
        )
    if past.mean < sizing.mde:
        yield Risk(
            code="small_effect_expected",
            detail=f"the expected improvement {past.mean:+.2%} is below the smallest one that "
            f"matters, {sizing.mde:.2%}",
            suggestion="make the change bolder, or plan for a smaller mde",
        )


def _named(item: SimilarExperiment) -> str:
    return repr(item.past.experiment_id)
