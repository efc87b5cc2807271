"""Acts that wait for a person, and the kill switch."""

from functools import partial
from typing import Any, Literal

import anyio.to_thread
from fastmcp import Context
from fastmcp.dependencies import Shared
from mcp_types import InputRequiredResult

from neonblue.tools.effect import writes
from neonblue.tools.elicited_code import ask_for_code, question
from neonblue.tools.results.approvals import ApprovalReview, Stopped, row
from neonblue.workspace import Workspace, open_workspace

MAX_ROWS = 50
OPEN_STATES = ("waiting", "granted")


@writes(title="Review approvals")
async def review_approvals(
    ctx: Context,
    approval_id: str | None = None,
    code: str | None = None,
    deny: bool = False,
    show: Literal["open", "all"] = "open",
    workspace: Workspace = Shared(open_workspace),
) -> ApprovalReview | InputRequiredResult:
    """List acts that wait for a person's approval, with figures and the command to run.

    You cannot approve: tell the person the command. With approval_id, a client that can ask the
    person asks for a one-time code; a code that the person gave you may be passed as well. Once
    granted, call the tool that asked for the act again with the same arguments. deny withdraws
    a request.

    Args:
        approval_id: One request, e.g. "ap_1f2e3d4c5b", from the answer that said it is pending.
        code: One-time code that the person made for this request; wrong ones are counted.
        deny: Close the request instead.
        show: "all" lists what was decided, expired or used as well.
    """
    in_thread = anyio.to_thread.run_sync
    if approval_id is None:
        return await in_thread(_review, workspace, None, show)
    actor = _actor(ctx)
    if deny:
        await in_thread(workspace.authority.deny, approval_id, actor)
        return await in_thread(_review, workspace, approval_id, show)
    found = await in_thread(_one, workspace, approval_id)
    if found["state"] == "waiting" and code is None:
        asked = await ask_for_code(ctx, question(found["act"], approval_id))
        if isinstance(asked, InputRequiredResult):
            return asked
        code = asked
    if found["state"] == "waiting" and code is not None:
        await in_thread(partial(workspace.codes.redeem, approval_id, code, actor=actor))
    return await in_thread(_review, workspace, approval_id, show)


@writes(title="Stop everything", destructive=True, idempotent=True)
def stop_all(
    ctx: Context, reason: str = "", workspace: Workspace = Shared(open_workspace)
) -> Stopped:
    """Throw the kill switch: from now on no start, resume, new weights or roll-out happens.

    Use it when something is wrong beyond one experiment. What runs keeps running: pause or stop
    experiments one by one, which stays possible. Only a person can lift it, with their key.

    Args:
        reason: Why, for the audit log, e.g. "revenue fell on all pages".
    """
    halt = workspace.authority.halt(by=_actor(ctx), reason=reason)
    return Stopped(
        summary=f"stopped ({halt.halt_id}): nothing that gives users a treatment happens",
        next_step="a person lifts it with `neonblue stop-all --lift` at a terminal",
    )


def _actor(ctx: Context) -> str:
    params = ctx.session.client_params
    return f"agent {params.client_info.name}" if params is not None else "agent"


def _one(workspace: Workspace, approval_id: str) -> dict[str, Any]:
    from neonblue.optimization.approval_report import describe

    return describe(workspace.store, workspace.authority, approval_id)


def _review(
    workspace: Workspace, approval_id: str | None, show: Literal["open", "all"]
) -> ApprovalReview:
    from neonblue.optimization.approval_report import listed

    authority = workspace.authority
    found = listed(authority)
    if approval_id is not None:
        found = [one for one in found if one["approval_id"] == approval_id]
    elif show == "open":
        found = [one for one in found if one["state"] in OPEN_STATES]
    halts = authority.kill_switch.thrown(authority.approvers())
    waiting = [one for one in found if one["state"] == "waiting"]
    granted = [one for one in found if one["state"] == "granted"]
    return ApprovalReview(
        summary=f"{len(waiting)} wait for a person, {len(granted)} granted and not yet used",
        next_step=_next_step(waiting, granted),
        halted=halts[0].text if halts else None,
        total=len(found),
        approvals=[row(one) for one in found[:MAX_ROWS]],
    )


def _next_step(waiting: list[dict[str, Any]], granted: list[dict[str, Any]]) -> str:
    if granted:
        return "call the tool that asked for the granted act again, with the same arguments"
    if waiting:
        ids = " or ".join(one["approval_id"] for one in waiting[:3])
        return f"tell the person to run `neonblue approve ID` at a terminal, ID being {ids}"
    return "nothing waits: go on"


TOOLS = (review_approvals, stop_all)
