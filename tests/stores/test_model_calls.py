"""Calls of language models are kept with their cost, and a day's budget outlives the process."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from neonblue.llm.budget import Budget
from neonblue.llm.provider import ModelFailedError
from neonblue.stores import Store
from neonblue.stores.model_calls import ModelCallRow

CALL = ModelCallRow(
    call_id="a",
    tool="natural_language_query",
    prompt="plan@1",
    provider="anthropic",
    model="m",
    resolved_model="m-1",
    outcome="ok",
    input_tokens=100,
    cached_tokens=50,
    cache_write_tokens=0,
    output_tokens=20,
    latency_ms=812.5,
    cost_usd=0.6,
    exact=True,
)


def test_calls_are_given_back_and_their_cost_counts_for_their_day(store: Store) -> None:
    now = datetime.now(UTC)
    store.model_calls.add(CALL)
    store.model_calls.add(replace(CALL, call_id="b", outcome="timeout", exact=False))
    assert {call.call_id: call.exact for call in store.model_calls.newest()} == {
        "a": True,
        "b": False,
    }
    assert CALL in store.model_calls.newest()
    assert store.model_calls.spent_since(now - timedelta(hours=1)) == pytest.approx(1.2)
    assert store.model_calls.spent_since(now + timedelta(hours=1)) == 0


def test_a_budget_knows_what_was_spent_before_it_was_opened(store: Store) -> None:
    moment = datetime.now(UTC)
    store.model_calls.add(CALL)
    budget = Budget(1.0, store.model_calls.spent_since, now=lambda: moment)
    budget.reserve(0.3)
    with pytest.raises(ModelFailedError, match=r"0\.6000 spent, 0\.3000 in flight"):
        budget.reserve(0.2)
    moment += timedelta(days=1)
    budget.reserve(0.6)


def test_what_no_table_has_counts_as_well_until_midnight() -> None:
    moment = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
    budget = Budget(1.0, now=lambda: moment)
    budget.reserve(0.8)
    budget.settle(0.8, 0.7, recorded=False)
    with pytest.raises(ModelFailedError):
        budget.reserve(0.4)
    moment += timedelta(hours=2)
    budget.reserve(0.4)
