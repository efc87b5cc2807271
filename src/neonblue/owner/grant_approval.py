"""Approving over HTTP, for whoever sends a token of scope ``approve``: a person, never an agent.

The token is a key, so what it approves is signed like everything else; it works here and in the
process that owns the data alike.
"""

from fastmcp.server.dependencies import get_access_token

from neonblue.errors import ApprovalRequiredError
from neonblue.tools.effect import approves
from neonblue.tools.results.figure import Answer


class Granted(Answer):
    """An act may be done once."""

    summary: str
    approved_by: str


@approves(title="Approve an act")
def grant_approval(approval_id: str) -> Granted:
    """Approve one act that waits, as the person whose token this is. See review_approvals first.

    Args:
        approval_id: The request, e.g. "ap_1f2e3d4c5b".
    """
    from neonblue.optimization.approval_desk import Grant, grant_statement
    from neonblue.optimization.approve_token import key_of_token
    from neonblue.owner.embedded import run_job

    access = get_access_token()
    key = None if access is None else key_of_token(access.token)
    if key is None:
        raise ApprovalRequiredError(
            "this approves with a token of scope approve: `neonblue approver add NAME --token` "
            "makes one"
        )
    show = {"do": "show", "approval_id": approval_id}
    found = run_job("approvals", show, lambda done, total, message: None)
    digest, expires_at = found["digest"], found["expires_at"]
    signed = grant_statement(approval_id=approval_id, digest=digest, expires_at=expires_at, code="")
    grant = Grant(
        approval_id=approval_id,
        digest=digest,
        expires_at=expires_at,
        public_key=key.public_key,
        signature=key.sign(signed),
    )
    order = {"do": "grant", "approval_id": approval_id, "grant": grant.plain()}
    who = run_job("approvals", order, lambda done, total, message: None)
    return Granted(
        summary=f"approved: {found['act']['kind']} of {found['act']['experiment_id']}, once",
        approved_by=who["approved_by"],
    )


TOOLS = (grant_approval,)
