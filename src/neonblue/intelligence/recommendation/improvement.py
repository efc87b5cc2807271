"""What to do about one experiment now: rules over its analysis, diagnosis and likes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.deciding import leading_primary
from neonblue.intelligence.diagnosis import Diagnosis, diagnose
from neonblue.intelligence.evidence import Analysis
from neonblue.intelligence.recollection.category import category_of
from neonblue.intelligence.recollection.description import change_in_words, percent
from neonblue.intelligence.recollection.insights import PastExperiment, similar_to, told_change
from neonblue.intelligence.recollection.removal import is_removal, kind_of_change
from neonblue.intelligence.recommendation.idea import Evidence
from neonblue.intelligence.recommendation.segment_advice import advice_of
from neonblue.intelligence.segment_memory import confirmed_segments
from neonblue.memory.library import Memory
from neonblue.models import Experiment
from neonblue.models.written_text import fenced

if TYPE_CHECKING:
    from neonblue.stores import Store

FINDINGS_SHOWN = 3
SIMILAR_CONSIDERED = 8
PATIENCE_DAYS = 28.0
DEFAULT_MDE = 0.05
# Two changes of one subject: plans alone share many words, and "Control:" with everything.
LIKE_CHANGE = 0.45
SEGMENT_UNCLEAR = "segment: see who gains before the change is shown or withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do: why, on what evidence, and the call that does or shows it."""

    action: str
    why: str
    evidence: tuple[Evidence, ...]
    tool: str
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """Steps in the order to take them, and what they rest on."""

    analysis: Analysis
    diagnosis: Diagnosis
    similar: tuple[PastExperiment, ...]
    steps: tuple[Step, ...]


def improve(store: Store, memory: Memory, experiment_id: str, *, now: datetime) -> Improvement:
    """What to change about an experiment; reads only, apart from the look that it is."""
    analysis = analyze(store, experiment_id, now=now)
    diagnosis = diagnose(store, experiment_id, now=now)
    similar = similar_to(memory, analysis.experiment, limit=SIMILAR_CONSIDERED)
    steps = [*_repairs(diagnosis), *_verdict_steps(analysis), *_precision(analysis)]
    steps += [*lessons(memory, analysis.experiment, similar), *_segments(memory, analysis)]
    return Improvement(analysis=analysis, diagnosis=diagnosis, similar=similar, steps=tuple(steps))


def _repairs(diagnosis: Diagnosis) -> Iterator[Step]:
    name = diagnosis.experiment.experiment_id
    grave = [found for found in diagnosis.findings if found.severity != "note"]
    for found in grave[:FINDINGS_SHOWN]:
        yield Step(
            action=found.fix,
            why=found.headline,
            evidence=(Evidence(kind="data", reference=found.code, detail=found.severity),),
            tool="diagnose_experiment",
            arguments={"experiment_id": name},
        )


def _verdict_steps(analysis: Analysis) -> Iterator[Step]:
    decision = analysis.decision
    yield Step(
        action=decision.next_step,
        why="; ".join(reason.detail for reason in decision.reasons)
        or f"the verdict is {decision.decision}",
        evidence=tuple(
            Evidence(kind="data", reference=reason.code, detail=reason.detail)
            for reason in decision.reasons
        ),
        tool=_tool_for(decision.decision),
        arguments={"experiment_id": analysis.experiment.experiment_id},
    )


def _tool_for(decision: str) -> str:
    return "diagnose_experiment" if decision == "invalid" else "analyze_experiment_performance"


def _precision(analysis: Analysis) -> Iterator[Step]:
    """An experiment that takes long can be made quicker before it is given up."""
    plan, decision = analysis.experiment, analysis.decision
    waits = decision.eta_days
    if decision.decision != "keep_running" or waits is None or waits < PATIENCE_DAYS:
        return
    arguments = sizing_anew(analysis, 1.0)
    if arguments is None:
        return
    found = leading_primary(analysis)
    evidence = (Evidence(kind="data", reference="eta_days", detail=f"{waits:.0f} days to go"),)
    if found is not None and found.comparison.covariate_variance_reduction is None:
        yield Step(
            action="give the primary metric a covariate from before the exposure (CUPED)",
            why=f"it would take {waits:.0f} more days, and part of the noise is who the units are",
            evidence=evidence,
            tool="design_experiment",
            arguments=arguments,
        )
    if len(plan.treatments) > 1:
        yield Step(
            action="start a new version without the treatments that fall behind",
            why=f"{len(plan.treatments)} treatments share the units and {waits:.0f} days are left",
            evidence=evidence,
            tool="design_experiment",
            arguments=arguments,
        )


