"""What finished experiments found: outcomes, lessons on a topic, segments, similar ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neonblue.models.lifecycle import FINISHED_STATUSES
from neonblue.query import lexicon
from neonblue.query.answer_rows import Found, stands
from neonblue.query.plan import Plan
from neonblue.query.vocabulary import stem, topic_words

if TYPE_CHECKING:
    from neonblue.memory.library import Memory
    from neonblue.models import Experiment
    from neonblue.stores import Store
    from neonblue.stores.outcomes import Outcome

WON, LOST = frozenset({"ship"}), frozenset({"rollback"})
MAX_SIMILAR = 10
WIDEST = 50


def outcomes(store: Store, plan: Plan) -> Found:
    """Primary outcomes of finished experiments, the best or worst first."""
    finished = _finished(store, plan)
    found = [one for one in store.outcomes.past() if one.experiment_id in finished]
    if plan.standing in ("won", "lost"):
        wanted = WON if plan.standing == "won" else LOST
        found = [one for one in found if one.decision in wanted]
    if plan.at_least is not None:
        found = [one for one in found if abs(one.relative_lift) > plan.at_least]
    found.sort(key=lambda one: one.relative_lift, reverse=not plan.ascending)
    rows = tuple(_row(one, finished[one.experiment_id]) for one in found[: plan.limit])
    if plan.counted:
        rows = ({"metric": len(found)},)
    said = f"{len(found)} finished experiments{_undated(store, plan)}"
    if found:
        first = found[0]
        said += f", first {first.experiment_id} with {first.relative_lift:+.1%} on {first.metric}"
    return Found(rows=rows, sentence=said)


def learnt(store: Store, plan: Plan) -> Found:
    """Finished experiments on a topic with what each found, and what they found together."""
    finished = _about(_finished(store, plan), plan.topic)
    found = [one for one in store.outcomes.past() if one.experiment_id in finished]
    found.sort(key=lambda one: one.relative_lift, reverse=True)
    rows = tuple(_row(one, finished[one.experiment_id]) for one in found[: plan.limit])
    topic = f" on {plan.topic}" if plan.topic else ""
    if not rows:
        return Found(
            rows=(), sentence=f"no finished experiment{topic} in that time{_undated(store, plan)}"
        )
    told = {name: sum(one.decision == name for one in found) for name in _decisions(found)}
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in told.items())
    best, worst = found[0], found[-1]
    said = (
        f"{len(found)} finished experiments{topic}: {counts}; from {best.relative_lift:+.1%} "
        f"({best.experiment_id}) to {worst.relative_lift:+.1%} ({worst.experiment_id})"
        f"{_undated(store, plan)}"
    )
    return Found(rows=rows, sentence=said, advice=("analyze_experiment_performance of one",))


def segments(store: Store, plan: Plan) -> Found:
    """Confirmed segments of finished experiments, those that gained most first."""
    from neonblue.intelligence.segment_discovery import segments_of

    chosen = _about(_finished(store, plan), plan.topic)
    if plan.experiments:
        chosen = {name: one for name, one in chosen.items() if name in plan.experiments}
    usable = [one for one in chosen.values() if one.source == "events"][-MAX_SIMILAR:]
    if not usable:
        why = "they are totals, which hold no single users" if chosen else "there is none"
        topic = f" about {plan.topic}" if plan.topic else ""
        return Found(
            rows=(),
            sentence=f"no finished experiment{topic} can be searched for segments: {why}"
            f"{_undated(store, plan)}",
        )
    searched = segments_of(store, usable)
    rows: list[dict[str, Any]] = [
        {
            "segment": one.description,
            "experiment_id": case.experiment_id,
            "metric": case.metric,
            "absolute_difference": one.effect.absolute_difference,
            "absolute_difference_of_rest": one.effect_of_rest.absolute_difference,
            "share": one.share,
            "adjusted_p_value": one.adjusted_p_value,
            "gain": case.sign * one.difference.absolute_difference,
        }
        for case in searched
        for one in case.segments
        if one.confirmed
    ]
    rows.sort(key=lambda row: float(row["gain"]), reverse=not plan.ascending)
    names = ", ".join(one.experiment_id for one in usable)
    said = f"no segment of {names} responded otherwise than the rest, after correction"
    if rows:
        first = rows[0]
        said = f"{first['segment']} in {first['experiment_id']} differs most from the rest"
    withheld = "; ".join(f"{one.experiment_id}: {one.withheld}" for one in searched if one.withheld)
    return Found(
        rows=tuple(rows[: plan.limit]), sentence=f"{said}{'; ' * bool(withheld)}{withheld}"
    )


def similar(store: Store, memory: Memory, plan: Plan) -> Found:
    """Experiments alike in meaning; with a condition on results, finished ones that fulfil it."""
    from neonblue.intelligence.recollection.discovery import discover
    from neonblue.memory.collections import collection_named

    hits = discover(
        store,
        memory,
        collection_named("experiments"),
        plan.topic or "experiment",
        like_experiment=plan.experiments[0] if plan.experiments else None,
        limit=WIDEST,
    )
    similarity = {
        one.hit.document.document_id: one.hit.similarity
        for one in hits.found
        if one.hit.document.document_id not in plan.experiments
    }
    defined: Mapping[str, Experiment] = {
        name: one for name, one in store.experiments.defined().items() if name in similarity
    }
    conditional = plan.at_least is not None or bool(plan.standing)
    if conditional or plan.since or plan.until:
        finished = _finished(store, plan)
        defined = {name: one for name, one in defined.items() if name in finished}
    if about := _about(defined, plan.topic) if plan.topic else _of_one_title(store, plan, defined):
        defined = about
    rows: list[dict[str, Any]] = []
    for name in sorted(defined, key=lambda name: -similarity[name]):
        row: dict[str, Any] = {"experiment_id": name, "similarity": similarity[name]}
        if defined[name].status in FINISHED_STATUSES:
            found = _outcome_of(store, name, plan)
            if found is not None:
                row |= _row(found, defined[name])
            elif conditional:
                continue
        rows.append(row)
    shown = tuple(rows[: min(plan.limit, MAX_SIMILAR)])
    names = ", ".join(str(row["experiment_id"]) for row in shown[:5])
    return Found(
        rows=shown,
        sentence=f"{len(shown)} similar experiments{': ' * bool(names)}{names}"
        f"{_undated(store, plan)}{'; ' * bool(hits.note)}{hits.note}",
    )


def _of_one_title(
    store: Store, plan: Plan, experiments: Mapping[str, Experiment]
) -> Mapping[str, Experiment]:
    """Those that share a word of the title with the experiment that they are to be like."""
    if not plan.experiments:
        return {}
    title = topic_words(store.experiments.get(plan.experiments[0]).name)
    wanted = title - {stem(word) for word in lexicon.GENERIC | lexicon.FILLERS}
    return {
        name: one
        for name, one in experiments.items()
        if wanted & topic_words(f"{name} {one.name} {one.description} {one.hypothesis}")
    }


def _outcome_of(store: Store, experiment_id: str, plan: Plan) -> Outcome | None:
    """The outcome that the plan's condition is on, where it fulfils it."""
    found = [
        one
        for one in store.outcomes.of(experiment_id)
        if (one.metric == plan.metric if plan.metric else one.role == "primary")
        and one.decision != "invalid"
    ]
    wanted = [one for one in found if _fulfils(one, plan)]
    return max(wanted, key=lambda one: abs(one.relative_lift), default=None)


