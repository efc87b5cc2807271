"""One call says of every experiment what was found last, and nothing that no look has shown."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.models.close_names import close_names
from neonblue.servers.hub import build
from neonblue.stores.verdicts import RecordedVerdict
from neonblue.workspace import Workspace, open_workspace

NOW = datetime(2026, 10, 20, tzinfo=UTC)
METRICS = (MetricDefinition(name="purchase", kind="proportion", event_type="purchase"),)


def plan(experiment_id: str, **fields: Any) -> Experiment:
    variants = (Variant(variant_id="control", is_control=True), Variant(variant_id="b"))
    return Experiment(experiment_id=experiment_id, variants=variants, metrics=METRICS, **fields)


def verdict(name: str, decision: str, validity: str = "valid", **fields: Any) -> RecordedVerdict:
    return RecordedVerdict(
        experiment_id=name,
        looked_at=NOW,
        status="running",
        decision=decision,
        validity=validity,
        detail=f"sample_ratio: {name}" if validity == "invalid" else "",
        **{"version": 1, **fields},
    )


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("NEONBLUE_DATA_DIR", str(tmp_path))
    with open_workspace() as opened:
        store = opened.store
        began = NOW - timedelta(days=10)
        store.experiments.save(plan("checkout_one_page", name="One page", started_at=began))
        store.experiments.save(plan("search_box", name="Search", started_at=began))
        for name, ended in (("old", 60), ("recent", 10)):
            store.experiments.save(
                plan(
                    name,
                    status="stopped",
                    started_at=NOW - timedelta(days=90),
                    ended_at=NOW - timedelta(days=ended),
                )
            )
        store.verdicts.append(verdict("search_box", "invalid", "invalid"))
        store.verdicts.append(
            verdict(
                "recent",
                "ship",
                metric="purchase",
                variant_id="b",
                absolute_difference=0.0334,
                ci_lower=0.0228,
                ci_upper=0.0441,
                relative_lift=0.286,
                relative_ci_lower=0.19,
                relative_ci_upper=0.39,
            )
        )
        yield opened


@pytest.fixture
async def client(workspace: Workspace) -> AsyncIterator[Client[Any]]:
    async with Client(build()) as connected:
        yield connected


async def rows(client: Client[Any], **arguments: Any) -> dict[str, dict[str, Any]]:
    found = await client.call_tool("list_experiments", arguments)
    answer = found.structured_content or {}
    return {row["experiment_id"]: row for row in answer["experiments"]}


async def test_what_is_broken_and_why_is_one_call(client: Client[Any]) -> None:
    found = await rows(client, validity="invalid")
    assert list(found) == ["search_box"]
    assert found["search_box"]["detail"] == "sample_ratio: search_box"
    assert "effect" not in found["search_box"]


async def test_an_empty_answer_says_how_many_nobody_has_looked_at(client: Client[Any]) -> None:
    answer = await client.call_tool("list_experiments", {"decision": "rollback"})
    assert answer.structured_content["total"] == 0
    assert "2 have no verdict (validity=unknown)" in answer.structured_content["detail"]


async def test_what_ended_in_a_month_comes_with_its_effect(client: Client[Any]) -> None:
    found = await rows(client, ended_since="2026-10-01", ended_until="2026-11-01")
    assert list(found) == ["recent"]
    row = found["recent"]
    assert (row["decision"], row["effect"]) == ("ship", "+3.3 pp (+2.3 to +4.4)")
    assert (row["relative_lift"], row["relative_ci_lower"]) == (0.286, 0.19)
    assert row["days"] == 80.0
    assert list(await rows(client, ended_until="2026-10-01")) == ["old"]


async def test_filters_by_verdict_and_by_words(client: Client[Any]) -> None:
    assert list(await rows(client, decision="ship")) == ["recent"]
    assert set(await rows(client, validity="unknown")) == {"old", "checkout_one_page"}
    assert list(await rows(client, text="page checkout")) == ["checkout_one_page"]
    assert list(await rows(client, text="page search")) == []


async def test_a_verdict_of_another_version_is_not_shown(
    workspace: Workspace, client: Client[Any]
) -> None:
    workspace.store.verdicts.append(verdict("checkout_one_page", "ship", version=7))
    row = (await rows(client, text="checkout"))["checkout_one_page"]
    assert "decision" not in row
    assert row["validity"] == "unknown"


async def test_a_list_shows_what_a_look_has_recorded_and_looks_at_nothing(
    workspace: Workspace, client: Client[Any], add_units: Callable[..., None]
) -> None:
    add_units("checkout_one_page", {"control": 0.1, "b": 0.1}, 400)
    await rows(client)
    assert workspace.store.looks.history("checkout_one_page") == ()
    arguments = {"experiment_id": "checkout_one_page"}
    await client.call_tool("analyze_experiment_performance", arguments)
    row = (await rows(client, text="checkout"))["checkout_one_page"]
    assert row["decision"] in ("keep_running", "invalid")
    assert "looked_at" in row
    looks = len(workspace.store.looks.history("checkout_one_page"))
    await rows(client)
    assert len(workspace.store.looks.history("checkout_one_page")) == looks > 0


async def test_a_part_of_a_name_leads_to_it(client: Client[Any]) -> None:
    answer = await client.call_tool(
        "analyze_experiment_performance", {"experiment_id": "checkout"}, raise_on_error=False
    )
    assert answer.is_error
    assert "did you mean 'checkout_one_page'" in answer.content[0].text


def test_names_with_all_words_are_close_before_those_of_like_spelling() -> None:
    known = ["check_in", "checkout_one_page", "checkouts"]
    assert close_names("Checkout", known) == ["checkout_one_page", "checkouts", "check_in"]
    assert close_names("checkout", [*known, "checkout"])[0] == "checkout"
