"""Tools with a language model behind them, over MCP, and without it where it is no help."""

import json
import time
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from fastmcp import Client
from tests.services.language_model_server import (
    Behaviour,
    LanguageModelServer,
    language_model_server,
)

from neonblue.memory.collections import EXPERIMENTS
from neonblue.stores.documents import Document
from neonblue.workspace import Workspace

LIFT = 0.0432


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[LanguageModelServer]:
    with language_model_server() as running:
        monkeypatch.setenv("NEONBLUE_LLM_BASE_URL", running.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
        monkeypatch.setenv("NEONBLUE_LLM_TIMEOUT_SECONDS", "6")
        yield running


@pytest.fixture
def remembered(endpoint: LanguageModelServer, workspace: Workspace) -> Workspace:
    text = "Checkout test. One page instead of three raised purchases by 4.3 %."
    document = Document(
        document_id="checkout-one-page",
        text=text,
        metadata={"improvement": LIFT, "outcome": "success", "type": "checkout"},
    )
    workspace.memory.remember(EXPERIMENTS, [document])
    assert workspace.memory.index_states.wait_until_ready(60)
    return workspace


def said(text: str, *ids: str) -> str:
    return json.dumps({"sentences": [{"text": text, "evidence": list(ids)}]})


async def search(client: "Client[Any]", query: str = "checkout tests") -> dict[str, Any]:
    result = await client.call_tool("semantic_experiment_search", {"query": query})
    return dict(result.structured_content or {})


async def test_a_search_is_summarised_by_the_model_and_the_call_recorded(
    remembered: Workspace, endpoint: LanguageModelServer, client: "Client[Any]"
) -> None:
    endpoint.will(said("checkout-one-page was a success with an improvement of 4.3 %.", "r1"))
    found = await search(client)
    assert "4.3 %" in found["summary"]
    assert found["narrated_by"] != "rules"
    (call,) = remembered.store.model_calls.newest()
    assert (call.tool, call.outcome, call.exact) == ("semantic_experiment_search", "ok", True)
    assert call.prompt.startswith("narrate@")
    assert call.cost_usd > 0
    assert call.latency_ms > 0
    assert call.resolved_model.startswith(call.model)


async def test_the_same_search_is_answered_by_rule_whatever_the_model_does(
    remembered: Workspace, endpoint: LanguageModelServer, client: "Client[Any]"
) -> None:
    behaviours = (
        said("checkout-one-page fell by 4.3 %.", "r1"),
        said("checkout-one-page was a success with an improvement of 43 %.", "r1"),
        Behaviour(status=500),
        Behaviour(text="", refusal="no"),
        Behaviour(wait_seconds=60),
    )
    for number, behaviour in enumerate(behaviours, 1):
        endpoint.will(behaviour)
        found = await search(client)
        assert found["narrated_by"] == "rules"
        assert found["summary"].startswith("1 found, nearest checkout-one-page")
        assert found["detail"]
        assert len(remembered.store.model_calls.newest()) == number


async def test_users_in_a_question_stay_here(
    remembered: Workspace, endpoint: LanguageModelServer, client: "Client[Any]"
) -> None:
    remembered.store.database.command(
        "INSERT INTO events (user_id, event_type) VALUES ('zebra-77', 'purchase')"
    )
    endpoint.will(said("", "r1"))
    await search(client, "what did zebra-77, and ann@example.org see of checkout tests?")
    assert len(endpoint.requests) == 1
    assert "checkout tests" in endpoint.sent()
    assert "zebra-77" not in endpoint.sent()
    assert "ann@" not in endpoint.sent()


async def test_a_cancelled_tool_call_lets_the_model_go(
    remembered: Workspace,
    endpoint: LanguageModelServer,
    client: "Client[Any]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endpoint.will(Behaviour(wait_seconds=60))
    began = time.monotonic()
    with anyio.move_on_after(1.0):
        await search(client)
    while endpoint.gone == 0:
        assert time.monotonic() - began < 5
        await anyio.sleep(0.02)
