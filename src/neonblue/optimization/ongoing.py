"""What to change about an experiment now, each with the call that does it.

The first change is what the loop's own rules would do (``loop.rules``); the others follow from
health, segments, traffic and the past. One look is recorded, that of the analysis; nothing that an
analysis withholds is told by a change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from neonblue.intelligence.adaptive_effects import weights_moved
from neonblue.intelligence.diagnosis import Diagnosis, diagnose
from neonblue.intelligence.evidence import Analysis, SegmentBreakdown, SegmentEffect
from neonblue.intelligence.history import current_shares
from neonblue.intelligence.recollection.insights import PastExperiment, similar_to
from neonblue.intelligence.recommendation.improvement import (
    PATIENCE_DAYS,
    lessons,
    sizing_anew,
)
from neonblue.intelligence.segments import NAMELESS, break_down
from neonblue.models import Experiment
from neonblue.models.eligibility import TargetingCondition
from neonblue.models.lifecycle import WATCHED_STATUSES
from neonblue.optimization.detectability import SUGGESTED_REDUCTION
from neonblue.optimization.launch_checks import launch_checks
from neonblue.optimization.loop.reading import Reading, read
from neonblue.optimization.loop.rules import LoopTerms, NextAct, Wait, next_act
from neonblue.optimization.loop.track_record import programme

if TYPE_CHECKING:
    from neonblue.memory.library import Memory
    from neonblue.stores import Store

Urgency = Literal["now", "soon", "consider"]
Source = Literal["rules", "verdict", "health", "traffic", "segment", "size", "memory"]

ORDER: tuple[Urgency, ...] = ("now", "soon", "consider")
MAX_SEGMENTS = 5
MAX_FINDINGS = 3
MAX_SIMILAR = 5
MAX_SLUG = 40
MAX_GOAL = 1_000
UNSUITABLE = re.compile(r"[^a-z0-9]+")
CONCLUDED_BY_VERDICT = frozenset({"ship", "rollback", "no_meaningful_effect", "inconclusive"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeProposal:
    """One change: what, why, and the tool call that makes it.

    ``plan`` is the plan that ``create_experiment`` takes, where that is the tool.
    """

    change: str
    why: str
    source: Source
    urgency: Urgency
    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    plan: Experiment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OngoingAdvice:
    """Changes, the most urgent first, and what they rest on.

    ``decision`` and ``units`` are None where nothing was analysed: a draft, and after an end.
    """

    experiment: Experiment
    state_version: int
    decision: str | None
    units: int | None
    failed_checks: tuple[str, ...]
    findings: tuple[str, ...]
    segments_read: tuple[str, ...]
    similar: tuple[PastExperiment, ...]
    changes: tuple[ChangeProposal, ...]


def advise(
    store: Store, memory: Memory, experiment_id: str, *, now: datetime, actor: str = ""
) -> OngoingAdvice:
    """What to change about one experiment as of ``now`` (UTC); one look where it is analysed.

    Raises ``NotFoundError`` for an experiment that is not defined.
    """
    reading = read(store, experiment_id, now=now, actor=actor)
    experiment = _stored(store, experiment_id)
    analysis = reading.analysis
    watched = experiment.status in WATCHED_STATUSES and analysis is not None
    diagnosis = diagnose(store, experiment_id, now=now, recorded=True) if watched else None
    broken = [] if analysis is None else [(analysis, o) for o in _segments(store, analysis)]
    similar = similar_to(memory, experiment, limit=MAX_SIMILAR)
    changes = [
        *_by_rules(store, reading, experiment),
        *([] if analysis is None or not watched else _watched(store, analysis, experiment)),
        *([] if diagnosis is None else _repairs(diagnosis)),
        *(c for seen, one in broken for c in _by_segment(store, seen, experiment, one)),
        *_from_memory(memory, experiment, similar),
    ]
    return OngoingAdvice(
        experiment=experiment,
        state_version=reading.situation.state_version,
        decision=None if analysis is None else analysis.decision.decision,
        units=None if analysis is None else analysis.look.units,
        failed_checks=reading.situation.failed_checks,
        findings=() if diagnosis is None else tuple(one.code for one in diagnosis.findings),
        segments_read=tuple(one.segment for _, one in broken if one.status == "available"),
        similar=similar,
        changes=tuple(sorted(_once(changes), key=lambda one: ORDER.index(one.urgency))),
    )


def _stored(store: Store, experiment_id: str) -> Experiment:
    newest = store.experiment_history.newest(experiment_id)
    return store.experiments.get(experiment_id) if newest is None else newest.experiment


def _once(changes: Sequence[ChangeProposal]) -> list[ChangeProposal]:
    """The first of several that make the same call."""
    seen: dict[str, ChangeProposal] = {}
    for one in changes:
        plan = "" if one.plan is None else one.plan.experiment_id
        act = one.arguments.get("action", "")
        key = (
            f"{one.tool} {act} {plan}"
            if one.tool == "change_experiment" or plan
            else (f"{one.tool} {dict(one.arguments)!r}")
        )
        seen.setdefault(key, one)
    return list(seen.values())


def _by_rules(store: Store, reading: Reading, experiment: Experiment) -> Iterator[ChangeProposal]:
    """What the loop's rules would do next, at the bar of the whole programme."""
    seen = reading.situation
    if seen.status == "draft":
        failed = [c for c in launch_checks(store, experiment) if c.status == "fail"]
        if failed:
            yield ChangeProposal(
                change="mend the plan before it can start",
                why="; ".join(check.detail for check in failed),
                source="health",
                urgency="now",
                tool="design_experiment",
                arguments={"goal": experiment.hypothesis or experiment.name or seen.experiment_id},
            )
            return
    terms = LoopTerms(level=programme(store).level)
    found = next_act(seen, terms)
    if isinstance(found, Wait):
        if seen.status == "paused" and not seen.failed_checks:
            yield _act(
                seen.experiment_id, seen.state_version, "resume", "nothing is broken", "soon"
            )
        if found.ended:
            goal = experiment.hypothesis or experiment.name or experiment.experiment_id
            yield ChangeProposal(
                change="go on with the next idea",
                why=f"nothing is left to change: {found.reason}",
                source="rules",
                urgency="consider",
                tool="recommend_experiments",
                arguments={"goal": goal[:MAX_GOAL]},
            )
        return
    yield _acting(seen.experiment_id, seen.state_version, found)


