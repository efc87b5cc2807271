"""Errors echo little of what was sent: who sends much must not get it back in every message."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from fastmcp.exceptions import DisabledError, FastMCPError, NotFoundError, ToolError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS
from pydantic import BaseModel

from neonblue.models.written_text import shortened

ECHOED_CHARACTERS = 200
LONGEST_MESSAGE = 2000
MOST_TEXTS = 1000


class ShortErrors(Middleware):
    """Cuts what was sent out of error messages, down to its beginning."""

    async def on_message(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        """Pass it on; an error that comes back loses its echo."""
        try:
            return await call_next(context)
        except FastMCPError as error:
            error.args = (short_error(str(error), context.message), *error.args[1:])
            raise
        except (NotFoundError, DisabledError) as error:
            name = str(getattr(context.message, "name", getattr(context.message, "uri", "")))
            if name == (shown := shortened(name, ECHOED_CHARACTERS)):
                raise
            message = f"there is nothing called {shown!r}: list what there is"
            if context.method == "tools/call":
                raise ToolError(message, log_level=logging.INFO) from error
            raise MCPError(code=INVALID_PARAMS, message=message) from error
        except MCPError as error:
            error.error.message = short_error(error.error.message, context.message)
            raise


def short_error(message: str, sent: Any) -> str:
    """The message with at most 200 characters of each text that was sent, all of them visible."""
    for text in _texts(sent):
        short = shortened(text, ECHOED_CHARACTERS)
        if short != text:
            quoted, short_quoted = repr(text), repr(text[:ECHOED_CHARACTERS])[:ECHOED_CHARACTERS]
            message = message.replace(quoted, short_quoted + "…").replace(text, short)
    if len(message) <= LONGEST_MESSAGE:
        return message
    return f"{message[: LONGEST_MESSAGE // 2]} … {message[-LONGEST_MESSAGE // 4 :]}"


def _texts(sent: Any) -> list[str]:
    """The texts in what was sent, long ones first: one may hold another."""
    found = [text for text, _ in zip(_each_text(sent), range(MOST_TEXTS), strict=False)]
    return sorted(found, key=len, reverse=True)


def _each_text(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        yield from _each_text(value.__dict__)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _each_text(key)
            yield from _each_text(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _each_text(inner)
