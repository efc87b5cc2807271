"""What one user did, and whose journeys are alike."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from fastmcp.dependencies import Shared
from fastmcp.tools import ToolResult
from pydantic import Field

from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.models.reader import current_reader
from neonblue.stores.documents import MetadataValue
from neonblue.tools.effect import records
from neonblue.tools.users import pseudonym_of, pseudonyms_of, real_user
from neonblue.workspace import Workspace, open_workspace

EVENTS_READ = 5000
NOTHING_INDEXED = (
    "no journey is indexed yet: neonblue ingest indexes them as events come, neonblue migrate "
    "those that are there"
)


@records(title="Show a user's journey")
def get_user_journey(
    user_id: str,
    limit: Annotated[int, Field(ge=1, le=50)] = 10,
    workspace: Workspace = Shared(open_workspace),
) -> ToolResult:
    """Show what one user did as a timeline of sessions, the newest first.

    Use it to understand a single user; for what comes next use predict_user_behavior, for a
    population analyze_funnel. Sessions end with a pause of 30 minutes. The answer names the user
    by a pseudonym, which every tool here takes instead of the id. Reads the latest 5,000 events.

    Args:
        user_id: As in the events, or a pseudonym such as u_1f3a from another answer.
        limit: How many sessions, 1 to 50.
    """
    from neonblue.tools.results.behavior import journey_answer
    from neonblue.tools.results.content import with_pictures

    store = workspace.store.sessions
    user = real_user(workspace, user_id)
    totals = store.totals(user)
    if (
        totals is not None and current_reader().records
    ):  # nobody whose events are gone, or never were, is written down
        workspace.store.journey_marks.asked([user])  # what is asked for is indexed first
    answer = journey_answer(
        pseudonym_of(workspace, user, known=totals is not None),
        totals,
        store.of_user(user, limit=EVENTS_READ),
        limit,
        workspace.event_kinds(),
    )
    return with_pictures(answer)


@records(title="Find similar journeys")
def find_similar_journeys(
    user_id: str | None = None,
    description: str | None = None,
    limit: Annotated[int, Field(ge=1, le=30)] = 10,
    workspace: Workspace = Shared(open_workspace),
) -> ToolResult:
    """Find other users whose journeys are like one user's, or fit a description.

    By user it compares behaviour (what was done, in which order, when, how much) up to the first
    conversion and says how many of the 50 nearest converted. By description it searches the texts
    of journeys by meaning. Give exactly one of the two. Users are named by pseudonyms.

    Args:
        user_id: As in the events, or a pseudonym; its latest session with a step before a
            conversion is compared.
        description: In words, e.g. "compared prices on mobile and left at checkout".
        limit: How many, 1 to 30.
    """
    from neonblue.behavior.journey_index import find_similar
    from neonblue.tools.results.behavior import similar_answer
    from neonblue.tools.results.content import with_pictures

    if (user_id is None) == (description is None):
        raise InvalidInputError("give either user_id or description, not both or neither")
    if description is not None:
        return with_pictures(_described(workspace, description, limit))
    user = real_user(workspace, user_id or "")
    sessions = workspace.store.sessions.of_user(user, limit=EVENTS_READ)
    if not sessions:
        raise NotFoundError(f"no event names the user {user_id!r}: give a description instead")
    kinds = workspace.event_kinds()
    found = find_similar(workspace.store.sessions, sessions, kinds, shown=limit)
    return with_pictures(similar_answer(found, kinds))


def _described(workspace: Workspace, description: str, limit: int):  # type: ignore[no-untyped-def]
    from neonblue.memory.collections import USER_JOURNEYS
    from neonblue.memory.search import search
    from neonblue.tools.results.behavior import SimilarAnswer, SimilarRow

    page = search(workspace.memory, USER_JOURNEYS, description, limit=limit)
    names = pseudonyms_of(workspace, (hit.document.document_id for hit in page.hits))
    metadata = [hit.document.metadata for hit in page.hits]
    return SimilarAnswer(
        matched_by="meaning",
        converted=None,
        conversions=[],
        detail="; ".join(filter(None, (page.note, "" if page.hits else NOTHING_INDEXED))),
        journeys=[
            SimilarRow(
                user=names[hit.document.document_id],
                started_at=_began(facts),
                similarity=hit.similarity,
                conversion_outcome=str(facts.get("conversion_outcome", "")),
                value=float(str(facts.get("value", 0.0))),
                device_type=str(facts.get("device_type", "")),
                traffic_source=str(facts.get("traffic_source", "")),
                told=hit.document.text,
            )
            for hit, facts in zip(page.hits, metadata, strict=True)
        ],
    )


def _began(facts: Mapping[str, MetadataValue]) -> datetime | None:
    """When a journey began; those that were indexed before that was kept do not say."""
    started_at = facts.get("started_at")
    return datetime.fromtimestamp(started_at, UTC) if isinstance(started_at, float) else None


TOOLS = (get_user_journey, find_similar_journeys)