def _acting(experiment_id: str, state_version: int, found: NextAct) -> ChangeProposal:
    arguments = dict(found.arguments)
    more: dict[str, Any] = {}
    if found.kind == "roll_out":
        more = {"winner": arguments["winner"], "roll_out_fraction": arguments["fraction"]}
    made = _act(experiment_id, state_version, found.kind, found.reason, "now")
    return replace(made, arguments={**made.arguments, **more})


def _act(
    experiment_id: str, state_version: int, action: str, why: str, urgency: Urgency
) -> ChangeProposal:
    return ChangeProposal(
        change=f"{action.replace('_', ' ')} it",
        why=why,
        source="rules",
        urgency=urgency,
        tool="change_experiment",
        arguments={
            "experiment_id": experiment_id,
            "action": action,
            "reason": why,
            "expected_version": state_version,
        },
    )


def _watched(store: Store, analysis: Analysis, experiment: Experiment) -> Iterator[ChangeProposal]:
    """While units come: its verdict, how they are shared, and whether they are enough."""
    name, decision = experiment.experiment_id, analysis.decision
    if analysis.validity.failed or analysis.look.withheld:
        return
    version = store.experiment_history.state_version(name)
    if decision.decision in CONCLUDED_BY_VERDICT:
        why = f"the verdict is {decision.decision}: {decision.next_step}"
        if decision.decision == "ship":
            why += " (the loop waits for the programme's own bar, which is higher)"
        act = "stop" if decision.decision == "rollback" else "conclude"
        yield replace(_act(name, version, act, why, "soon"), source="verdict")
        return
    yield from _traffic(experiment)
    yield from _size(analysis, experiment)


def _traffic(experiment: Experiment) -> Iterator[ChangeProposal]:
    shares = current_shares(experiment)
    live = [name for name, share in shares.items() if share > 0]
    control = experiment.control.variant_id
    planned = {v.variant_id: v.weight for v in experiment.variants}
    total = sum(planned.values())
    ramping = control in live and shares[control] > planned[control] / total + 1e-9
    policy = "ramp" if ramping else "top_two"
    if len(live) < 2 or (len(live) == 2 and not ramping):
        return
    why = (
        "treatments get less than planned: the next step, if nothing speaks against it"
        if ramping
        else f"{len(live)} variants share the units: those that trail can give most of theirs away"
    )
    yield ChangeProposal(
        change="work out the shares of the next units",
        why=why,
        source="traffic",
        urgency="consider",
        tool="allocate_traffic",
        arguments={"experiment_id": experiment.experiment_id, "policy": policy},
    )


def _size(analysis: Analysis, experiment: Experiment) -> Iterator[ChangeProposal]:
    waits = analysis.decision.eta_days
    if waits is None or waits < PATIENCE_DAYS:
        return
    sizing = sizing_anew(analysis, 1.5)
    if sizing is None:
        return
    yield ChangeProposal(
        change="plan it again for a larger effect, with a covariate from before the exposure",
        why=f"{waits:.0f} more days are needed at the present traffic; a covariate that explains "
        f"{SUGGESTED_REDUCTION:.0%} of the variance saves as much of them",
        source="size",
        urgency="consider",
        tool="design_experiment",
        arguments=sizing,
    )


