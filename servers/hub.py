"""The hub: the three servers as one, under the names their tools have anyway."""

from fastmcp import FastMCP

from neonblue.servers import (
    completion,
    experiment_intelligence,
    optimization_engine,
    user_behavior,
)
from neonblue.servers.build import Surface, build_server, new_server

NAME = "neonblue"

SURFACES: dict[str, Surface] = {
    surface.name: surface
    for surface in (
        experiment_intelligence.SURFACE,
        user_behavior.SURFACE,
        optimization_engine.SURFACE,
    )
}

INSTRUCTIONS = "\n\n".join(
    f"{surface.name}: {surface.instructions}" for surface in SURFACES.values()
)


def build_hub(*, read_only: bool = False) -> FastMCP:
    """All tools, resources and prompts on one server."""
    hub = new_server(NAME, INSTRUCTIONS)
    for surface in SURFACES.values():
        hub.mount(build_server(surface, read_only=read_only))
    hub.add_completion_handler(completion.complete)
    return hub


def build(name: str = NAME, *, read_only: bool = False) -> FastMCP:
    """The hub, or one of its three servers by name."""
    if name == NAME:
        return build_hub(read_only=read_only)
    server = build_server(SURFACES[name], read_only=read_only)
    server.add_completion_handler(completion.complete)
    return server


def __getattr__(name: str) -> FastMCP:
    """``mcp``, which ``fastmcp run`` asks for: built then, not when this file is imported."""
    if name == "mcp":
        return build()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
