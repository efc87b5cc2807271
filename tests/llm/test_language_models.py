"""Both SDKs over HTTP against a server that answers well, badly, slowly or not at all."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import anyio
import pytest
from pydantic import BaseModel
from tests.llm.conftest import OpenModel
from tests.services.language_model_server import Behaviour, LanguageModelServer

from neonblue.errors import InvalidInputError, UnavailableError
from neonblue.llm.known_models import DEFAULTS, PRICES, price_of
from neonblue.llm.language_model import LanguageModel, ModelCall, open_language_model
from neonblue.llm.prompts import Prompt
from neonblue.llm.provider import ModelFailedError

PROMPT = Prompt(name="test", version=3, text="be brief")


class Reading(BaseModel):
    text: str


def ask(model: LanguageModel, content: str = "say something") -> Reading:
    return model.answer(Reading, prompt=PROMPT, content=content, context="what stays").value


def test_a_model_answers_with_the_wanted_shape(
    model: LanguageModel, endpoint: LanguageModelServer, calls: list[ModelCall]
) -> None:
    endpoint.will(Behaviour(text='{"text": "fine"}', cached_tokens=50))
    assert ask(model) == Reading(text="fine")
    for part in ("say something", "what stays", "be brief"):
        assert part in endpoint.sent()
    sent = endpoint.headers[0].get("x-api-key") or endpoint.headers[0]["authorization"]
    assert "key-" in sent
    assert endpoint.requests[0]["stream"] is True
    (call,) = calls
    assert call.prompt == "test@3"
    assert (call.outcome, call.exact) == ("ok", True)
    assert (call.input_tokens, call.cached_tokens, call.output_tokens) == (150, 50, 20)
    assert call.resolved_model.startswith(call.model)
    assert call.resolved_model != call.model
    assert call.latency_ms > 0
    assert call.cost_usd == pytest.approx((100 * 0.1 + 50 * 0.01 + 20 * 0.5) / 1e6)


def test_what_stays_is_marked_for_the_cache_and_stands_first(
    model: LanguageModel, endpoint: LanguageModelServer
) -> None:
    endpoint.will('{"text": "fine"}')
    ask(model)
    sent = endpoint.requests[0]
    if sent["path"].endswith("/messages"):
        first, last = sent["messages"][0]["content"]
        assert sent["system"][0]["cache_control"] == {"type": "ephemeral"}
        assert (first["text"], first["cache_control"]) == ("what stays", {"type": "ephemeral"})
        assert "cache_control" not in last
        assert sent["output_config"]["format"]["schema"]["required"] == ["text"]
    else:
        assert [one["content"] for one in sent["messages"]][:2] == ["be brief", "what stays"]
        assert sent["prompt_cache_key"] == "test@3"
        assert sent["response_format"]["json_schema"]["strict"] is True
        assert sent["store"] is False


def test_cheap_and_strong_are_two_models_unless_one_is_named(
    open_model: OpenModel, endpoint: LanguageModelServer
) -> None:
    endpoint.will('{"text": "fine"}')
    model = open_model()
    for strength in ("cheap", "strong"):
        model.answer(Reading, prompt=PROMPT, content="c", strength=strength)  # type: ignore[arg-type]
    provider = model.name("cheap").partition(":")[0]
    defaults = DEFAULTS[provider]
    assert [one["model"] for one in endpoint.requests] == [defaults["cheap"], defaults["strong"]]
    local = open_model(model="mine")
    assert local.name("cheap") == local.name("strong") == f"{provider}:mine"
    ask(local)
    assert "reasoning_effort" not in endpoint.requests[-1]
    assert "effort" not in endpoint.requests[-1].get("output_config", {})


def test_defaults_are_models_that_the_sdks_name_and_that_have_a_price() -> None:
    from anthropic.resources.messages.messages import DEPRECATED_MODELS
    from anthropic.types import ModelParam
    from openai.types.shared import ChatModel

    for strength in ("cheap", "strong"):
        claude = DEFAULTS["anthropic"][strength]  # type: ignore[index]
        assert claude in get_args(get_args(ModelParam)[0])
        assert claude not in DEPRECATED_MODELS
        assert DEFAULTS["openai"][strength] in get_args(ChatModel)  # type: ignore[index]
        assert {claude, DEFAULTS["openai"][strength]} <= PRICES.keys()  # type: ignore[index]
    assert price_of("claude-haiku-5-5-20261007") == price_of("claude-haiku-5-5")
    assert price_of("anything").output == max(price.output for price in PRICES.values())


FAILURES = {
    "another shape": (Behaviour(text='{"other": 1}'), "rambled"),
    "no JSON": (Behaviour(text="Sure! Here is your answer:"), "rambled"),
    "half of it": (Behaviour(text='{"text": "f', stop="length"), "rambled"),
    "endless": (Behaviour(text='{"text": "' + "x" * 20_000), "rambled"),
    "nothing": (Behaviour(text=""), "rambled"),
    "refusal": (Behaviour(text="", refusal="I would rather not"), "refused"),
    "bad request": (Behaviour(status=400), "failed"),
    "wrong key": (Behaviour(status=401), "failed"),
    "broken server": (Behaviour(status=500), "failed"),
    "overloaded": (Behaviour(status=529), "failed"),
    "busy amid the stream": (Behaviour(text='{"text": "fine"}', error_after=3), "failed"),
    "connection ends": (Behaviour(text='{"text": "' + "fine" * 40, break_after=4), "rambled"),
    "web page": (Behaviour(raw="<html>welcome to the proxy</html>"), "rambled"),
    "strange JSON": (Behaviour(raw='event: x\ndata: {"a": 1\n\n'), "failed"),
    "rate limit": (Behaviour(status=429, headers={"retry-after-ms": "1"}), "rate_limited"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_whatever_goes_wrong_is_one_error_that_is_recorded(
    name: str, model: LanguageModel, endpoint: LanguageModelServer, calls: list[ModelCall]
) -> None:
    behaviour, outcome = FAILURES[name]
    length = "max_tokens" if "anthropic" in model.name("cheap") else "length"
    if behaviour.stop:
        behaviour = Behaviour(text=behaviour.text, stop=length)
    endpoint.will(behaviour)
    with pytest.raises(ModelFailedError) as raised:
        ask(model)
    assert isinstance(raised.value, UnavailableError)
    assert raised.value.outcome in (outcome, "failed", "rambled")
    assert (raised.value.outcome == "refused") == (outcome == "refused")
    assert (raised.value.outcome == "rate_limited") == (outcome == "rate_limited")
    assert [call.outcome for call in calls] == [raised.value.outcome]
    assert (calls[0].cost_usd == 0) == (behaviour.status != 200)


def test_a_rate_limit_and_an_overload_are_tried_again_by_the_sdk(
    model: LanguageModel, endpoint: LanguageModelServer
) -> None:
    again = {"retry-after-ms": "1"}
    for status in (429, 500, 503):
        endpoint.requests.clear()
        endpoint.will(Behaviour(status=status, headers=again), '{"text": "fine"}')
        assert ask(model).text == "fine"
        assert len(endpoint.requests) == 2


SLOW = {
    "no answer": Behaviour(wait_seconds=60),
    "a trickle": Behaviour(text='{"text": "' + "x" * 4000 + '"}', trickle_seconds=0.2),
    "try again in an hour": Behaviour(status=429, headers={"retry-after": "3600"}),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_provider_is_left_at_the_deadline_and_then_not_waited_for(
    name: str, open_model: OpenModel, endpoint: LanguageModelServer, calls: list[ModelCall]
) -> None:
    model = open_model(timeout_seconds=0.8)
    endpoint.will(SLOW[name])
    began = time.monotonic()
    with pytest.raises(ModelFailedError) as raised:
        ask(model)
    assert time.monotonic() - began < 3
    timed_out = raised.value.outcome == "timeout"
    assert timed_out or (name, raised.value.outcome) == ("try again in an hour", "rate_limited")
    # Nobody knows what a call without an end cost, so the most it can have is kept.
    assert (calls[0].cost_usd > 0, calls[0].exact) == (timed_out, not timed_out)
    sent, began = len(endpoint.requests), time.monotonic()
    with pytest.raises(ModelFailedError, match="asked again in"):
        ask(model)
    assert time.monotonic() - began < 0.1
    assert len(endpoint.requests) == sent


async def test_a_cancelled_caller_closes_the_connection(
    open_model: OpenModel, endpoint: LanguageModelServer, calls: list[ModelCall]
) -> None:
    model = open_model(timeout_seconds=30)
    endpoint.will(Behaviour(wait_seconds=30))
    began = time.monotonic()
    with anyio.move_on_after(0.8):
        await anyio.to_thread.run_sync(ask, model)
    assert time.monotonic() - began < 3
    assert [call.outcome for call in calls] == ["cancelled"]
    while endpoint.gone == 0:
        assert time.monotonic() - began < 5
        await asyncio.sleep(0.01)


def test_two_calls_at_once_cannot_pass_the_budget_together(
    open_model: OpenModel, endpoint: LanguageModelServer, calls: list[ModelCall]
) -> None:
    """One alone fits: while it is in flight, what it may cost is set aside."""
    endpoint.will(Behaviour(text='{"text": "fine"}', wait_seconds=0.5))
    probe = open_model(budget_usd=0.0)
    with pytest.raises(ModelFailedError, match="up to") as raised:
        ask(probe)
    most = float(str(raised.value).partition("up to ")[2].split()[0])
    model = open_model(budget_usd=1.5 * most)
    ready = threading.Barrier(8)

    def one(_: int) -> str:
        ready.wait()
        try:
            return ask(model).text
        except ModelFailedError as error:
            return error.outcome

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(one, range(8)))
    assert outcomes == ["fine", *["over_budget"] * 7]
    assert len(endpoint.requests) == 1
    assert sum(call.cost_usd for call in calls) < most
    assert ask(model).text == "fine"  # settled at what it cost, there is room again


def test_a_budget_that_is_spent_is_said_without_a_call(
    open_model: OpenModel, endpoint: LanguageModelServer
) -> None:
    model = open_model(budget_usd=0.0)
    with pytest.raises(ModelFailedError, match="NEONBLUE_LLM_DAILY_BUDGET_USD") as raised:
        ask(model)
    assert raised.value.outcome == "over_budget"
    assert endpoint.requests == []


def test_a_local_model_costs_what_settings_say(
    open_model: OpenModel, endpoint: LanguageModelServer, calls: list[ModelCall]
) -> None:
    endpoint.will('{"text": "fine"}')
    ask(open_model(model="local", price="0/0", budget_usd=0.0))
    assert calls[0].cost_usd == 0
    ask(open_model(model="local"))
    assert calls[1].cost_usd == pytest.approx((100 * 10 + 20 * 50) / 1e6)


@pytest.mark.parametrize("price", ["2", "a/b", "-1/2", "nan/1", "1/2/3"])
def test_a_price_that_is_none_is_refused(price: str) -> None:
    with pytest.raises(InvalidInputError, match="NEONBLUE_LLM_PRICE"):
        open_language_model(provider="openai", openai_api_key="k", price=price)


def test_without_a_key_there_is_no_model() -> None:
    assert open_language_model() is None
    assert open_language_model(provider="none", openai_api_key="k") is None


def test_a_provider_without_its_key_is_an_error_that_names_it() -> None:
    with pytest.raises(UnavailableError, match="ANTHROPIC_API_KEY"):
        open_language_model(provider="anthropic")


def test_many_calls_at_once_each_get_their_own_answer(
    model: LanguageModel, endpoint: LanguageModelServer, calls: list[ModelCall]
) -> None:
    endpoint.will(*(json.dumps({"text": str(n)}) for n in range(20)), '{"text": "rest"}')
    with ThreadPoolExecutor(10) as pool:
        said = list(pool.map(lambda n: ask(model, str(n)).text, range(20)))
    assert sorted(said, key=int) == [str(n) for n in range(20)]
    assert len({call.call_id for call in calls}) == 20
