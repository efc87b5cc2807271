"""Build the demo world in the process that owns the data: define, then load files as users do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace

if TYPE_CHECKING:
    from neonblue.stores import Store


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Arguments: ``seed`` and ``now`` (ISO 8601, UTC). Result: how many events and experiments."""
    from neonblue.demo.scenarios import SCENARIOS
    from neonblue.demo.world import past_tests

    now, seed = datetime.fromisoformat(arguments["now"]), int(arguments["seed"])
    past = list(past_tests(seed=seed))
    total, events = len(SCENARIOS) + 1.0, 0
    with TemporaryDirectory(prefix="neonblue-demo-") as name:
        folder = Path(name)
        for done, scenario in enumerate(SCENARIOS):
            report(done, total, f"loading events of {scenario.experiment_id}")
            events += _load_scenario(workspace.store, folder, scenario, now, seed)
        report(total - 1, total, f"loading {len(past)} past tests")
        for test in past:
            _load_past(workspace.store, folder, test, now)
        report(total - 1, total, "remembering what past tests taught")
        workspace.learner.catch_up(at_once=True)
    report(total, total, "done")
    return {"events": events, "experiments": len(SCENARIOS), "past_tests": len(past)}


def _load_scenario(store: Store, folder: Path, scenario: Any, now: datetime, seed: int) -> int:
    from neonblue.demo.files import write_events
    from neonblue.demo.world import plan_of
    from neonblue.experiments.plans import Proposal, record_plan

    path = write_events(folder, scenario, now=now, seed=seed)
    plan = plan_of(scenario, now=now)
    record_plan(store, Proposal(experiment=plan, origin="define", actor="demo"))
    return _load(store, {"path": str(path), "rejects": str(path.with_suffix(".rejects"))})


def _load_past(store: Store, folder: Path, test: Any, now: datetime) -> None:
    from neonblue.demo.files import write_totals
    from neonblue.intelligence.analysis import analyze

    path = write_totals(folder, test, now=now)
    request = {
        "path": str(path),
        "rejects": str(path.with_suffix(".rejects")),
        "experiment_id": test.experiment_id,
        "variant": "variant",
        "control": "control",
        "n": "users",
        "timestamp": "day",
        "metrics": ["purchase:proportion=purchases"],
        "aggregated": True,
        "finished": True,
        "name": test.name,
        "description": test.description,
        "hypothesis": test.hypothesis,
    }
    _load(store, request)
    # An analysis of a finished experiment records how it came out: later priors rest on that.
    analyze(store, test.experiment_id, now=now, actor="demo")


def _load(store: Store, request: Mapping[str, Any]) -> int:
    from neonblue.ingest.files.load import load_file
    from neonblue.ingest.files.load_plan import LoadPlan

    return load_file(store, LoadPlan.from_arguments(request), _silent).events


def _silent(_done: float, _total: float, _message: str) -> None:
    """The parts' own progress is not shown: the whole's is."""
