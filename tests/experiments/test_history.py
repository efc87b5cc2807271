"""The history of experiments: one step is one row, and of two writers one is told."""

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from neonblue.errors import ConflictError, UnavailableError
from neonblue.experiments.plans import Proposal, record_plan
from neonblue.models import Experiment
from neonblue.models.circuit_breaker import CircuitBreaker
from neonblue.models.lifecycle import Origin
from neonblue.stores import Store, open_store
from neonblue.stores.database import Database
from neonblue.stores.experiment_history import Change, ExperimentHistory, Step
from neonblue.stores.migrations import MIGRATIONS, migrate


def test_a_plan_and_the_status_said_of_it_are_one_step(store: Store, plan: Experiment) -> None:
    record_plan(store, Proposal(experiment=plan, origin="tool"))
    running = replace(plan, status="running", name="Short checkout")
    recorded = record_plan(store, Proposal(experiment=running, origin="define", begins=True))
    assert (recorded.experiment.version, recorded.experiment.status) == (2, "running")
    assert recorded.state_version == 2
    newest = store.experiment_history.newest("checkout")
    assert newest is not None
    assert (newest.plan_changed, newest.status_said) == (True, True)
    assert [each.status for each in store.experiments.versions("checkout")] == ["draft", "draft"]
    assert [each.status for each in store.experiments.status_history("checkout")] == ["running"]


def test_a_plan_that_breaks_a_rule_leaves_nothing(store: Store, plan: Experiment) -> None:
    with pytest.raises(Exception, match="1 variants: give 2"):
        record_plan(
            store, Proposal(experiment=replace(plan, variants=plan.variants[:1]), origin="tool")
        )
    assert store.experiment_history.last_sequence() == 0


def test_a_stale_version_is_refused_and_told(store: Store, plan: Experiment) -> None:
    record_plan(store, Proposal(experiment=plan, origin="tool"))
    record_plan(store, Proposal(experiment=replace(plan, name="A"), origin="tool", actor="ana"))
    stale = Proposal(experiment=replace(plan, name="B"), origin="tool", expected_version=1)
    with pytest.raises(ConflictError, match=r"at state version 2, not 1 .*'define' by 'ana'"):
        record_plan(store, stale)
    assert store.experiments.get("checkout").name == "A"


def test_writers_at_once_leave_one_history_without_gaps(store: Store, plan: Experiment) -> None:
    """Each with a connection and a lock of its own, as processes on one server have."""
    histories = [store.experiment_history]
    histories += [ExperimentHistory(_unlocked(store.database)) for _ in range(3)]

    def write(number: int) -> None:
        for step in range(10):
            name = f"{number}.{step}"
            histories[number].take(
                f"e{step % 2}", lambda current, name=name: _named(current, plan, name)
            )

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    changes = store.experiment_history.following(0)
    assert [change.sequence for change in changes] == list(range(1, 41))
    for name in ("e0", "e1"):
        own = [each.state_version for each in changes if each.experiment.experiment_id == name]
        assert own == list(range(1, 21))
    assert len({change.experiment.name for change in changes}) == 40


def test_a_failed_insert_changes_nothing_and_can_be_repeated(
    store: Store, plan: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_plan(store, Proposal(experiment=plan, origin="tool"))
    changed = Proposal(experiment=replace(plan, name="New"), origin="tool", expected_version=1)

    def crash(*_: object, **__: object) -> None:
        raise UnavailableError("ClickHouse is away")

    with monkeypatch.context() as patched:
        patched.setattr(store.database, "insert_rows", crash)
        with pytest.raises(UnavailableError):
            record_plan(store, changed)
    assert store.experiments.get("checkout").name == ""
    assert record_plan(store, changed).state_version == 2


def test_what_was_kept_before_is_taken_over_in_its_order(tmp_path: Path) -> None:
    database = Database(f"chdb://{tmp_path / 'clickhouse'}", max_memory_fraction=0.2)
    before = tuple(each for each in MIGRATIONS if each.name != "experiment_history")
    migrate(database, before)
    plan = '{{"experiment_id":"{0}","variants":[],"metrics":[],"status":"{1}","version":{2}}}'
    at = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 8)]
    database.insert_rows(
        "experiment_definitions",
        ["experiment_id", "version", "definition", "source", "recorded_at"],
        [
            ["a", 1, plan.format("a", "draft", 1), "define", at[0]],
            ["a", 2, plan.format("a", "running", 2), "cdc", at[2]],
            ["b", 1, plan.format("b", "stopped", 1), "load", at[1]],
        ],
    )
    database.insert_rows(
        "experiment_statuses",
        ["experiment_id", "status", "reason", "actor", "changed_at"],
        [["a", "running", "go", "ana", at[1]], ["a", "stopped", "end", "cdc", at[5]]],
    )
    database.close()
    store = open_store(f"chdb://{tmp_path / 'clickhouse'}", max_memory_fraction=0.2)
    history = store.experiment_history.of("a")
    assert [
        (each.state_version, each.experiment.status, each.plan_changed) for each in history
    ] == [
        (1, "draft", True),
        (2, "running", False),
        (3, "running", True),
        (4, "stopped", False),
    ]
    assert [each.recorded_at for each in history] == [at[0], at[1], at[2], at[5]]
    assert store.experiments.get("b").status == "stopped"
    assert store.experiments.defined_by("a") == "cdc"
    assert [each.sequence for each in store.experiment_history.following(0)] == [1, 2, 3, 4, 5]
    (statement,) = next(
        each.statements[1:] for each in MIGRATIONS if each.name == "experiment_history"
    )
    store.database.command(statement)
    assert store.experiment_history.last_sequence() == 5
    store.close()


def _unlocked(database: Database) -> Database:
    """The same engine by another writer's lock."""
    return Database(database._dsn, max_memory_fraction=0.2)


def _named(current: Change | None, plan: Experiment, name: str) -> Step:
    version = 1 if current is None else current.experiment.version + 1
    experiment_id = "e" + str(int(name.split(".")[1]) % 2)
    changed = replace(plan, experiment_id=experiment_id, name=name, version=version)
    return Step(experiment=changed, action="define")


def test_a_load_whose_experiment_changed_meanwhile_loads_nothing(
    store: Store, plan: Experiment
) -> None:
    record_plan(store, Proposal(experiment=plan, origin="tool"))
    staging = store.loads.begin()
    record_plan(store, Proposal(experiment=replace(plan, name="B"), origin="tool", actor="ana"))
    with pytest.raises(ConflictError, match="changed while its file was read"):
        store.loads.commit(staging, plan, "a.csv", expected_version=1)
    assert store.experiments.get("checkout").name == "B"
    staging.drop()


@pytest.mark.parametrize("origin", ["load", "cdc"])
def test_what_an_origin_cannot_say_stays(store: Store, plan: Experiment, origin: Origin) -> None:
    """A file and the platform's tables know nothing of targeting and circuit breakers."""
    breaker = CircuitBreaker(metric="bought", limit=0.01, side="below")
    running = replace(plan, status="running", circuit_breakers=(breaker,), holdout_fraction=0.1)
    record_plan(store, Proposal(experiment=running, origin="tool"))
    proposed = replace(plan, name="Renamed")
    recorded = record_plan(store, Proposal(experiment=proposed, origin=origin)).experiment
    assert (recorded.name, recorded.holdout_fraction) == ("Renamed", 0.1)
    assert recorded.circuit_breakers == (breaker,)