def sizing_anew(analysis: Analysis, times: float) -> dict[str, Any] | None:
    """What design_experiment needs for ``times`` the mde, from this look; None without figures.

    Not ``like_experiment``: the baseline of a running experiment is withheld until its plan.
    """
    found = leading_primary(analysis)
    if found is None or found.metric.kind not in ("proportion", "mean"):
        return None
    one, metric = found.comparison, found.metric
    if not 0.0 < abs(one.mean_control) < math.inf or not one.standard_error > 0.0:
        return None
    sign = 1.0 if metric.direction == "increase" else -1.0
    sizing: dict[str, Any] = {
        "kind": metric.kind,
        "baseline_mean": one.mean_control,
        "mde": float(f"{sign * times * (metric.mde or DEFAULT_MDE):.3g}"),
    }
    if metric.kind == "mean":
        sd = one.standard_error / math.sqrt(1.0 / one.n_control + 1.0 / one.n_treatment)
        sizing["baseline_sd"] = float(f"{sd:.6g}")
    return sizing


def lessons(
    memory: Memory, plan: Experiment, similar: tuple[PastExperiment, ...]
) -> Iterator[Step]:
    """What those taught that changed the same thing in the same way; others resemble in words."""
    alike = _same_change(memory, plan, similar)
    for outcome, action in (
        ("success", "take over what made experiments with a like change win"),
        ("failure", "take out what made experiments with a like change fail"),
    ):
        those = [item for item in alike if item.outcome == outcome][:FINDINGS_SHOWN]
        if those:
            yield Step(
                action=action,
                why="; ".join(
                    f"{item.experiment_id}: {fenced(item.change[:160])}" for item in those
                ),
                evidence=tuple(_link(item) for item in those),
                tool="semantic_experiment_search",
                arguments={
                    "query": outcome,
                    "like_experiment": plan.experiment_id,
                    "filters": {"outcome": outcome},
                },
            )


def _same_change(
    memory: Memory, plan: Experiment, similar: tuple[PastExperiment, ...]
) -> list[PastExperiment]:
    """Those whose change itself is alike, and adds or takes away as this one does."""
    if not similar:
        return []
    change = change_in_words(plan)
    kind = kind_of_change(category_of(plan), change, plan.name)
    vectors = memory.vectors([told_change(plan.name, change), *map(_change, similar)])
    near = vectors[1:] @ vectors[0]
    return [
        item
        for item, cosine in zip(similar, near, strict=True)
        if cosine >= LIKE_CHANGE
        and is_removal(kind) == is_removal(kind_of_change(item.category, item.change, item.name))
    ]


def _change(item: PastExperiment) -> str:
    return told_change(item.name, item.change) or item.text


def _segments(memory: Memory, analysis: Analysis) -> Iterator[Step]:
    """Segments of this very experiment that the last search confirmed, from the memory."""
    name = analysis.experiment.experiment_id
    for document in confirmed_segments(memory, name)[:FINDINGS_SHOWN]:
        advice = advice_of(document)
        yield Step(
            action=SEGMENT_UNCLEAR if advice is None else f"segment: test {advice.change}",
            why=fenced(document.text.splitlines()[0]),
            evidence=(
                Evidence(
                    kind="segment", reference=document.document_id, detail="confirmed segment"
                ),
            ),
            tool="personalize_experiment_experience",
            arguments={"experiment_id": name},
        )


def _link(item: PastExperiment) -> Evidence:
    return Evidence(
        kind="experiment",
        reference=item.experiment_id,
        detail=f"{item.outcome}, {percent(item.improvement)}, similarity {item.similarity:.2f}",
    )
