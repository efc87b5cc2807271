"""The one interface to a language model, and how a configured one is opened.

A model may explain, plan and phrase; it never decides. Nothing in the project needs one: without
a key ``open_language_model`` answers ``None`` and rules write every text.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ValidationError

from neonblue.errors import InvalidInputError, NeonBlueError, UnavailableError
from neonblue.llm.budget import Budget
from neonblue.llm.call_loop import CallLoop
from neonblue.llm.known_models import DEFAULTS, Price, Strength, price_of
from neonblue.llm.prompts import Prompt
from neonblue.llm.provider import (
    MAX_RETRIES,
    MAX_TOKENS,
    ModelFailedError,
    Outcome,
    Provider,
    Request,
    Usage,
)

LanguageModelProvider = Literal["anthropic", "openai", "none"]
Answer = TypeVar("Answer", bound=BaseModel)
LONGEST_NAME = 100
REST_SECONDS = 30.0
"""A provider that did not answer, or had no room, is left alone for so long."""
DEFAULT_TIMEOUT_SECONDS = 20.0
DEFAULT_BUDGET_USD = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One call as it is recorded. ``cost_usd`` is the most it can have cost where the provider did
    not count (``exact`` is false)."""

    call_id: str
    prompt: str
    provider: str
    model: str
    resolved_model: str
    outcome: Outcome
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    latency_ms: float
    cost_usd: float
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Generic[Answer]):
    """A validated object, and the call that it came from."""

    value: Answer
    call: ModelCall


Record = Callable[[ModelCall], bool]


def _unrecorded(call: ModelCall) -> bool:
    return False


class LanguageModel:
    """Answers prompts with objects of a wanted shape, within time and budget."""

    def __init__(
        self,
        provider: Provider[Any],
        models: Mapping[Strength, str],
        *,
        budget: Budget,
        price: Price | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        record: Record = _unrecorded,
    ) -> None:
        self._provider, self._models = provider, models
        self._budget, self._price, self._record = budget, price, record
        self._timeout_seconds = timeout_seconds
        self._loop = CallLoop()
        self._guard = threading.Lock()
        self._resting_until = 0.0

    def name(self, strength: Strength) -> str:
        """``provider:model``, as results name it in ``narrated_by``."""
        return f"{self._provider.name}:{self._models[strength]}"

    def answer(
        self,
        shape: type[Answer],
        *,
        prompt: Prompt,
        content: str,
        context: str = "",
        strength: Strength = "cheap",
    ) -> Reply[Answer]:
        """One validated object after one call.

        Raises ``ModelFailedError`` when the model fails, is slow, refuses or rambles, when its
        answer has another shape, when the budget does not cover the call, and at once while the
        provider rests after it did not answer.
        """
        self._check_rest()
        request = Request(
            model=self._models[strength],
            shape=shape,
            name=prompt.label,
            instructions=prompt.text,
            context=context,
            content=content,
        )
        price = self._price or price_of(request.model)
        most = _most(request, price)
        self._budget.reserve(most)
        return self._reserved_call(request, price, most)

    def close(self) -> None:
        """Close connections and end the thread of the calls."""
        self._loop.close(self._provider.close())

    def _reserved_call(self, request: Request, price: Price, most: float) -> Reply[Any]:
        usage, began = Usage(), time.perf_counter()
        outcome: Outcome = "cancelled"
        call: ModelCall | None = None
        try:
            self._provider.open()
            text = self._loop.run(self._provider.ask(request, usage), seconds=self._timeout_seconds)
            value = _validated(request.shape, text)
            outcome = "ok"
        except ModelFailedError as error:
            outcome = error.outcome
            if outcome in ("timeout", "rate_limited"):
                self._rest()
            raise
        except BaseException as error:
            outcome = "failed" if isinstance(error, Exception) else "cancelled"
            raise
        finally:
            call = _call(request, self._provider.name, usage, price, most, outcome, began)
            self._settle(call, most)
        return Reply(value=value, call=call)

    def _settle(self, call: ModelCall, reserved: float) -> None:
        try:
            recorded = self._record(call)
        except NeonBlueError:
            recorded = False
        self._budget.settle(reserved, call.cost_usd, recorded=recorded)

    def _check_rest(self) -> None:
        left = self._resting_until - time.monotonic()
        if left > 0:
            raise ModelFailedError(
                "the language model did not answer a moment ago, or had no room: it is asked again "
                f"in {left:.0f} seconds",
                "timeout",
            )

    def _rest(self) -> None:
        with self._guard:
            self._resting_until = time.monotonic() + REST_SECONDS


