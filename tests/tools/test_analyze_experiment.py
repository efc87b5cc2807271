"""analyze_experiment_performance and diagnose_experiment over MCP, on the demo world."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from neonblue.jobs.demo import run
from neonblue.servers.hub import build
from neonblue.workspace import Workspace, open_workspace

KEYS = [
    "experiment_id",
    "summary",
    "status",
    "verdict",
    "statistical_significance",
    "confidence_interval",
    "validity",
    "look",
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The demo world, built once; the environment is set for the whole module."""
    directory: Path = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEONBLUE_DATA_DIR", str(directory))
        with open_workspace() as opened:
            arguments = {"seed": 7, "now": datetime.now(UTC).isoformat()}
            run(opened, arguments, lambda *_: None)
            yield opened


@pytest.fixture
async def client(world: Workspace, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client[Any]]:
    monkeypatch.setenv("NEONBLUE_DATA_DIR", str(world.settings.data_dir))
    async with Client(build()) as connected:
        yield connected


async def analysis(client: Client[Any], experiment_id: str, **arguments: Any) -> dict[str, Any]:
    arguments["experiment_id"] = experiment_id
    result = await client.call_tool("analyze_experiment_performance", arguments)
    return dict(result.structured_content or {})


@pytest.mark.parametrize(
    ("experiment_id", "decision"),
    [
        ("checkout_one_page", "ship"),
        ("forced_signup", "rollback"),
        ("footer_colour", "no_meaningful_effect"),
        ("search_suggestions", "invalid"),
        ("free_returns_banner", "keep_running"),
    ],
)
async def test_the_verdict_is_the_truth(
    client: Client[Any], experiment_id: str, decision: str
) -> None:
    assert (await analysis(client, experiment_id))["verdict"]["decision"] == decision


async def test_the_verdict_comes_first_and_lists_last(client: Client[Any]) -> None:
    answer = await analysis(client, "checkout_one_page")
    assert list(answer)[: len(KEYS)] == KEYS
    assert list(answer)[-3:] == ["looks", "details", "charts"]


async def test_text_and_structured_content_agree(client: Client[Any]) -> None:
    result = await client.call_tool(
        "analyze_experiment_performance", {"experiment_id": "footer_colour"}
    )
    assert json.loads(result.content[0].text) == result.structured_content


async def test_an_invalid_experiment_shows_no_effect_anywhere(client: Client[Any]) -> None:
    answer = await analysis(client, "search_suggestions", detail="full", segment_by="country")
    assert [metric["comparisons"] for metric in answer["metrics"]] == [[], [], []]
    assert answer["confidence_interval"]["status"] == "withheld"
    assert answer["statistical_significance"]["status"] == "withheld"
    assert answer["segments"]["segments"] == []


async def test_fixed_horizon_is_withheld_whatever_is_asked(client: Client[Any]) -> None:
    for arguments in ({}, {"detail": "full"}, {"metrics": ["purchase"]}, {"segment_by": "device"}):
        answer = await analysis(client, "free_returns_banner", **arguments)
        shown = [c.get("fixed_horizon") for m in answer["metrics"] for c in m["comparisons"]]
        assert set(shown) == {None}


async def test_metrics_narrow_the_list_and_not_the_verdict(client: Client[Any]) -> None:
    answer = await analysis(client, "forced_signup", metrics=["revenue"])
    assert [metric["metric"] for metric in answer["metrics"]] == ["revenue"]
    assert answer["verdict"]["decision"] == "rollback"


async def test_an_unknown_metric_names_the_known_ones(client: Client[Any]) -> None:
    result = await client.call_tool(
        "analyze_experiment_performance",
        {"experiment_id": "forced_signup", "metrics": ["sales"]},
        raise_on_error=False,
    )
    assert result.is_error
    assert "'sales'" in result.content[0].text
    assert "purchase" in result.content[0].text


@pytest.mark.parametrize(
    "arguments",
    [
        {"chart": "sequence"},
        {"chart": "forest", "segment_by": "country"},
        {"chart": "allocation"},
    ],
)
async def test_charts_are_png_beside_the_answer(
    client: Client[Any], arguments: dict[str, str]
) -> None:
    result = await client.call_tool(
        "analyze_experiment_performance", {"experiment_id": "checkout_one_page"} | arguments
    )
    assert [block.type for block in result.content] == ["text", "image", "resource_link"]
    assert result.content[1].mime_type == "image/png"
    assert result.structured_content["verdict"]["decision"] == "ship"


async def test_the_old_sdk_is_named_first(client: Client[Any]) -> None:
    result = await client.call_tool("diagnose_experiment", {"experiment_id": "search_suggestions"})
    answer = result.structured_content
    first = answer["findings"][0]
    evidence = {item["name"]: item["value"] for item in first["evidence"]}
    assert answer["trust"] == "not_trusted"
    assert (evidence["dimension"], evidence["values"]) == ("sdk_version", ["<data>3.9.1</data>"])
    assert first["side"] == "capture"


async def test_names_are_fenced(client: Client[Any]) -> None:
    answer = await analysis(client, "checkout_one_page")
    assert answer["name"] == "<data>One-page checkout</data>"


