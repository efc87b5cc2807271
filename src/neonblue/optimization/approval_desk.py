"""Requests for a person's approval: kept, granted by signatures, used up once.

Whatever stands in a row is checked again when it is used: the digest of the act that is about to
happen, the signature over it, whose key that is, the time, the claim and the audit log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from neonblue.errors import ConflictError, NotFoundError
from neonblue.optimization.acts import Act, Actor, canonical
from neonblue.optimization.approvers import Approver, Approvers
from neonblue.optimization.one_time_code import code_digest
from neonblue.optimization.signatures import is_signed, statement
from neonblue.stores.approvals import ApprovalRequest, ApprovalStep

if TYPE_CHECKING:
    from neonblue.optimization.audit import AuditLog
    from neonblue.optimization.policy import ApprovalTerms
    from neonblue.stores import Store

State = Literal["waiting", "granted", "used", "denied", "expired", "locked"]
MAX_WRONG_CODES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A signature that agrees to one request, as somebody presents it.

    ``code`` is the one-time code that the signature was bound to, if it was; empty otherwise.
    """

    approval_id: str
    digest: str
    expires_at: str
    public_key: str
    signature: str
    code: str = ""

    @property
    def signed(self) -> bytes:
        """The statement that the signature is over."""
        return grant_statement(
            approval_id=self.approval_id,
            digest=self.digest,
            expires_at=self.expires_at,
            code=code_digest(self.code, self.approval_id) if self.code else "",
        )

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request and where it stands; ``grant`` when somebody agreed."""

    request: ApprovalRequest
    state: State
    grant: Grant | None = None
    approver: Approver | None = None


def grant_statement(*, approval_id: str, digest: str, expires_at: str, code: str) -> bytes:
    """What an approver's key signs. ``code`` is the digest of the one-time code, or empty."""
    return statement(
        "approval", approval_id=approval_id, act=digest, expires_at=expires_at, code=code
    )