def _fulfils(outcome: Outcome, plan: Plan) -> bool:
    lift = outcome.relative_lift
    gain = lift if outcome.direction == "increase" else -lift
    if plan.standing == "won":
        return gain > (plan.at_least or 0.0)
    if plan.standing == "lost":
        return -gain > (plan.at_least or 0.0)
    return plan.at_least is None or abs(lift) > plan.at_least


def _finished(store: Store, plan: Plan) -> Mapping[str, Experiment]:
    """Finished experiments, within the plan's time where it has one."""
    wanted = plan.model_copy(update={"standing": "ended"})
    return {
        name: one
        for name, one in store.experiments.defined().items()
        if one.status in FINISHED_STATUSES and stands(one, wanted)
    }


def _about(experiments: Mapping[str, Experiment], topic: str) -> Mapping[str, Experiment]:
    """Those whose texts have every word of the topic."""
    wanted = topic_words(topic)
    return {
        name: one
        for name, one in experiments.items()
        if wanted
        <= topic_words(
            f"{name} {one.name} {one.description} {one.hypothesis} {one.experiment_type}"
        )
    }


def _undated(store: Store, plan: Plan) -> str:
    """A remark on finished experiments that cannot be placed in the time asked for."""
    if plan.since is None and plan.until is None:
        return ""
    undated = [
        one
        for one in _about(store.experiments.defined(), plan.topic).values()
        if one.status in FINISHED_STATUSES and one.ended_at is None
    ]
    return f" ({len(undated)} more have no date of their end)" if undated else ""


def _row(outcome: Outcome, experiment: Experiment) -> dict[str, Any]:
    return {
        "experiment_id": outcome.experiment_id,
        "name": experiment.name,
        "metric": outcome.metric,
        "relative_lift": outcome.relative_lift,
        "standard_error": outcome.standard_error,
        "decision": outcome.decision,
        "units": outcome.units,
        "ended_at": experiment.ended_at,
    }


def _decisions(found: Iterable[Outcome]) -> Sequence[str]:
    return sorted({one.decision for one in found})
