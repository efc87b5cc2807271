"""Anthropic's messages API, streamed, behind our interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neonblue.llm.known_models import takes_effort
from neonblue.llm.provider import (
    MAX_CHARACTERS,
    MAX_RETRIES,
    MAX_TOKENS,
    ModelFailedError,
    Request,
    Usage,
    failed,
    rambled,
    refused,
)

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

KEY = "ANTHROPIC_API_KEY"


class AnthropicProvider:
    """Claude models; the API keeps an answer to the schema, and we validate it again."""

    name = "anthropic"

    def __init__(self, api_key: str, *, base_url: str | None, timeout_seconds: float) -> None:
        self._api_key, self._base_url = api_key, base_url
        self._timeout_seconds = timeout_seconds
        self._client: AsyncAnthropic | None = None

    def open(self) -> None:
        """Import the SDK and make its client."""
        from anthropic import AsyncAnthropic

        self._client = self._client or AsyncAnthropic(
            api_key=self._api_key,
            base_url=self._base_url,
            timeout=self._timeout_seconds,
            max_retries=MAX_RETRIES,
        )

    async def ask(self, request: Request, usage: Usage) -> str:
        """The text of the answer; see ``Provider``."""
        import anthropic

        try:
            return await self._stream(request, usage)
        except ModelFailedError:
            raise
        except anthropic.RateLimitError as error:
            raise failed(error, KEY, "rate_limited") from error
        except anthropic.APITimeoutError as error:
            raise failed(error, KEY, "timeout") from error
        except Exception as error:  # a server may send anything as an event
            raise failed(error, KEY) from error

    async def close(self) -> None:
        """Close the client's connections."""
        if self._client is not None:
            await self._client.close()

    async def _stream(self, request: Request, usage: Usage) -> str:
        assert self._client is not None
        parts: list[str] = []
        length, stopped = 0, ""
        stream = await self._client.messages.create(**_body(request))
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