class ApprovalDesk:
    """Keeps requests and decides what a grant is worth; knows nothing of policies."""

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit

    def get(self, approval_id: str) -> ApprovalRequest:
        """The request of that id; its act is exactly what its digest says.

        Raises ``NotFoundError``, and ``ConflictError`` when the row is not as it was kept.
        """
        request = self._store.approvals.find(approval_id)
        if request is None:
            raise NotFoundError(
                f"there is no approval {approval_id!r}: `neonblue approve` without an id lists them"
            )
        if Act.read(request.act).digest() != request.digest:
            raise ConflictError(
                f"approval {approval_id!r} is not as it was kept: ask for the act again, and run "
                "`neonblue audit verify`"
            )
        return request

    def open(self, digest: str, approvers: Approvers, now: datetime) -> Waiting | None:
        """The request for exactly this act that can still be used, if there is one."""
        for request in reversed(self._store.approvals.of_digest(digest)):
            found = self.stand(request, approvers, now)
            if found.state in ("waiting", "granted"):
                return found
        return None

    def held(
        self, digest: str, claimant: str, approvers: Approvers, now: datetime
    ) -> Waiting | None:
        """The request for this act that ``claimant`` took, while its grant still holds."""
        for request in reversed(self._store.approvals.of_digest(digest)):
            if self._store.claims.holder(_claim(request.approval_id)) == claimant:
                steps = self._store.approvals.steps(request.approval_id)
                found = _stand(request, steps, False, approvers, now)
                return found if found.state == "granted" else None
        return None

    def all(self, approvers: Approvers, now: datetime) -> list[Waiting]:
        """Every request with its state, oldest first."""
        steps = self._store.approvals.steps()
        by_id: dict[str, list[ApprovalStep]] = {}
        for step in steps:
            by_id.setdefault(step.approval_id, []).append(step)
        used = self._used()
        return [
            _stand(one, by_id.get(one.approval_id, ()), one.approval_id in used, approvers, now)
            for one in self._store.approvals.all()
        ]

    def stand(self, request: ApprovalRequest, approvers: Approvers, now: datetime) -> Waiting:
        """Where a request stands now."""
        name = request.approval_id
        used = self._store.claims.holder(_claim(name)) is not None or name in self._used()
        return _stand(request, self._store.approvals.steps(name), used, approvers, now)

    def ask(
        self,
        act: Act,
        actor: Actor,
        *,
        reasons: Sequence[str],
        approvers: Sequence[str],
        figures: Mapping[str, Any],
        terms: ApprovalTerms,
        now: datetime,
    ) -> ApprovalRequest:
        """Keep a request. Its id follows from the act, so two that ask at once ask for one."""
        earlier = len(self._store.approvals.of_digest(act.digest()))
        mark = hashlib.sha256(f"{act.digest()}:{earlier}".encode()).hexdigest()[:10]
        return self._store.approvals.request(
            ApprovalRequest(
                approval_id=f"ap_{mark}",
                digest=act.digest(),
                act=act.text,
                figures=canonical(figures),
                reason="; ".join(reasons),
                actor=str(actor),
                approvers=tuple(approvers),
                requested_at=now,
                expires_at=now + timedelta(hours=terms.valid_hours),
            )
        )

    def keep_grant(self, grant: Grant, approvers: Approvers, now: datetime) -> Approver:
        """Keep a grant that is worth something, and return whose it is.

        Raises ``ConflictError`` for a request that is over and a signature that does not hold.
        """
        request = self.get(grant.approval_id)
        found = self.stand(request, approvers, now)
        if found.state == "granted" and found.approver is not None:
            return found.approver
        if found.state != "waiting":
            raise ConflictError(
                f"approval {grant.approval_id!r} is {found.state}: ask for it again"
            )
        approver = valid_approver(grant, request, approvers, now)
        if approver is None:
            raise ConflictError(
                f"that does not approve {grant.approval_id!r}: the signature is not an approver's, "
                "or is for another act or time; run `neonblue approve` at a terminal"
            )
        self._store.approvals.add_step(grant.approval_id, "granted", grant.plain(), now)
        return approver

    def use(self, found: Waiting, claimant: str) -> bool:
        """Use up a granted request; True for the one claimant who gets it."""
        return self._store.claims.take(_claim(found.request.approval_id), claimant)

    def _used(self) -> set[str]:
        """Also by the audit log, where a deleted claim does not help."""
        return {str(entry.details.get("approval_id")) for entry in self._audit.entries("allowed")}


def valid_approver(
    grant: Grant, request: ApprovalRequest, approvers: Approvers, now: datetime
) -> Approver | None:
    """Who agreed to exactly this request, with a signature that holds now; None for nobody."""
    approver = approvers.find(grant.public_key)
    if approver is None or (request.approvers and approver.name not in request.approvers):
        return None
    if (grant.approval_id, grant.digest) != (request.approval_id, request.digest):
        return None
    try:
        expires_at = datetime.fromisoformat(grant.expires_at)
        if now >= expires_at:
            return None
    except (ValueError, TypeError):
        return None
    signed = is_signed(grant.signed, public_key=grant.public_key, signature=grant.signature)
    return approver if signed else None


def _stand(
    request: ApprovalRequest,
    steps: Sequence[ApprovalStep],
    used: bool,
    approvers: Approvers,
    now: datetime,
) -> Waiting:
    kinds = [step.step for step in steps]
    if used:
        return Waiting(request=request, state="used")
    if "denied" in kinds:
        return Waiting(request=request, state="denied")
    if now >= request.expires_at:
        return Waiting(request=request, state="expired")
    for step in steps:
        if step.step == "granted" and (grant := _read_grant(step.content)) is not None:
            approver = valid_approver(grant, request, approvers, now)
            if approver is not None:
                return Waiting(request=request, state="granted", grant=grant, approver=approver)
    if kinds.count("wrong_code") >= MAX_WRONG_CODES:
        return Waiting(request=request, state="locked")
    return Waiting(request=request, state="waiting")


def _read_grant(content: Mapping[str, Any]) -> Grant | None:
    try:
        return Grant(**{name: str(value) for name, value in content.items()})
    except TypeError:
        return None


def _claim(approval_id: str) -> str:
    return f"approval:{approval_id}"
