"""list_catalog."""

from fastmcp.dependencies import Shared

from neonblue.tools.effect import reads
from neonblue.tools.results.catalog import CatalogAnswer, catalog_answer
from neonblue.workspace import Workspace, open_workspace


@reads(title="List what can be asked about")
def list_catalog(
    text: str | None = None,
    workspace: Workspace = Shared(open_workspace),
) -> CatalogAnswer:
    """List metrics, event types and properties: what exists, since when and how often.

    Use it before analyze_funnel, natural language questions or SQL, to name what is there. For
    experiments use list_experiments.

    Args:
        text: Only entries whose name, description or value contains it, e.g. purchase.
    """
    from neonblue.query.catalog import read_catalog

    return catalog_answer(read_catalog(workspace.store, workspace.metric_catalogue), text)


TOOLS = (list_catalog,)
