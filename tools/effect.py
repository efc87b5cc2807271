"""How a tool says what it does to the world, in the annotations that clients show to people.

    @reads(title="Analyse an experiment")
    def analyze_experiment_performance(...): ...

    @writes(title="Stop an experiment", destructive=True)
    def stop(...): ...

    @records(title="Analyse an experiment")
    def analyze_experiment_performance(...): ...

``servers.build`` refuses a tool without a mark; NEONBLUE_READ_ONLY hides the second kind. The third
answers a question and keeps a record of it (a look, a forecast, a name for a user): nothing else
changes, and a read-only server answers without the record.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from fastmcp.tools import tool
from mcp_types import ToolAnnotations

Function = TypeVar("Function", bound=Callable[..., Any])

WRITES = "writes"
RECORDS = "records"
APPROVES = "approves"


def reads(*, title: str, open_world: bool = False) -> Callable[[Function], Function]:
    """Mark a tool that changes nothing. ``open_world``: it asks a service outside, e.g. a model."""
    return tool(
        title=title,
        annotations=ToolAnnotations(
            read_only_hint=True, idempotent_hint=True, open_world_hint=open_world
        ),
    )


def records(*, title: str, open_world: bool = False) -> Callable[[Function], Function]:
    """Mark a tool that reads, and keeps a record of what it showed or said."""
    return _changing(RECORDS, title, open_world=open_world)


def approves(*, title: str) -> Callable[[Function], Function]:
    """Mark a tool that agrees to an act in a person's name: only for tokens of scope approve."""
    return _changing(APPROVES, title, destructive=True)


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
    return _changing(
        WRITES, title, destructive=destructive, idempotent=idempotent, open_world=open_world
    )


def _changing(
    tag: str,
    title: str,
    *,
    destructive: bool = False,
    idempotent: bool = False,
    open_world: bool = False,
) -> Callable[[Function], Function]:
    return tool(
        title=title,
        tags={tag},
        annotations=ToolAnnotations(
            read_only_hint=False,
            destructive_hint=destructive,
            idempotent_hint=idempotent or None,  # false where nothing is said
            open_world_hint=open_world,
        ),
    )
