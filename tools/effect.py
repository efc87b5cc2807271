"""How a tool says what it does to the world, in the annotations that clients show to people.

    @reads(title="Analyse an experiment")
    def analyze_experiment_performance(...): ...

    @writes(title="Stop an experiment", destructive=True)
    def stop(...): ...

``servers.build`` refuses a tool without either mark; NEONBLUE_READ_ONLY hides the second kind.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from fastmcp.tools import tool
from mcp_types import ToolAnnotations

Function = TypeVar("Function", bound=Callable[..., Any])

WRITES = "writes"


def reads(*, title: str, open_world: bool = False) -> Callable[[Function], Function]:
    """Mark a tool that changes nothing. ``open_world``: it asks a service outside, e.g. a model."""
    return tool(
        title=title,
        annotations=ToolAnnotations(
            read_only_hint=True, idempotent_hint=True, open_world_hint=open_world
        ),
    )


def writes(
    *,
    title: str,
    destructive: bool = False,
    idempotent: bool = False,
    open_world: bool = False,
) -> Callable[[Function], Function]:
    """Mark a tool that changes something.

    ``destructive``: what it changes cannot simply be changed back. ``idempotent``: calling it
    again with the same arguments changes nothing more.
    """
    return tool(
        title=title,
        tags={WRITES},
        annotations=ToolAnnotations(
            read_only_hint=False,
            destructive_hint=destructive,
            idempotent_hint=idempotent,
            open_world_hint=open_world,
        ),
    )