def _validated(shape: type[BaseModel], text: str) -> BaseModel:
    try:
        return shape.model_validate_json(text)
    except ValidationError as error:
        raise ModelFailedError(
            f"the language model's answer is not of the shape that was asked for "
            f"({error.error_count()} faults)",
            "rambled",
        ) from error


def _most(request: Request, price: Price) -> float:
    """What the call can cost at most: no token has less than one byte, and each try may count."""
    schema = str(request.shape.model_json_schema())
    read = sum(
        len(text.encode())
        for text in (request.instructions, request.context, request.content, schema)
    )
    once = price.of(fresh=0, cached=0, cache_write=read, output=MAX_TOKENS)
    return max(once, price.of(fresh=read, cached=0, cache_write=0, output=MAX_TOKENS)) * (
        1 + MAX_RETRIES
    )


def _call(
    request: Request,
    provider: str,
    usage: Usage,
    price: Price,
    most: float,
    outcome: Outcome,
    began: float,
) -> ModelCall:
    unpaid = outcome in ("failed", "rate_limited") and not usage.began
    cost = 0.0 if unpaid else most
    if usage.complete:
        cost = price.of(
            fresh=usage.fresh or 0,
            cached=usage.cached,
            cache_write=usage.cache_write,
            output=usage.output or 0,
        )
    return ModelCall(
        call_id=uuid4().hex,
        prompt=request.name,
        provider=provider,
        model=request.model,
        resolved_model=usage.model[:LONGEST_NAME],
        outcome=outcome,
        input_tokens=(usage.fresh or 0) + usage.cached + usage.cache_write,
        cached_tokens=usage.cached,
        cache_write_tokens=usage.cache_write,
        output_tokens=usage.output or 0,
        latency_ms=1000 * (time.perf_counter() - began),
        cost_usd=cost,
        exact=usage.complete or unpaid,
    )


def open_language_model(
    *,
    provider: LanguageModelProvider | None = None,
    model: str | None = None,
    cheap_model: str | None = None,
    base_url: str | None = None,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    price: str | None = None,
    budget: Budget | None = None,
    record: Record = _unrecorded,
    anthropic_api_key: str | None = None,
    openai_api_key: str | None = None,
) -> LanguageModel | None:
    """The configured model; without a provider, that of the key there is; else ``None``.

    ``model`` is for what is hard and, unless ``cheap_model`` names another, for all else. ``price``
    is dollars a million tokens, read and generated: ``"2/10"``.
    """
    chosen = provider or _provider_of_key(anthropic_api_key, openai_api_key)
    if chosen == "none":
        return None
    api_key = anthropic_api_key if chosen == "anthropic" else openai_api_key
    if not api_key:
        raise UnavailableError(
            f"the language model provider is {chosen!r} but there is no key: set "
            f"{chosen.upper()}_API_KEY, or NEONBLUE_LLM_PROVIDER=none to let rules write"
        )
    defaults = DEFAULTS[chosen]
    return LanguageModel(
        _provider(chosen, api_key, base_url, timeout_seconds),
        {
            "strong": model or defaults["strong"],
            "cheap": cheap_model or model or defaults["cheap"],
        },
        budget=budget or Budget(DEFAULT_BUDGET_USD),
        price=_price(price),
        timeout_seconds=timeout_seconds,
        record=record,
    )


def _provider(
    chosen: LanguageModelProvider, api_key: str, base_url: str | None, seconds: float
) -> Provider[Any]:
    if chosen == "anthropic":
        from neonblue.llm.anthropic_provider import AnthropicProvider

        return AnthropicProvider(api_key, base_url=base_url, timeout_seconds=seconds)
    from neonblue.llm.openai_provider import OpenAIProvider

    return OpenAIProvider(api_key, base_url=base_url, timeout_seconds=seconds)


def _price(text: str | None) -> Price | None:
    if text is None:
        return None
    try:
        read, generated = (float(part) for part in text.split("/"))
    except ValueError as error:
        raise InvalidInputError(
            f"NEONBLUE_LLM_PRICE={text!r} cannot be used: give US dollars a million tokens, read "
            "and generated, as 2/10"
        ) from error
    if not (0 <= read < 1e6 and 0 <= generated < 1e6):
        raise InvalidInputError(f"NEONBLUE_LLM_PRICE={text!r} cannot be used: it is no price")
    return Price(input=read, output=generated, cached=read, cache_write=1.25 * read)


def _provider_of_key(anthropic_key: str | None, openai_key: str | None) -> LanguageModelProvider:
    if anthropic_key:
        return "anthropic"
    return "openai" if openai_key else "none"
