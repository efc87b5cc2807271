"""What a user is likely to do next."""

from typing import Annotated

from fastmcp.dependencies import Shared
from fastmcp.tools import ToolResult
from pydantic import Field

from neonblue.tools.effect import records
from neonblue.tools.users import pseudonym_of, real_user
from neonblue.workspace import Workspace, open_workspace


@records(title="Predict a user's behaviour")
def predict_user_behavior(
    user_id: str,
    context: Annotated[list[str] | None, Field(max_length=50)] = None,
    workspace: Workspace = Shared(open_workspace),
) -> ToolResult:
    """Predict one user's next actions, conversion probability, journey stage and segment.

    Use it to decide what to show or ask a user; not as evidence about an experiment. The
    conversion probability is for the next days as of the newest event stored, time away included;
    the answer names what counted as a conversion and why (ask the user where `ask` says so), which
    model or base rate won on later weeks, and the journeys most alike. A user without events gets
    new users' figures, basis "population". Needs models: `neonblue behavior train`.

    Args:
        user_id: As in the events, or a pseudonym from another answer.
        context: Event types the user did just now that are not stored yet, e.g. ["add_to_cart"].
    """
    import time

    from neonblue.behavior.outlook import predict
    from neonblue.tools.results.behavior import prediction_answer
    from neonblue.tools.results.content import with_pictures

    user = real_user(workspace, user_id)
    outlook = predict(
        workspace.store.sessions,
        workspace.model_files,
        user,
        context or (),
        now_ms=int(time.time() * 1000) if context else None,
        kinds=workspace.event_kinds(),
    )
    name = pseudonym_of(workspace, user, known=outlook.events > 0)
    return with_pictures(prediction_answer(name, outlook))


TOOLS = (predict_user_behavior,)
