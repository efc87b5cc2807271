"""Marks text from outside in everything that a server answers: the one place where it leaves.

Tools, resources and prompts put names and values into their sentences as they are. What of it came
from outside is known from where it was read (``models.outside_text``), so it is fenced here, also
inside our own sentences, and what we recommend ourselves never is.
"""

from __future__ import annotations

import json
from typing import Any

from fastmcp.exceptions import FastMCPError
from fastmcp.prompts import PromptResult
from fastmcp.resources import ResourceResult
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from mcp_types import TextContent

from neonblue.models.outside_text import heard, marked

JSON = "application/json"


class OutsideText(Middleware):
    """Fences what came from outside."""

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        """The answer of a tool, as structure and as text."""
        heard(context.message.arguments or {})
        result = await _answered(context, call_next)
        return _marked_result(result) if isinstance(result, ToolResult) else result

    async def on_get_prompt(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        """The messages of a prompt."""
        heard(context.message.arguments or {})
        result = await _answered(context, call_next)
        if isinstance(result, PromptResult):
            for message in result.messages:
                _mark_block(message.content)
        return result

    async def on_read_resource(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        """The content of a resource that is data; the guides are our own text."""
        result = await _answered(context, call_next)
        if isinstance(result, ResourceResult):
            for content in result.contents:
                if isinstance(content.content, str) and content.mime_type == JSON:
                    content.content = _marked_json(content.content)
        return result


async def _answered(context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
    try:
        return await call_next(context)
    except FastMCPError as error:
        error.args = (marked(str(error)), *error.args[1:])
        raise


def _marked_result(result: ToolResult) -> ToolResult:
    structured = result.structured_content
    for block in result.content:
        _mark_block(block)
    if isinstance(structured, dict):
        result.structured_content = marked(structured)
    return result


def _mark_block(block: Any) -> None:
    if isinstance(block, TextContent):
        block.text = _marked_json(block.text)


def _marked_json(text: str) -> str:
    """A text that is JSON with its values marked, any other as prose."""
    try:
        value = json.loads(text)
    except ValueError:
        return str(marked(text))
    if not isinstance(value, dict | list):
        return str(marked(text))
    fenced = marked(value)
    if fenced == value:
        return text
    return json.dumps(fenced, ensure_ascii=False, separators=(",", ":"))
