"""Says in one line which arguments of a call cannot be used."""

import logging
from typing import Any

from fastmcp.exceptions import ToolError
from fastmcp.exceptions import ValidationError as ArgumentError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from mcp_types import CallToolRequestParams
from pydantic import ValidationError

SHOWN_CHARACTERS = 80


class ArgumentErrors(Middleware):
    """Turns Pydantic's report on the arguments of a call into one message."""

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, Any],
    ) -> Any:
        """Pass the call on; when its arguments were refused, say which and why."""
        try:
            return await call_next(context)
        except ArgumentError as error:
            if not isinstance(error.__cause__, ValidationError):
                raise
            message = _described(context.message.name, error.__cause__)
            raise ToolError(message, log_level=logging.INFO) from error


def _described(tool: str, error: ValidationError) -> str:
    faults = "; ".join(_fault(detail) for detail in error.errors(include_url=False))
    return f"{tool} cannot use these arguments: {faults}. Correct them and call it again"


def _fault(detail: Any) -> str:
    name = ".".join(str(step) for step in detail["loc"]) or "arguments"
    if detail["type"] in ("missing", "missing_argument"):
        return f"{name} is required"
    if detail["type"] == "unexpected_keyword_argument":
        return f"there is no argument {name!r}"
    value = repr(detail["input"])
    shown = value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "…"
    message = str(detail["msg"])
    return f"{name}: {message[:1].lower()}{message[1:]}, got {shown}"
