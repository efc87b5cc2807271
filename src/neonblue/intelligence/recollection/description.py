"""The facts of a finished experiment as a text to be found by, and as metadata to filter by."""

from __future__ import annotations

from collections.abc import Iterator

from neonblue.intelligence.recollection.audience import EVERYBODY
from neonblue.intelligence.recollection.facts import ExperimentFacts
from neonblue.intelligence.recollection.removal import kind_of_change
from neonblue.models import Experiment, Variant
from neonblue.stores.documents import Document, MetadataValue


def experiment_document(facts: ExperimentFacts) -> Document:
    """The document of an experiment; the same facts give the same document."""
    return Document(
        document_id=facts.experiment.experiment_id,
        text=describe(facts),
        metadata={field: value for field, value in _metadata(facts) if value is not None},
    )


def describe(facts: ExperimentFacts) -> str:
    """What changed, for whom, the result with its interval, the verdict and the lesson."""
    plan = plan_text(facts.experiment, facts.category, facts.audience)
    parts = (plan, *_result(facts), *lessons(facts))
    return "\n".join(part for part in parts if part)


def plan_text(experiment: Experiment, category: str, audience: str = EVERYBODY) -> str:
    """What an experiment changes, for whom and why: what is known before it runs."""
    return "\n".join(part for part in _plan(experiment, category, audience) if part)


def lessons(facts: ExperimentFacts) -> list[str]:
    """What to take from it, by rule; every figure is a fact's own."""
    plan = facts.experiment
    kind = kind_of_change(facts.category, change_in_words(plan), plan.name)
    change = kind.replace("_", " ")
    metric = facts.metric.name if facts.metric is not None else "the primary metric"
    if facts.outcome is None:
        why = ", ".join(facts.failed_checks) or "too little data"
        return [f"Lesson: nothing can be learnt about the effect ({why}); run it again, repaired."]
    if facts.outcome == "success":
        found = [f"Lesson: this {change} change improved {metric} here."]
    elif facts.outcome == "failure":
        found = [
            f"Lesson: this {change} change made things worse here; do not repeat it as it was."
        ]
    else:
        found = [_neutral_lesson(facts, change, metric)]
    if facts.guardrail_harmed is not None:
        found.append(f"It harmed the guardrail {facts.guardrail_harmed}.")
    return found


def change_of(variants: tuple[Variant, ...]) -> str:
    """What the treatments did, in the plan's words."""
    texts = [variant.description or variant.name or variant.variant_id for variant in variants]
    return "; ".join(texts)


def change_in_words(plan: Experiment) -> str:
    """What the treatments did; what the plan is about where its variants have no description."""
    if any(variant.description for variant in plan.treatments):
        return change_of(plan.treatments)
    return plan.name or plan.description or change_of(plan.treatments)


def percent(value: float | None) -> str:
    """A lift for people: ``+4.3 %``."""
    return "unknown" if value is None else f"{100 * value:+.2f} %"


def _neutral_lesson(facts: ExperimentFacts, change: str, metric: str) -> str:
    lower, upper = facts.improvement_lower, facts.improvement_upper
    if lower is None or upper is None:
        return f"Lesson: no effect of this {change} change on {metric} was shown."
    return (
        f"Lesson: this {change} change moved {metric} by less than "
        f"{100 * max(abs(lower), abs(upper)):.2f} % either way; a bolder change or more users "
        "would be needed."
    )


def _plan(plan: Experiment, category: str, audience: str) -> Iterator[str]:
    yield plan.name or plan.experiment_id
    yield plan.description
    yield f"Hypothesis: {plan.hypothesis}" if plan.hypothesis else ""
    yield f"Kind: {category.replace('_', ' ')}" + (f" in {plan.industry}" if plan.industry else "")
    yield f"Control: {change_of((plan.control,))}. Changed: {change_of(plan.treatments)}."
    by = f", broken down by {', '.join(plan.segments)}" if plan.segments else ""
    yield f"For: {audience}{by}."


def _result(facts: ExperimentFacts) -> Iterator[str]:
    ran = f"over {facts.duration_days:.0f} days " if facts.duration_days is not None else ""
    until = f"until {facts.ended_at:%Y-%m-%d}" if facts.dated else ""
    yield f"{facts.units} units {ran}{until}".rstrip() + "."
    if facts.metric is not None and facts.comparison is not None:
        item = facts.comparison
        yield (
            f"{facts.metric.name}: control {item.mean_control:.6g}, {item.variant} "
            f"{item.mean_treatment:.6g}; improvement {percent(facts.improvement)} "
            f"({percent(facts.improvement_lower)} to {percent(facts.improvement_upper)})."
        )
    if facts.revenue_metric is not None and facts.revenue_impact is not None:
        yield f"{facts.revenue_metric}: {facts.revenue_impact:+.6g} a unit."
    yield f"Verdict: {facts.decision.replace('_', ' ')}. {' '.join(facts.reasons)}"


def _metadata(facts: ExperimentFacts) -> Iterator[tuple[str, MetadataValue | None]]:
    plan, metric, item = facts.experiment, facts.metric, facts.comparison
    yield "experiment_id", plan.experiment_id
    yield "name", plan.name
    yield "type", facts.category
    yield "industry", plan.industry
    yield "user_segment", facts.audience
    yield "segments", plan.segments
    yield "sample_size", float(facts.units)
    yield "outcome", facts.outcome
    yield "decision", facts.decision
    yield "optimization_applied", change_in_words(plan)
    yield "timestamp", facts.ended_at.timestamp()
    yield "duration_days", facts.duration_days
    yield "version", float(plan.version)
    yield "status", plan.status
    yield "metrics", tuple(found.name for found in plan.metrics)
    yield "guardrail_harmed", facts.guardrail_harmed
    yield "conversion_rate", facts.conversion_rate
    yield "improvement", facts.improvement
    yield "improvement_standard_error", facts.improvement_standard_error
    yield "revenue_impact", facts.revenue_impact
    if metric is None or item is None:
        return
    yield "metric", metric.name
    yield "statistical_significance", facts.p_value
    yield "relative_lift", item.relative_lift
    yield "relative_lift_lower", facts.relative_ci_lower
    yield "relative_lift_upper", facts.relative_ci_upper
    yield "statistical_power", _power(facts)


def _power(facts: ExperimentFacts) -> float | None:
    """The two-sided power to find the plan's smallest effect (5 % relative without one)."""
    from scipy.special import ndtr, ndtri

    error = facts.improvement_standard_error
    if not error:
        return None
    target = (facts.metric.mde if facts.metric is not None else None) or 0.05
    critical = float(ndtri(1 - facts.experiment.alpha / 2))
    return float(ndtr(target / error - critical) + ndtr(-target / error - critical))
