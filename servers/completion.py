"""Completes the arguments of prompts and resource templates while a person types."""

import anyio.to_thread
from mcp_types import (
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from neonblue.models.written_text import shown_name
from neonblue.workspace import open_workspace

LIMIT = 100


async def complete(
    reference: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> list[str]:
    """Values that begin with, or else contain, what was typed. Mounts do not forward this."""
    if argument.name != "experiment_id":
        return []
    typed = argument.value.casefold()
    names = await anyio.to_thread.run_sync(_experiment_ids)
    found = [name for name in names if typed in name.casefold()]
    first = sorted(found, key=lambda name: (not name.casefold().startswith(typed), name))[:LIMIT]
    return [shown_name(name) for name in first]


def _experiment_ids() -> list[str]:
    with open_workspace() as workspace:
        return [listing.experiment_id for listing in workspace.store.experiments.known()]