def _repairs(diagnosis: Diagnosis) -> Iterator[ChangeProposal]:
    """What is wrong, with its fix; the query that shows it comes with the diagnosis."""
    grave = [one for one in diagnosis.findings if one.severity != "note"]
    if weights_moved(diagnosis.validity):
        grave = [one for one in grave if one.code != "plan_changed"]
    if not grave:
        return
    worst = grave[0].severity == "critical"
    yield ChangeProposal(
        change="; ".join(one.fix for one in grave[:MAX_FINDINGS]),
        why="; ".join(one.headline for one in grave[:MAX_FINDINGS]),
        source="health",
        urgency="now" if worst else "soon",
        tool="diagnose_experiment",
        arguments={"experiment_id": diagnosis.experiment.experiment_id},
    )


def _segments(store: Store, analysis: Analysis) -> tuple[SegmentBreakdown, ...]:
    """The plan's own segments, under the same look; none where effects are withheld."""
    closed = analysis.validity.failed or analysis.look.withheld or weights_moved(analysis.validity)
    if closed or analysis.experiment.source != "events":
        return ()
    fixed = analysis.look.fixed_horizon_decides
    return tuple(
        break_down(store, analysis.experiment, segment, analysis.terms, fixed=fixed)
        for segment in analysis.experiment.segments[:MAX_SEGMENTS]
        if segment in store.traffic.exposure_properties()
    )


def _by_segment(
    store: Store, analysis: Analysis, experiment: Experiment, found: SegmentBreakdown
) -> Iterator[ChangeProposal]:
    """The segment that differs most gets an experiment: what was seen is exploratory.

    One a treatment: of two segments each is what the other is not.
    """
    seen: set[str] = set()
    for effect in sorted(found.effects, key=lambda one: one.adjusted_p_value or 1.0):
        unclear = not effect.differs or effect.value in ("", NAMELESS)
        if unclear or effect.variant in seen:
            continue
        seen.add(effect.variant)
        plan = _for_segment(experiment, found.segment, effect)
        gains = _gains(experiment, effect)
        why = (
            f"{found.segment} = {effect.value} {'gains more' if gains else 'gains less'} than the "
            f"rest on {effect.metric} (adjusted p {effect.adjusted_p_value:.2g}); segments found "
            "in the data are a reason to test, not to ship"
        )
        failed = [check for check in launch_checks(store, plan) if check.status == "fail"]
        sizing = sizing_anew(analysis, 1.0)
        change = f"test it {'for' if gains else 'without'} {found.segment} = {effect.value} alone"
        if failed and sizing is not None:
            yield ChangeProposal(
                change=f"plan to {change}",
                why=f"{why}; as it is: {'; '.join(check.detail for check in failed)}",
                source="segment",
                urgency="consider",
                tool="design_experiment",
                arguments=sizing,
            )
        elif not failed:
            yield ChangeProposal(
                change=change,
                why=why,
                source="segment",
                urgency="consider",
                tool="create_experiment",
                plan=plan,
            )


def _gains(experiment: Experiment, effect: SegmentEffect) -> bool:
    metric = next(one for one in experiment.metrics if one.name == effect.metric)
    sign = 1.0 if metric.direction == "increase" else -1.0
    return sign * (effect.difference_from_rest or 0.0) > 0


def _for_segment(experiment: Experiment, segment: str, effect: SegmentEffect) -> Experiment:
    """The same experiment as a new draft, for the segment alone or for all others."""
    gains = _gains(experiment, effect)
    words = UNSUITABLE.sub("_", f"{segment} {effect.value}".lower()).strip("_")[:MAX_SLUG]
    sides = "for" if gains else "without"
    condition = TargetingCondition(
        property=segment, operator="in" if gains else "not_in", values=(effect.value,)
    )
    total = sum(variant.weight for variant in experiment.variants)
    return replace(
        experiment,
        variants=tuple(replace(v, weight=v.weight / total) for v in experiment.variants),
        experiment_id=f"{experiment.experiment_id[:MAX_SLUG]}_{sides}_{words}",
        status="draft",
        version=1,
        hypothesis=experiment.hypothesis
        or f"what {experiment.experiment_id} showed for {segment} = {effect.value} holds",
        targeting=(*experiment.targeting, condition),
        started_at=None,
        ended_at=None,
        counted_from=None,
        created_at=None,
        current_weights=(),
        winner="",
        roll_out_fraction=0.0,
    )


def _from_memory(
    memory: Memory, experiment: Experiment, similar: tuple[PastExperiment, ...]
) -> Iterator[ChangeProposal]:
    """What experiments with a like change came to, to take over or to leave out."""
    for step in lessons(memory, experiment, similar):
        yield ChangeProposal(
            change=step.action,
            why=step.why,
            source="memory",
            urgency="consider",
            tool=step.tool,
            arguments=step.arguments,
        )
