"""The arguments of tool calls: read as clients send them, refused in one message.

Clients send lists and objects as JSON text, null or an empty text for what they leave out, and
names of their own beside the tool's. None of it changes what the call means.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from fastmcp.exceptions import ToolError
from fastmcp.exceptions import ValidationError as ArgumentError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from mcp_types import CallToolRequestParams, TextContent
from pydantic import ValidationError

from neonblue.errors import InvalidInputError
from neonblue.models.written_text import raw_name, shortened

Schema = Mapping[str, Any]

ADDED_BY_CLIENTS = frozenset(
    {"sessionid", "toolcallid", "toolname", "toolinput", "meta", "chatinput", "action", "requestid"}
    | {"threadid", "runid", "callid", "traceid", "messageid", "conversationid", "timestamp"}
)
MIN_LIKENESS = 0.75
MIN_BEGINNING_CHARACTERS = 4
NOT_GIVEN = object()
CONTAINERS = {"array": list, "object": dict}
PLAIN = frozenset({"number", "integer", "boolean"})
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


class Arguments(NamedTuple):
    """What the tool is called with, and the names that it does not know."""

    values: dict[str, Any]
    ignored: tuple[str, ...]


def normalised(schema: Schema, given: Mapping[str, Any], path: str = "") -> Arguments:
    """The arguments in the form that a schema of type object wants.

    Raises ``InvalidInputError`` for an unknown name that is close to a real one: leaving it out
    would answer another question.
    """
    properties = schema.get("properties", {})
    required = schema.get("required", ())
    values: dict[str, Any] = {}
    ignored: list[str] = []
    for said, value in given.items():
        name = _meant(said, properties, required, given)
        if name not in properties:
            _refuse_if_close(name, properties, given, path)
            ignored.append(path + name)
            continue
        fitting, inner = _fitting(properties[name], value, f"{path}{name}.")
        ignored += inner
        if fitting is not NOT_GIVEN:
            values[name] = fitting
        elif name in required:
            values[name] = value
    return Arguments(values, tuple(ignored))


def _meant(
    said: str, properties: Mapping[str, Any], required: Iterable[str], given: Mapping[str, Any]
) -> str:
    """The argument that clients mean by experimentId, experiment-id, experiment or id.

    A name that says two things, or that stands beside the one it means, is left as it is.
    """
    squashed = _squashed(said)
    if said in properties or squashed in ADDED_BY_CLIENTS:
        return said
    if squashed == "id":
        ids = [name for name in required if name.endswith("_id")]
    else:
        ids = [name for name in properties if squashed in (_squashed(name), _stem(name))]
    return ids[0] if len(ids) == 1 and ids[0] not in given else said


def _squashed(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _stem(name: str) -> str:
    return _squashed(name.removesuffix("_id")) if name.endswith("_id") else ""


def ignored_note(names: Iterable[str]) -> str:
    """Tells the caller which names had no effect."""
    shown = [repr(shortened(name, 80)) for name in names]
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return f"ignored, because the tool has no such argument: {', '.join(shown[:5])}{more}"


def _fitting(schema: Schema, value: Any, path: str) -> tuple[Any, tuple[str, ...]]:
    types = _types(schema)
    value = _as_stored(value)
    if isinstance(value, str):
        value = _read(value, types)
    if value is None or (isinstance(value, str) and not value.strip()):
        return NOT_GIVEN, ()
    if isinstance(value, dict) and (described := _object_schema(schema)):
        if described.get("additionalProperties") is False:
            known = described["properties"].keys()
            unknown = {name: value[name] for name in value if name not in known}
            inner = normalised(described, {k: v for k, v in value.items() if k in known}, path)
            return {**inner.values, **unknown}, inner.ignored
        inner = normalised(described, value, path)
        return inner.values, inner.ignored
    return value, ()


def _as_stored(value: Any) -> Any:
    """Names that a caller repeats in the fence they were shown in."""
    if isinstance(value, str):
        return raw_name(value)
    if isinstance(value, list):
        return [_as_stored(inner) for inner in value]
    if isinstance(value, dict):
        return {raw_name(str(key)): _as_stored(inner) for key, inner in value.items()}
    return value


def _read(text: str, types: frozenset[str]) -> Any:
    """What the text stands for, where the schema wants something else than text."""
    if "string" in types or not types:
        return text
    stripped = text.strip()
    if stripped.lower() in ("null", "none", "undefined"):
        return None
    containers = tuple(CONTAINERS[name] for name in types & CONTAINERS.keys())
    if containers:
        try:
            value = json.loads(stripped)
        except (ValueError, RecursionError):
            return text
        return value if isinstance(value, containers) else text
    return stripped if types <= PLAIN else text


def _types(schema: Schema) -> frozenset[str]:
    named = schema.get("type", ())
    own = {named} if isinstance(named, str) else set(named)
    for choice in schema.get("anyOf", ()):
        own |= _types(choice)
    return frozenset(own - {"null"})


def _object_schema(schema: Schema) -> Schema | None:
    for choice in (schema, *schema.get("anyOf", ())):
        if choice.get("properties"):
            described: Schema = choice
            return described
    return None


def _refuse_if_close(
    name: str, properties: Mapping[str, Any], given: Mapping[str, Any], path: str
) -> None:
    plain = _plain(name)
    if plain in ADDED_BY_CLIENTS or name.startswith("_"):
        return
    real = max(properties, key=lambda one: _likeness(plain, _plain(one)), default=None)
    if real is None or _likeness(plain, _plain(real)) < MIN_LIKENESS:
        return
    also = " (given as well)" if real in given else ""
    raise InvalidInputError(
        f"there is no argument {shortened(path + name, 80)!r}: it is called {path + real!r}{also}"
    )


def _likeness(one: str, other: str) -> float:
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) >= MIN_BEGINNING_CHARACTERS and longer.startswith(shorter):
        return 1.0
    if len(longer) > 2 * len(shorter) + 2:
        return 0.0
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name[:200]).lower()
