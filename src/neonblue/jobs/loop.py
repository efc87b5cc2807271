"""Take one step for goals of the loop, or write a goal's report, where the data is owned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.errors import InvalidInputError
from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Arguments: ``goal`` (id or words, None for every goal), ``goal_file`` (a goal's TOML, which
    is kept first) and ``report``.

    The result has ``cycles`` (one a goal) or ``report`` (Markdown).
    """
    from neonblue.optimization.loop.goal import goal_id_of, read_goal, save_goal
    from neonblue.optimization.loop.goal_file import read_goal_file
    from neonblue.optimization.loop.report import markdown
    from neonblue.optimization.loop.report import report as written
    from neonblue.optimization.loop.step import LoopParts, run_step

    store, named = workspace.store, arguments.get("goal")
    if (text := arguments.get("goal_file")) is not None:
        goal = read_goal_file(store, text)
        save_goal(store, goal)
        named = goal.goal_id
    known = store.loop.goals()
    if named is not None:
        known = (named if named in known else goal_id_of(named),)
    if not known:
        raise InvalidInputError(
            "there is no goal yet: begin one with `neonblue loop --goal-file FILE`, or with "
            "`neonblue call run_optimization_cycle goal=... success_event=...`"
        )
    goals = [read_goal(store, goal_id) for goal_id in known]
    if arguments.get("report"):
        granted = _granted(workspace)
        reports = (written(store, goal, granted=granted) for goal in goals)
        return {"report": "\n".join(map(markdown, reports))}
    parts = LoopParts(
        store=store,
        memory=lambda: workspace.memory,
        learner=lambda: workspace.learner,
        kinds=workspace.event_kinds,
        authority=workspace.authority,
    )
    cycles = []
    for number, goal in enumerate(goals):
        report(float(number), float(len(goals)), goal.text)
        cycles.append(_plain(run_step(parts, goal)))
    return {"cycles": cycles}


def _granted(workspace: Workspace) -> frozenset[str]:
    """Experiments that a person has agreed to start, and that have not started yet."""
    from neonblue.optimization.acts import Act

    authority = workspace.authority
    waiting = authority.desk.all(authority.approvers(), authority.now())
    acts = [Act.read(one.request.act) for one in waiting if one.state == "granted"]
    return frozenset(act.experiment_id for act in acts if act.kind == "start")


def _plain(found: Any) -> dict[str, Any]:
    """The report of a step as JSON."""
    return {
        "goal_id": found.goal.goal_id,
        "status": found.status,
        "steps": [_step(one) for one in found.steps],
        "watching": [_step(one) for one in found.watching],
        "ship_level": found.programme.level,
    }


def _step(one: Any) -> dict[str, Any]:
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(one)
    return plain
