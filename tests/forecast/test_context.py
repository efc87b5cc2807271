"""What the memory adds to an analysis."""

import time
from typing import TYPE_CHECKING, Any

import pytest

from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.context import context_of
from neonblue.intelligence.forecast.past import read_past
from neonblue.intelligence.forecast.plan import ForecastPlan, described_experiment
from neonblue.intelligence.recollection.learning import learn
from neonblue.memory.library import Memory
from neonblue.stores import Store
from neonblue.workspace import Workspace

from .test_forecast import NOW
from .worlds import finish

if TYPE_CHECKING:
    from fastmcp import Client


@pytest.fixture
def past(store: Store, memory: Memory) -> Store:
    for number, rate in enumerate((0.108, 0.11, 0.112, 0.1, 0.101)):
        finish(
            store,
            f"annual_{number}",
            treatment=rate,
            change=f"annual plan shown first on the pricing page, design {number}",
        )
    finish(
        store,
        "now",
        treatment=0.104,
        n=3000,
        status="running",
        change="annual plan shown first on the pricing page, in a table",
    )
    learn(store, memory)
    return store


def test_an_analysis_is_told_what_its_likes_did(past: Store, memory: Memory) -> None:
    found = context_of(lambda: memory, analyze(past, "now", now=NOW))
    assert {item.past.experiment_id for item in found.similar} < {f"annual_{n}" for n in range(5)}
    assert found.outlook is not None
    assert 0.03 < found.outlook.expected_lift < 0.1
    assert found.outlook.lift_lower < found.outlook.expected_lift < found.outlook.lift_upper


def test_an_analysis_does_not_wait_for_what_just_finished(past: Store, memory: Memory) -> None:
    analysis = analyze(past, "now", now=NOW)
    before = context_of(lambda: memory, analysis)
    finish(past, "annual_5", treatment=0.111, change="annual plan first on the pricing page, again")
    learn(past, memory)
    assert context_of(lambda: memory, analysis).similar_detail == before.similar_detail
    until = time.monotonic() + 30
    while context_of(lambda: memory, analysis).similar_detail == before.similar_detail:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert "6 finished" in context_of(lambda: memory, analysis).similar_detail


def test_a_forecast_knows_what_just_finished(past: Store, memory: Memory) -> None:
    plan = ForecastPlan(experiment=described_experiment("next", name="annual plan shown first"))
    before = read_past(memory, plan)
    finish(past, "annual_5", treatment=0.111, change="annual plan first on the pricing page, again")
    learn(past, memory)
    after = read_past(memory, plan)
    assert before is not None
    assert after is not None
    assert (before.experiments, after.experiments) == (5, 6)
    assert read_past(memory, plan) is after


async def test_the_analysis_names_similar_experiments(
    workspace: Workspace, client: "Client[Any]"
) -> None:
    for number, rate in enumerate((0.108, 0.11, 0.112, 0.1)):
        finish(
            workspace.store,
            f"annual_{number}",
            treatment=rate,
            change=f"annual plan shown first on the pricing page, design {number}",
        )
    workspace.learner.catch_up(at_once=True)
    result = await client.call_tool("analyze_experiment_performance", {"experiment_id": "annual_0"})
    answer = result.structured_content
    assert answer is not None
    similar = answer["similar_experiment_insights"]
    assert similar["status"] == "available"
    assert "annual_0" not in {item["experiment_id"] for item in similar["experiments"]}
    assert answer["predicted_outcomes"]["status"] == "not_available"


async def test_an_analysis_survives_a_memory_that_is_away(
    workspace: Workspace, client: "Client[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEONBLUE_EMBEDDING_PROVIDER", "openai")
    finish(workspace.store, "alone", treatment=0.11)
    result = await client.call_tool("analyze_experiment_performance", {"experiment_id": "alone"})
    assert result.structured_content is not None
    similar = result.structured_content["similar_experiment_insights"]
    assert similar["status"] == "not_available"
    assert "OPENAI_API_KEY" in similar["detail"]