async def test_answers_stay_short(client: Client[Any]) -> None:
    result = await client.call_tool(
        "analyze_experiment_performance", {"experiment_id": "checkout_one_page"}
    )
    assert len(result.content[0].text) < 10_000


async def test_the_memory_gives_context_and_no_verdict(client: Client[Any]) -> None:
    answer = await analysis(client, "free_returns_banner")
    insights = answer["similar_experiment_insights"]
    assert insights["status"] == "available"
    assert insights["experiments"][0]["experiment_id"].startswith("past_")
    assert answer["predicted_outcomes"]["status"] == "available"
    assert 0 < answer["predicted_outcomes"]["chance_to_win"] < 1


async def test_earlier_looks_are_listed_on_request(client: Client[Any]) -> None:
    before = len((await analysis(client, "forced_signup", detail="full"))["looks"])
    after = (await analysis(client, "forced_signup", detail="full"))["looks"]
    assert len(after) == before + 1
    assert after[-1]["running_p_value"] < 0.05


@pytest.mark.parametrize(
    ("experiment_id", "said"),
    [
        (
            "checkout_one_page",
            ("One-page checkout: ship 'one page'.", " pp (", "% relative (", "of users", "Next: "),
        ),
        ("forced_signup", ("stop 'sign-up first', it does harm", "worse with p < 0.0001")),
        ("footer_colour", ("makes no difference that matters", "one test at the end")),
        ("search_suggestions", ("invalid, read no effect from it", "Sample ratio: ")),
        ("free_returns_banner", ("keep it running, nothing is decided yet", "more days")),
    ],
)
async def test_the_summary_can_be_forwarded(
    client: Client[Any], experiment_id: str, said: tuple[str, ...]
) -> None:
    summary = (await analysis(client, experiment_id))["summary"]
    for words in said:
        assert words in summary
    assert "adjusted p" not in summary


async def test_a_concise_answer_folds_what_says_nothing(client: Client[Any]) -> None:
    answer = await analysis(client, "checkout_one_page")
    assert answer["validity"]["checks"] == []
    assert "sample_ratio" in answer["validity"]["passed"]
    assert ": null" not in json.dumps(answer)
    shown = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    assert len(shown) < 4 * 1600
    full = await analysis(client, "checkout_one_page", detail="full")
    assert {check["status"] for check in full["validity"]["checks"]} == {"pass"}
    assert full["verdict"]["eta_days"] is None


async def test_a_report_is_a_page_with_pictures_that_can_be_fetched(client: Client[Any]) -> None:
    result = await client.call_tool(
        "analyze_experiment_performance",
        {"experiment_id": "checkout_one_page", "detail": "report", "segment_by": "country"},
    )
    answer = result.structured_content
    page = answer["report"]
    assert page.startswith("# One-page checkout\n")
    assert "| purchase (primary) | one page | " in page
    uris = [chart["uri"] for chart in answer["charts"]]
    assert [chart["chart"] for chart in answer["charts"]] == ["sequence", "forest"]
    links = [block for block in result.content if block.type == "resource_link"]
    assert [str(link.uri) for link in links] == uris
    for uri in uris:
        assert f"]({uri})" in page
        (contents,) = await client.read_resource(uri)
        assert base64.b64decode(contents.blob).startswith(b"\x89PNG")


async def test_a_chart_that_cannot_be_drawn_says_why(client: Client[Any]) -> None:
    answer = await analysis(client, "search_suggestions", chart="sequence")
    (chart,) = answer["charts"]
    assert "uri" not in chart
    assert "withheld" in chart["detail"]
    (split,) = (await analysis(client, "search_suggestions", chart="allocation"))["charts"]
    assert "off by sdk_version" in split["detail"]


async def test_a_chart_is_of_the_metric_that_was_asked_for(client: Client[Any]) -> None:
    answer = await analysis(client, "checkout_one_page", chart="sequence", metrics=["revenue"])
    assert answer["charts"][0]["detail"].startswith("revenue, one page: +")


async def test_what_an_analyst_asks_next_stands_beside_the_effect(client: Client[Any]) -> None:
    answer = await analysis(client, "checkout_one_page", segment_by="country")
    compared = answer["metrics"][0]["comparisons"][0]
    assert compared["covariate"] == "visits_before"
    assert compared["shrunk_ci_lower"] < compared["shrunk_relative_lift"]
    assert compared["shrunk_relative_lift"] < compared["shrunk_ci_upper"]
    assert 0 < compared["detectable_lift"] < compared["relative_lift"]
    worth = answer["impact"]
    assert worth["ci_lower"] < worth["per_month"] < worth["ci_upper"]
    assert worth["units_per_day"] == pytest.approx(30_000 / 16, rel=0.02)
    segment = answer["segments"]["segments"][0]
    assert segment["relative_ci_lower"] < segment["relative_lift"] < segment["relative_ci_upper"]
    assert {"mean_control", "mean_treatment", "p_value_difference"} <= set(segment)
    early = await analysis(client, "free_returns_banner")
    left = early["look"]["planned_units"] - early["look"]["units"]
    days = early["look"]["days_to_planned_units"]
    assert days == pytest.approx(left / early["look"]["units_per_day"], rel=1e-5)
