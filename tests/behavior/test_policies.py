"""Policies are learnt once each, and nobody waits for another experiment's."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from neonblue.behavior.personalisation import Policy
from neonblue.behavior.policies import FRESH_SECONDS, MAX_KEPT, Policies
from neonblue.models import Experiment, MetricDefinition
from neonblue.stores.unit_rows import UnitRows
from neonblue.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

SECONDS = 60.0


class GatedRows(UnitRows):
    """The real rows; of ``held`` only once the gate is open. Counts what was read."""

    held = ""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.store.database)
        self.gate, self.reached = threading.Event(), threading.Event()
        self.read_names: list[str] = []

    def read(self, experiment: Experiment, metric: MetricDefinition, *, limit: int) -> "pa.Table":
        self.read_names.append(experiment.experiment_id)
        if experiment.experiment_id == self.held:
            self.reached.set()
            assert self.gate.wait(SECONDS)
        return super().read(experiment, metric, limit=limit)


@pytest.fixture
def rows(behaving: Workspace) -> GatedRows:
    return GatedRows(behaving)


def ask(behaving: Workspace, policies: Policies, name: str) -> Policy:
    experiment = behaving.store.experiments.get(name)
    return policies.of(experiment, experiment.metrics[0])


def test_one_experiment_is_learnt_while_another_one_is(
    behaving: Workspace, rows: GatedRows
) -> None:
    policies = Policies(rows)
    rows.held = "suits_mobile"
    with ThreadPoolExecutor(3) as pool:
        try:
            slow = pool.submit(ask, behaving, policies, "suits_mobile")
            assert rows.reached.wait(SECONDS)
            quick = pool.submit(ask, behaving, policies, "suits_all").result(SECONDS)
            assert quick.answer == "everybody"
            assert not slow.done()
        finally:
            rows.gate.set()
        assert slow.result(SECONDS).answer == "personalise"


def test_many_who_ask_at_once_learn_it_once(behaving: Workspace, rows: GatedRows) -> None:
    policies = Policies(rows)
    rows.held = "suits_all"
    with ThreadPoolExecutor(4) as pool:
        try:
            asked = [pool.submit(ask, behaving, policies, "suits_all") for _ in range(4)]
            assert rows.reached.wait(SECONDS)
        finally:
            rows.gate.set()
        found = {id(one.result(SECONDS)) for one in asked}
    assert len(found) == 1
    assert rows.read_names == ["suits_all"]
    assert dict(policies._learning) == {}  # no lock outlives who needed it


def test_an_old_policy_is_learnt_again_and_the_oldest_is_given_up(
    behaving: Workspace, rows: GatedRows
) -> None:
    now = [0.0]
    policies = Policies(rows, clock=lambda: now[0])
    first = ask(behaving, policies, "suits_all")
    now[0] = FRESH_SECONDS - 1
    assert ask(behaving, policies, "suits_all") is first
    now[0] = FRESH_SECONDS
    assert ask(behaving, policies, "suits_all") is not first
    for number in range(MAX_KEPT):
        now[0] += 1
        policies._keep((f"other{number}", 1, "buys"), first)
    assert len(policies._kept) == MAX_KEPT
    assert ("suits_all", 1, "buys") not in policies._kept


def test_learning_that_failed_is_tried_again(behaving: Workspace, rows: GatedRows) -> None:
    policies = Policies(rows)
    database, rows._database = rows._database, None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        ask(behaving, policies, "suits_all")
    rows._database = database
    assert ask(behaving, policies, "suits_all").answer == "everybody"
