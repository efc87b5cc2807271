"""What leaves a server: our errors as the wire's, kept short, and text from outside marked.

Functions raise ``NeonBlueError``; here, and only here, its message becomes what the client sees.
Anything else that is raised is logged and masked. The functions themselves are wrapped for it,
because the server logs what it does not know with a traceback before any middleware sees it.

An error echoes little of what was sent: who sends much must not get it back in every message.

Tools, resources and prompts put names and values into their sentences as they are. What of it came
from outside is known from where it was read (``models.outside_text``), so it is fenced here, also
inside our own sentences, and what we recommend ourselves never is.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from fastmcp.exceptions import DisabledError, FastMCPError, NotFoundError, ToolError
from fastmcp.prompts import PromptResult
from fastmcp.resources import ResourceResult
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, TextContent
from pydantic import BaseModel

from neonblue.errors import NeonBlueError
from neonblue.models.outside_text import heard, listening, marked
from neonblue.models.reader import Reader, reading
from neonblue.models.written_text import raw_name, shortened

JSON = "application/json"
ECHOED_CHARACTERS = 200
MAX_MESSAGE_CHARACTERS = 2000
MAX_TEXTS = 1000

Function = Callable[..., Any]


def raising(
    wire_error: type[FastMCPError], function: Function, *, read_only: bool = False
) -> Function:
    """The function with our errors turned into the wire's, and logged without a traceback.

    What runs below knows who asks, and whether a record may be kept.
    """
    reader = Reader(tool=function.__name__, records=not read_only)
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def answer_later(*args: Any, **kwargs: Any) -> Any:
            try:
                with reading(reader):
                    return await function(*args, **_raw(kwargs))
            except NeonBlueError as error:
                raise _wired(wire_error, error, args, kwargs) from error

        return answer_later

    @wraps(function)
    def answer(*args: Any, **kwargs: Any) -> Any:
        try:
            with reading(reader):
                return function(*args, **_raw(kwargs))
        except NeonBlueError as error:
            raise _wired(wire_error, error, args, kwargs) from error

    return answer


def _raw(arguments: dict[str, Any]) -> dict[str, Any]:
    """Names as they are stored, also when a caller repeats them as they were shown."""
    raw = {k: raw_name(v) if isinstance(v, str) else v for k, v in arguments.items()}
    heard([value for value in raw.values() if isinstance(value, str)])
    return raw


def _wired(
    wire_error: type[FastMCPError], error: NeonBlueError, args: Any, kwargs: Any
) -> FastMCPError:
    return wire_error(short_error(str(error), (args, kwargs)), log_level=logging.INFO)


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
            cut = "…" if len(text) > ECHOED_CHARACTERS else ""
            message = message.replace(quoted, short_quoted + cut).replace(text, short)
    if len(message) <= MAX_MESSAGE_CHARACTERS:
        return message
    return f"{message[: MAX_MESSAGE_CHARACTERS // 2]} … {message[-MAX_MESSAGE_CHARACTERS // 4 :]}"


def _texts(sent: Any) -> list[str]:
    """The texts in what was sent, long ones first: one may hold another."""
    found = [text for text, _ in zip(_each_text(sent), range(MAX_TEXTS), strict=False)]
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


class OutsideText(Middleware):
    """Fences what came from outside."""

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        """The answer of a tool, as structure and as text."""
        with listening():
            heard(context.message.arguments or {})
            result = await _answered(context, call_next)
            return _marked_result(result) if isinstance(result, ToolResult) else result

    async def on_get_prompt(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        """The messages of a prompt."""
        with listening():
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
        with listening():
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
