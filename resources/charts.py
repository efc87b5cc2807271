"""Charts that a tool has just drawn, for clients that show no pictures in answers."""

from fastmcp.dependencies import Shared
from fastmcp.resources import resource

from neonblue.workspace import Workspace, open_workspace


@resource("chart://{name}", mime_type="image/png")
def chart(name: str, workspace: Workspace = Shared(open_workspace)) -> bytes:
    """A chart as PNG, by the address that the answer of the tool gave; the newest 64 are kept."""
    return workspace.charts.get(name)


RESOURCES = (chart,)
