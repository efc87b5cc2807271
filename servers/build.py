"""What every server shares: registration and read-only mode.

A server is a ``Surface``: a name, instructions and the modules that it exposes. Each module may
end with ``TOOLS``, ``RESOURCES`` and ``PROMPTS``, tuples of functions. Tools carry a mark from
``neonblue.tools.effect`` (``@reads``, ``@records`` or ``@writes``, with a title), resources
``fastmcp.resources.resource(uri)``; prompts need none. Registering a name twice is an error.

Tools publish no output schema: one such schema costs a model more context than all that tools take
in, and takes longest to build. Answers are structured all the same.

What may be left out is described by the type it has when given: null is accepted, not advertised.
"""

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from fastmcp import FastMCP
from fastmcp.exceptions import PromptError, ResourceError, ToolError
from fastmcp.prompts import Prompt
from fastmcp.tools.function_tool import ToolMeta

from neonblue import __version__
from neonblue.servers.answers import OutsideText, ShortErrors, raising
from neonblue.servers.call_arguments import CallArguments
from neonblue.servers.heavy_calls import HEAVY, in_turn
from neonblue.tools.effect import WRITES

Function = Callable[..., Any]


class Surface(NamedTuple):
    """What one server exposes."""

    name: str
    instructions: str
    modules: tuple[ModuleType, ...]


def new_server(name: str, instructions: str) -> FastMCP:
    """A server with the settings that all of ours have."""
    server = FastMCP(
        name,
        instructions=instructions,
        version=__version__,
        mask_error_details=True,
        on_duplicate="error",
        dereference_schemas=False,  # inputs have no references; answers are shorter with them
    )
    server.add_middleware(ShortErrors())
    return server


def build_server(surface: Surface, *, read_only: bool = False) -> FastMCP:
    """Register everything a surface exposes.

    With ``read_only`` no tool that writes, and the others run as readers that leave no record.
    """
    server = new_server(surface.name, surface.instructions)
    schemas: dict[str, Any] = {}
    server.add_middleware(OutsideText())
    server.add_middleware(CallArguments(schemas))
    for module in surface.modules:
        for function in getattr(module, "TOOLS", ()):
            if not (_writes(function) and read_only):
                called = raising(ToolError, function, read_only=read_only)
                called = in_turn(called) if called.__name__ in HEAVY else called
                tool = server.add_tool(_without_return(called))
                tool.parameters = compact(tool.parameters)
                schemas[tool.name] = tool.parameters
                if read_only and tool.annotations is not None:
                    tool.annotations = tool.annotations.model_copy(update={"read_only_hint": True})
        for function in getattr(module, "RESOURCES", ()):
            server.add_resource(raising(ResourceError, function, read_only=read_only))
        for function in getattr(module, "PROMPTS", ()):
            server.add_prompt(
                Prompt.from_function(raising(PromptError, function, read_only=read_only))
            )
    return server


def _writes(function: Function) -> bool:
    mark = getattr(function, "__fastmcp__", None)
    if not isinstance(mark, ToolMeta) or mark.annotations is None:
        raise TypeError(
            f"the tool {function.__name__!r} does not say whether it writes: mark it with "
            "@reads, @records or @writes of neonblue.tools.effect"
        )
    return WRITES in (mark.tags or ())


def _without_return(function: Function) -> Function:
    """Forget the type of the answer, from which fastmcp would make the output schema."""
    signature = inspect.signature(function)
    changed: Any = function
    changed.__signature__ = signature.replace(return_annotation=inspect.Signature.empty)
    changed.__annotations__ = {k: v for k, v in function.__annotations__.items() if k != "return"}
    return function


def compact(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a tool's input without the null that stands for an argument left out."""
    properties = schema.get("properties", {})
    return {**schema, "properties": {k: _without_null(v) for k, v in properties.items()}}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    rest = {k: v for k, v in schema.items() if k != "anyOf"}
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if rest.get("default", ...) is None:
        del rest["default"]
    if len(choices) == 1:
        return {**choices[0], **rest}
    return {**rest, "anyOf": choices} if choices else rest
