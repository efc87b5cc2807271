"""Asks the person at the client for a one-time code, in both protocol eras.

An answer without the code is nothing: a client can accept by itself. One that never answers costs
the call some seconds, and the request stays.
"""

from __future__ import annotations

from typing import Any

import anyio
from fastmcp import Context
from fastmcp.server.elicitation import AcceptedElicitation
from mcp.shared.exceptions import MCPError
from mcp_types import (
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)

from neonblue.models.written_text import shown_name

FIELD = "code"
PATIENCE_SECONDS = 45.0
"""Less than what clients wait for a call (60 s by default)."""
STATELESS_SINCE = "2026-07-28"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        FIELD: {
            "type": "string",
            "title": "One-time code",
            "description": "From `neonblue approver code ID`, or the authenticator app",
        }
    },
    "required": [FIELD],
}


async def ask_for_code(ctx: Context, message: str) -> str | InputRequiredResult | None:
    """The code that was typed; None when nobody typed one or the client cannot ask.

    In the stateless era the first call returns what the client has to ask, and the code comes
    with the client's second call.
    """
    if not _can_ask(ctx):
        return None
    if _is_stateless(ctx):
        return _from_second_call(ctx, message)
    with anyio.move_on_after(PATIENCE_SECONDS):
        try:
            answer = await ctx.elicit(message, str, response_title="One-time code")
        except MCPError:  # the client declared that it can ask, and could not
            return None
        if isinstance(answer, AcceptedElicitation):
            return _typed(answer.data)
    return None


def question(act: dict[str, Any], approval_id: str) -> str:
    """What the person is shown; names from outside cannot pass for our words."""
    given = act["arguments"].items()
    arguments = ", ".join(f"{shown_name(key)} {shown_name(str(value))}" for key, value in given)
    return (
        f"{act['kind']} of experiment {shown_name(act['experiment_id'])}"
        f"{f' with {arguments}' if arguments else ''} waits for your approval ({approval_id}). "
        f"To approve exactly this, run `neonblue approver code {approval_id}` and enter its code, "
        "or the code of your authenticator app. Accepting without a code approves nothing."
    )


def _can_ask(ctx: Context) -> bool:
    found = ctx.session.client_capabilities
    return found is not None and found.elicitation is not None


def _is_stateless(ctx: Context) -> bool:
    request = ctx.request_context
    return request is not None and str(request.protocol_version) >= STATELESS_SINCE


def _from_second_call(ctx: Context, message: str) -> str | InputRequiredResult | None:
    answers = ctx.input_responses
    if answers is None:
        params = ElicitRequestFormParams(message=message, requested_schema=SCHEMA)
        return InputRequiredResult(input_requests={FIELD: ElicitRequest(params=params)})
    answer = answers.get(FIELD)
    if not isinstance(answer, ElicitResult) or answer.action != "accept":
        return None
    return _typed((answer.content or {}).get(FIELD))


def _typed(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
