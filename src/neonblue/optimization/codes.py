"""Approving with a code that a person types into a client: left by their key, or from their app."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from neonblue.errors import ConflictError
from neonblue.optimization import totp
from neonblue.optimization.approval_desk import Grant, grant_statement
from neonblue.optimization.approvers import Approver
from neonblue.optimization.one_time_code import code_digest
from neonblue.optimization.signatures import SigningKey, is_signed

if TYPE_CHECKING:
    from neonblue.optimization.authority import Authority
    from neonblue.stores import Store
    from neonblue.stores.approvals import ApprovalRequest

CODE_MINUTES = 15
WRONG_CODES_AN_HOUR = 10
"""Over all requests: asking for other acts brings no more tries."""


class Codes:
    """Tries codes against what approvers left for a request, and against their apps."""

    def __init__(self, store: Store, authority: Authority) -> None:
        self._store = store
        self._authority = authority

    def leave(self, grant: Grant, digest: str) -> Approver:
        """Keep a signature that counts together with its code alone, of which only the digest is
        kept. Raises ``ConflictError`` unless an approver signed it for a request that waits."""
        authority = self._authority
        request = authority.desk.get(grant.approval_id)
        approvers = authority.approvers()
        found = authority.desk.stand(request, approvers, authority.now())
        approver = approvers.find(grant.public_key)
        signed = grant_statement(
            approval_id=grant.approval_id,
            digest=request.digest,
            expires_at=grant.expires_at,
            code=digest,
        )
        valid = is_signed(signed, public_key=grant.public_key, signature=grant.signature)
        if found.state != "waiting" or approver is None or approver.method != "key" or not valid:
            raise ConflictError(
                f"no code can be left for {grant.approval_id!r}, which is {found.state}: it needs "
                "an approver's key and an act that waits"
            )
        content = {**grant.plain(), "code": digest}
        self._store.approvals.add_step(grant.approval_id, "code", content, authority.now())
        return approver

    def redeem(self, approval_id: str, code: str, *, actor: str) -> Approver:
        """Approve a request with a code; returns whose it is.

        Raises ``ConflictError`` for a wrong code, and after too many of them.
        """
        authority = self._authority
        request = authority.desk.get(approval_id)
        approvers, now = authority.approvers(), authority.now()
        found = authority.desk.stand(request, approvers, now)
        if found.state != "waiting":
            raise ConflictError(f"approval {approval_id!r} is {found.state}: no code is needed")
        if self._wrong_lately(now) >= WRONG_CODES_AN_HOUR:
            raise ConflictError(
                f"{WRONG_CODES_AN_HOUR} wrong codes came within an hour, so none is taken now: run "
                f"`neonblue approve {approval_id}` at a terminal"
            )
        for grant in (*self._left(request, code), *self._from_app(request, code)):
            return authority.grant(grant)
        content = {"actor": actor}
        self._store.approvals.add_step(approval_id, "wrong_code", content, now)
        authority.audit.append("wrong_code", actor=actor, content={"approval_id": approval_id})
        raise ConflictError(
            f"that code does not approve {approval_id!r}: a person makes one with "
            f"`neonblue approver code {approval_id}`; it holds {CODE_MINUTES} minutes"
        )

    def _wrong_lately(self, now: datetime) -> int:
        since = now - timedelta(hours=1)
        return sum(
            step.step == "wrong_code" and step.taken_at > since
            for step in self._store.approvals.steps()
        )

    def _left(self, request: ApprovalRequest, code: str) -> Iterator[Grant]:
        digest = code_digest(code, request.approval_id)
        for step in self._store.approvals.steps(request.approval_id):
            left = step.content
            if step.step == "code" and hmac.compare_digest(str(left.get("code")), digest):
                yield Grant(
                    approval_id=request.approval_id,
                    digest=request.digest,
                    expires_at=str(left.get("expires_at")),
                    public_key=str(left.get("public_key")),
                    signature=str(left.get("signature")),
                    code=code,
                )

    def _from_app(self, request: ApprovalRequest, code: str) -> Iterator[Grant]:
        authority = self._authority
        for approver in authority.approvers().keys:
            if approver.method != "totp":
                continue
            secret = totp.read_secret(totp.secret_path(authority.files.totp, approver.name))
            if secret is None:
                continue

            def take(step: int, whose: str = approver.public_key) -> bool:
                return self._store.claims.take(f"totp:{whose}:{step}", uuid4().hex)

            if totp.is_code(code, secret, authority.wall_clock(), take):
                yield signed_grant(request, totp.key_of_secret(secret))


def signed_grant(request: ApprovalRequest, key: SigningKey) -> Grant:
    """A grant of this request, for as long as it waits."""
    expires_at = request.expires_at.isoformat()
    signed = grant_statement(
        approval_id=request.approval_id, digest=request.digest, expires_at=expires_at, code=""
    )
    return Grant(
        approval_id=request.approval_id,
        digest=request.digest,
        expires_at=expires_at,
        public_key=key.public_key,
        signature=key.sign(signed),
    )
