"""What the organisation already knows: past experiments, journeys and patterns."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastmcp.dependencies import Shared
from fastmcp.tools import ToolResult
from pydantic import Field

from neonblue.tools.effect import records
from neonblue.tools.users import real_filters, without_user_ids
from neonblue.workspace import Workspace, open_workspace


@records(title="Search past experiments", open_world=True)
def semantic_experiment_search(
    query: str,
    collection: Literal["experiments", "user_journeys", "optimization_patterns"] = "experiments",
    filters: dict[str, Any] | None = None,
    like_experiment: str | None = None,
    min_similarity: Annotated[float, Field(ge=-1, le=1)] | None = None,
    order_by: Literal["relevance", "revenue_impact", "relative_lift", "newest"] = "relevance",
    limit: Annotated[int, Field(ge=1, le=50)] = 5,
    cursor: str | None = None,
    detail: Literal["concise", "full"] = "concise",
    workspace: Workspace = Shared(open_workspace),
) -> ToolResult:
    """Find past experiments, journeys or patterns by meaning, words and metadata.

    Use it before designing a test, or to ask what was learnt. Finished experiments enter by
    themselves. For running ones use list_experiments. relative_lift is positive where better.

    Args:
        query: In words, e.g. pricing tests that raised revenue.
        collection: What to search.
        filters: All must hold, e.g. {"outcome": "success", "sample_size": {"gte": 1000}};
            operators eq ne gt gte lt lte in contains.
        like_experiment: Also resemble this experiment_id.
        min_similarity: Least cosine; 0.4 is related, 0.6 close.
        order_by: Other than relevance: the best of the 50 most relevant.
        limit: How many.
        cursor: next_cursor of the page before.
        detail: full adds all metadata and whole texts.
    """
    from neonblue.behavior.user_words import without_users
    from neonblue.intelligence.recollection.discovery import discover
    from neonblue.intelligence.recollection.summary import summarise_hits
    from neonblue.memory.collections import collection_named
    from neonblue.tools.results.content import with_pictures
    from neonblue.tools.results.memory_answer import memory_search

    workspace.learner.catch_up()
    of_users = collection == "user_journeys"
    found = discover(
        workspace.store,
        workspace.memory,
        collection_named(collection),
        query,
        like_experiment=like_experiment,
        filters=real_filters(workspace, filters) if of_users else filters,
        at_least=min_similarity,
        order="improvement" if order_by == "relative_lift" else order_by,
        limit=limit,
        cursor=cursor,
    )
    if of_users:
        found = replace(found, found=without_user_ids(workspace, found.found))
    model = workspace.language_model
    told = summarise_hits(
        model,
        query if model is None else without_users(workspace.store, query),
        [item.hit for item in found.found],
        workspace.store.experiments.defined().keys(),
    )
    behind = workspace.learner.behind
    return with_pictures(memory_search(found, told, full=detail == "full", behind=behind))


TOOLS = (semantic_experiment_search,)
