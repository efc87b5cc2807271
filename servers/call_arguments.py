"""The arguments of tool calls: read as clients send them, refused in one message."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastmcp.exceptions import ToolError
from fastmcp.exceptions import ValidationError as ArgumentError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from mcp_types import CallToolRequestParams, TextContent
from pydantic import ValidationError

from neonblue.errors import InvalidInputError
from neonblue.models.written_text import shortened
from neonblue.servers.argument_forms import Schema, ignored_note, normalised

SHOWN_CHARACTERS = 80
SHOWN_FAULTS = 5


class CallArguments(Middleware):
    """Brings arguments into the tool's form, and says in one message which cannot be used."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        """``schemas`` are the input schemas of the server's tools by name."""
        self._schemas = schemas

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, Any],
    ) -> Any:
        """Pass the call on, with a note on what was ignored."""
        name = context.message.name
        if name not in self._schemas:
            return await call_next(context)
        try:
            values, ignored = normalised(self._schemas[name], context.message.arguments or {})
            message = context.message.model_copy(update={"arguments": values})
            answer = await call_next(context.copy(message=message))
        except InvalidInputError as error:
            raise ToolError(_refused(name, str(error)), log_level=logging.INFO) from error
        except ArgumentError as error:
            if not isinstance(error.__cause__, ValidationError):
                raise
            faults = _described(error.__cause__)
            raise ToolError(_refused(name, faults), log_level=logging.INFO) from error
        return _noted(answer, ignored_note(ignored)) if ignored else answer


def _noted(answer: Any, note: str) -> Any:
    """The note in both forms of the answer: clients show one or the other."""
    if not isinstance(answer, ToolResult):
        return answer
    answer.content = [*answer.content, TextContent(type="text", text=f"note: {note}")]
    if isinstance(answer.structured_content, dict):
        answer.structured_content = {**answer.structured_content, "arguments_note": note}
    return answer


def _refused(tool: str, faults: str) -> str:
    return f"{tool} cannot use these arguments: {faults}. Correct them and call it again"


def _described(error: ValidationError) -> str:
    faults = [_fault(detail) for detail in error.errors(include_url=False)]
    more = f"; and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
    return "; ".join(faults[:SHOWN_FAULTS]) + more


def _fault(detail: Any) -> str:
    where = ".".join(str(step) for step in detail["loc"])
    name = shortened(where, SHOWN_CHARACTERS) or "arguments"
    if detail["type"] in ("missing", "missing_argument"):
        return f"{name} is required"
    if detail["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"there is no argument {name!r}"
    shown = shortened(repr(detail["input"]), SHOWN_CHARACTERS)
    message = str(detail["msg"])
    return f"{name}: {message[:1].lower()}{message[1:]}, got {shown}"
