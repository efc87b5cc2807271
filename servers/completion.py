"""Completes the arguments of prompts and resource templates while a person types."""

from mcp_types import (
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from neonblue.workspace import open_workspace

LIMIT = 100


def complete(
    reference: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> list[str]:
    """Values that begin with, or else contain, what was typed. Mounts do not forward this."""
    if argument.name != "experiment_id":
        return []
    typed = argument.value.casefold()
    with open_workspace() as workspace:
        names = [listing.experiment_id for listing in workspace.store.experiments.list()]
    found = [name for name in names if typed in name.casefold()]
    return sorted(found, key=lambda name: (not name.casefold().startswith(typed), name))[:LIMIT]
