"""Anthropic's messages API, streamed, behind our interface."""

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
    from anthropic import AsyncAnthropic


class AnthropicProvider(Provider["AsyncAnthropic"]):
    """Claude models; the API keeps an answer to the schema, and we validate it again."""

    name = "anthropic"
    key = "ANTHROPIC_API_KEY"

    def _connected(self, terms: Terms) -> AsyncAnthropic:
        from anthropic import AsyncAnthropic

        return AsyncAnthropic(**terms)

    def _errors(self) -> tuple[type[Exception], type[Exception]]:
        import anthropic

        return anthropic.RateLimitError, anthropic.APITimeoutError

    async def _stream(self, client: AsyncAnthropic, request: Request, usage: Usage) -> str:
        parts: list[str] = []
        length, stopped = 0, ""
        stream = await client.messages.create(**_body(request))
        usage.began = True
        async with stream:
            async for event in stream:
                if event.type == "message_start":
                    usage.model = event.message.model
                    _count(usage, event.message.usage)
                elif event.type == "content_block_delta" and event.delta.type == "text_delta":
                    parts.append(event.delta.text)
                    length += len(event.delta.text)
                    if length > MAX_CHARACTERS:
                        raise rambled()
                elif event.type == "message_delta":
                    stopped = str(event.delta.stop_reason or "")
                    usage.output = event.usage.output_tokens
        if stopped == "refusal":
            raise refused(stopped)
        if stopped == "max_tokens":
            raise rambled()
        return "".join(parts)


def _body(request: Request) -> dict[str, Any]:
    """Both long parts are marked for the cache: the instructions, and the data that stays."""
    from anthropic import transform_schema

    output: dict[str, Any] = {
        "format": {"type": "json_schema", "schema": transform_schema(request.shape)}
    }
    if takes_effort(request.model):
        output["effort"] = "low"
    kept = {"cache_control": {"type": "ephemeral"}}
    content: list[dict[str, Any]] = [{"type": "text", "text": request.content}]
    if request.context:
        content.insert(0, {"type": "text", "text": request.context, **kept})
    return {
        "model": request.model,
        "max_tokens": MAX_TOKENS,
        "system": [{"type": "text", "text": request.instructions, **kept}],
        "messages": [{"role": "user", "content": content}],
        "output_config": output,
        "stream": True,
    }


def _count(usage: Usage, counted: Any) -> None:
    usage.fresh = counted.input_tokens
    usage.cached = counted.cache_read_input_tokens or 0
    usage.cache_write = counted.cache_creation_input_tokens or 0
