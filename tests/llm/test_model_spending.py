"""What language models cost is shown by day and model, with what is left of the budget."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from neonblue.cli.models import _line
from neonblue.jobs.models import run
from neonblue.settings import StoreSettings
from neonblue.stores.model_calls import ModelCallRow
from neonblue.workspace import Workspace


def call(number: int, **changed: Any) -> ModelCallRow:
    values: dict[str, Any] = {
        "call_id": f"c{number}", "tool": "natural_language_query", "prompt": "plan@2",
        "provider": "anthropic", "model": "strong", "resolved_model": "strong-1", "outcome": "ok",
        "input_tokens": 1000, "cached_tokens": 400, "cache_write_tokens": 0, "output_tokens": 50,
        "latency_ms": 10.0, "cost_usd": 0.25, "exact": True,
    }  # fmt: skip
    return ModelCallRow(**(values | changed))


@pytest.fixture
def opened(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NEONBLUE_LLM_DAILY_BUDGET_USD", "2")
    workspace = Workspace(StoreSettings(data_dir=tmp_path))
    yield workspace
    workspace.close()


def test_calls_are_summed_by_day_and_model_and_set_against_the_budget(opened: Workspace) -> None:
    calls = opened.store.model_calls
    calls.add(call(1))
    calls.add(call(2, outcome="timeout", cost_usd=0.5, exact=False, output_tokens=0))
    calls.add(call(3, model="cheap", cost_usd=0.01))
    found = run(opened, {"days": 7}, lambda *_: None)
    assert found["models"] == []
    assert [row["model"] for row in found["days"]] == ["anthropic:cheap", "anthropic:strong"]
    strong = found["days"][1]
    assert (strong["calls"], strong["answered"], strong["exact"]) == (2, 1, 1)
    assert (strong["input_tokens"], strong["cached_tokens"]) == (2000, 800)
    assert strong["cost_usd"] == pytest.approx(0.75)
    assert found["spent_today_usd"] == pytest.approx(0.76)
    assert found["left_today_usd"] == pytest.approx(1.24)
    assert _line(strong).endswith("50 generated, 0.7500 USD at most")


def test_days_before_those_asked_for_are_not_shown(opened: Workspace) -> None:
    opened.store.model_calls.add(call(1))
    old = datetime.now(UTC) - timedelta(days=3)
    opened.store.database.command(
        "INSERT INTO model_calls SELECT * REPLACE ("
        f"toDateTime64('{old:%Y-%m-%d %H:%M:%S}', 3, 'UTC')"
        " AS called_at, 'c2' AS call_id) FROM model_calls"
    )
    days = [len(run(opened, {"days": n}, lambda *_: None)["days"]) for n in (1, 3, 4)]
    assert days == [1, 1, 2]
