"""OpenAI's chat completions, streamed, and local servers that speak them, behind our interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neonblue.llm.known_models import takes_effort
from neonblue.llm.provider import (
    MAX_CHARACTERS,
    MAX_TOKENS,
    Provider,
    Request,
    Terms,
    Usage,
    rambled,
    refused,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI


class OpenAIProvider(Provider["AsyncOpenAI"]):
    """GPT models, or any server with the same API and answers that keep to a JSON schema.

    Chat completions and not responses: local servers honour a schema only there.
    """

    name = "openai"
    key = "OPENAI_API_KEY"

    def _connected(self, terms: Terms) -> AsyncOpenAI:
        from openai import AsyncOpenAI

        return AsyncOpenAI(**terms)

    def _errors(self) -> tuple[type[Exception], type[Exception]]:
        import openai

        return openai.RateLimitError, openai.APITimeoutError

    async def _stream(self, client: AsyncOpenAI, request: Request, usage: Usage) -> str:
        parts: list[str] = []
        length, stopped, refusal = 0, "", ""
        stream = await client.chat.completions.create(**_body(request))
        usage.began = True
        async with stream:
            async for chunk in stream:
                usage.model = chunk.model or usage.model
                if chunk.usage is not None:
                    _count(usage, chunk.usage)
                for choice in chunk.choices[:1]:
                    stopped = choice.finish_reason or stopped
                    refusal += choice.delta.refusal or ""
                    parts.append(choice.delta.content or "")
                    length += len(parts[-1])
                    if length > MAX_CHARACTERS:
                        raise rambled()
        if refusal or stopped == "content_filter":
            raise refused(stopped or "refusal")
        if stopped == "length":
            raise rambled()
        return "".join(parts)


def _body(request: Request) -> dict[str, Any]:
    """What stays the same stands first: the API caches prefixes by itself."""
    from openai.lib._pydantic import to_strict_json_schema

    schema = {
        "name": request.shape.__name__,
        "schema": to_strict_json_schema(request.shape),
        "strict": True,
    }
    messages = [{"role": "system", "content": request.instructions}]
    if request.context:
        messages.append({"role": "user", "content": request.context})
    messages.append({"role": "user", "content": request.content})
    body: dict[str, Any] = {
        "model": request.model,
        "max_completion_tokens": MAX_TOKENS,
        "messages": messages,
        "response_format": {"type": "json_schema", "json_schema": schema},
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if takes_effort(request.model):
        body |= {"reasoning_effort": "low", "prompt_cache_key": request.name, "store": False}
    return body


def _count(usage: Usage, counted: Any) -> None:
    details = counted.prompt_tokens_details
    usage.cached = (details.cached_tokens or 0) if details is not None else 0
    usage.cache_write = (details.cache_write_tokens or 0) if details is not None else 0
    usage.fresh = max(0, counted.prompt_tokens - usage.cached - usage.cache_write)
    usage.output = counted.completion_tokens
