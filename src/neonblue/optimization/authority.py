"""May this be done? The one gate before every act on an experiment.

First the kill switch, then the policy; what the policy leaves to a person is stored as a request
and answered at once. An approval is used up by exactly one act: the same digest, the same state
and policy, before it expires, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from neonblue.errors import ConflictError, InvalidInputError
from neonblue.optimization import facts as fact_gathering
from neonblue.optimization.acts import EASING, Act, ActKind, Actor
from neonblue.optimization.approval_desk import ApprovalDesk, Grant, Waiting
from neonblue.optimization.approvers import Approver, Approvers, read_approvers
from neonblue.optimization.audit import AuditLog
from neonblue.optimization.authority_files import AuthorityFiles
from neonblue.optimization.kill_switch import LIFT_COMMAND, Halt, KillSwitch
from neonblue.optimization.permission import Allowed, PendingApproval, Permission, Refused
from neonblue.optimization.policy import Policy
from neonblue.optimization.policy_in_force import PolicyInForce, read_in_force
from neonblue.optimization.policy_rules import Judgement, Reason, judge
from neonblue.optimization.question import Question
from neonblue.stores.log_witnesses import FORECAST_ENTRIES

if TYPE_CHECKING:
    from neonblue.stores import Store

Clock = Callable[[], datetime]
StateVersion = Callable[[str], int]


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Authority:
    """Decides acts. ``state_version`` says how often an experiment has changed, where known."""

    def __init__(
        self,
        store: Store,
        files: AuthorityFiles,
        *,
        audit: AuditLog | None = None,
        clock: Clock = utc_now,
        state_version: StateVersion | None = None,
    ) -> None:
        self.files = files
        self.audit = audit or AuditLog(store.audit, clock=clock)
        self.desk = ApprovalDesk(store, self.audit)
        self.kill_switch = KillSwitch(store.halts, files.stop)
        self._store = store
        self._clock = clock
        self._state_version = state_version

    def wall_clock(self) -> datetime:
        """The time of day."""
        return self._clock()

    def now(self) -> datetime:
        """The time, never before the newest entry of the audit log: setting the clock back brings
        no approval back to life."""
        return max(self._clock(), self.audit.newest_time())

    def approvers(self) -> Approvers:
        """The registry, held against the one that the audit log saw last."""
        found = read_approvers(self.files.approvers)
        if found.fault:
            return found
        seen = self.audit.newest("approvers")
        known = "" if seen is None else str(seen.details.get("head"))
        if known == found.head:
            return found
        if known and known not in found.heads:
            return Approvers(
                fault=f"the registry of approvers {str(self.files.approvers)!r} is not the one "
                "that was seen before: put that one back"
            )
        content = {
            "head": found.head,
            "keys": [[k.name, k.method, k.public_key] for k in found.keys],
        }
        self.audit.append("approvers", actor="registry", content=content)
        return found

    def policy(self, approvers: Approvers | None = None) -> PolicyInForce:
        """The policy that holds now; a change of it is logged.

        Raises ``InvalidInputError`` for a policy that cannot be used.
        """
        known = self.audit.entries("policy")
        serials = [int(entry.details["serial"]) for entry in known]
        found = read_in_force(
            self.files, approvers or self.approvers(), least_serial=max(serials, default=0)
        )
        if not known or known[-1].details["version"] != found.version:
            self.audit.append("policy", actor="policy file", content=found.record())
        return found

    def act(
        self, kind: ActKind, experiment_id: str, arguments: Mapping[str, Any], state_version: int
    ) -> Act:
        """An act under the policy that holds now."""
        return Act(
            kind=kind,
            experiment_id=experiment_id,
            arguments=arguments,
            state_version=state_version,
            policy_version=self._policy_for(kind, self.approvers()).version,
        )

    def decide(
        self,
        act: Act,
        actor: Actor,
        *,
        figures: Mapping[str, Any] | None = None,
        claimant: str | None = None,
    ) -> Permission:
        """Whether the act may be done now, by the policy or by an approval that it uses up.

        ``figures`` are computed values that a person should see and policies may need (see
        ``facts.gather``). ``claimant`` is who may ask again after a crash without losing the
        approval; without it, an approval that was used is gone. Call ``confirm`` right before
        doing it and ``record`` after.
        """
        approvers = self.approvers()
        in_force = self._policy_for(act.kind, approvers)
        given = figures or {}
        now = self.now()
        question = Question(
            act=act,
            actor=actor,
            figures=given,
            facts=fact_gathering.gather(
                self._store, self.audit, act, given, now=now, wall_clock=self._clock()
            ),
            in_force=in_force,
            claimant=claimant or uuid4().hex,
        )
        if (stopped := self._stopped(question, approvers)) is not None:
            return self._refused(question, Judgement(answer="refuse", reasons=(stopped,)))
        judgement = judge(in_force.policy, act, question.facts, signed=in_force.signed)
        if judgement.answer == "refuse":
            return self._refused(question, judgement)
        if judgement.answer == "allow":
            return self._allowed(question, judgement)
        return self._by_person(question, judgement, approvers)

    def grant(self, grant: Grant) -> Approver:
        """Keep an approver's signature under a request that waits.

        Raises ``ConflictError`` for a request that is over or stale and for a signature that does
        not hold.
        """
        approvers, now = self.approvers(), self.now()
        act = Act.read(self.desk.get(grant.approval_id).act)
        if (stale := self._stale(act) or self._stale_policy(act, approvers)) is not None:
            raise ConflictError(f"approval {grant.approval_id!r} is stale: {stale.text}")
        approver = self.desk.keep_grant(grant, approvers, now)
        content = {"approval_id": grant.approval_id, "digest": grant.digest, **_whose(approver)}
        self.audit.append(
            "granted", actor=approver.name, experiment_id=act.experiment_id, content=content
        )
        return approver

    def deny(self, approval_id: str, actor: str) -> None:
        """Close a request: the act has to be asked for again. Anybody may."""
        request = self.desk.get(approval_id)
        self._store.approvals.add_step(approval_id, "denied", {"actor": actor}, self.now())
        act = Act.read(request.act)
        self.audit.append(
            "denied",
            actor=actor,
            experiment_id=act.experiment_id,
            content={"approval_id": approval_id, "digest": request.digest},
        )

    def halt(self, *, by: str, reason: str) -> Halt:
        """Throw the kill switch."""
        halt = self.kill_switch.throw(by=by, reason=reason)
        self.audit.append("halted", actor=by, content={"halt": halt.halt_id, "reason": reason})
        return halt

    def lift(self, *, public_key: str, signature: str) -> tuple[Halt, ...]:
        """Lift every halt with an approver's signature over them."""
        approvers = self.approvers()
        halts = self.kill_switch.lift(approvers, public_key=public_key, signature=signature)
        signer = approvers.find(public_key)
        content = {"halts": [halt.halt_id for halt in halts], "public_key": public_key}
        name = "" if signer is None else signer.name
        self.audit.append("lifted", actor=name, content=content)
        return halts

    def confirm(self, allowed: Allowed) -> None:
        """Look at the kill switch and the state once more, right before the act.

        Raises ``ConflictError`` when the switch was thrown or the state moved meanwhile.
        """
        act = allowed.act
        reason = self._halted(act, self.approvers()) or self._stale(act)
        if reason is not None:
            self.record(allowed, "failed", {"reason": reason.text})
            raise ConflictError(f"{act.kind} of {act.experiment_id!r} was not done: {reason.text}")

    def record(
        self,
        allowed: Allowed,
        outcome: Literal["done", "failed"] = "done",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Log that an allowed act was ``done`` or ``failed``."""
        self.audit.append(
            outcome,
            actor=str(allowed.actor),
            experiment_id=allowed.act.experiment_id,
            content={
                "act": {"kind": allowed.act.kind, "state_version": allowed.act.state_version},
                "digest": allowed.act.digest(),
                "allowed": allowed.entry_id,
                "facts": allowed.facts,
                "details": dict(details or {}),
            },
        )

    def _policy_for(self, kind: ActKind, approvers: Approvers) -> PolicyInForce:
        """A policy that cannot be used stops everything but what eases."""
        try:
            return self.policy(approvers)
        except InvalidInputError:
            if kind not in EASING:
                raise
            return PolicyInForce(policy=Policy(), note="the policy file cannot be used")

    def _stopped(self, question: Question, approvers: Approvers) -> Reason | None:
        act = question.act
        stale = self._stale_policy(act, approvers) or self._stale(act)
        return stale or self._halted(act, approvers)

    def _stale_policy(self, act: Act, approvers: Approvers) -> Reason | None:
        if act.kind in EASING or act.policy_version == self.policy(approvers).version:
            return None
        return Reason(
            code="stale_policy",
            text="the policy changed since the act was put together: ask for it again",
        )

    def _stale(self, act: Act) -> Reason | None:
        if self._state_version is None:
            return None
        current = self._state_version(act.experiment_id)
        if current == act.state_version:
            return None
        return Reason(
            code="stale_state",
            text=f"{act.experiment_id!r} is at version {current} and the act was for version "
            f"{act.state_version}: look at it and ask again",
        )

    def _halted(self, act: Act, approvers: Approvers) -> Reason | None:
        if act.kind in EASING:
            return None
        halts = self.kill_switch.thrown(approvers)
        if not halts:
            return None
        return Reason(
            code="halted", text=f"{halts[0].text}; a person lifts that with `{LIFT_COMMAND}`"
        )

    def _by_person(
        self, question: Question, judgement: Judgement, approvers: Approvers
    ) -> Permission:
        """Use an approval that was granted for exactly this act, or store the request."""
        check = self.audit.verify()
        if not check.unbroken:
            text = f"the audit log does not verify ({check.faults[0]}): run `neonblue audit verify`"
            broken = Reason(code="audit_broken", text=text)
            return self._refused(question, Judgement(answer="refuse", reasons=(broken,)))
        found = self._left_by_crash(question, approvers)
        if found is None:
            found = self.desk.open(question.act.digest(), approvers, question.facts.now)
        if found is not None and found.state == "granted":
            return self._used(question, judgement, found)
        return self._asked(question, judgement, approvers, found)

    def _left_by_crash(self, question: Question, approvers: Approvers) -> Waiting | None:
        """An approval that this claimant used up and then did not come to act on."""
        digest = question.act.digest()
        ended = (*self.audit.entries("done"), *self.audit.entries("failed"))
        if any(entry.details["digest"] == digest for entry in ended):
            return None
        return self.desk.held(digest, question.claimant, approvers, question.facts.now)

    def _used(self, question: Question, judgement: Judgement, found: Waiting) -> Permission:
        assert found.approver is not None
        if not self.desk.use(found, question.claimant):
            used = Reason(code="used", text="that approval was used already: ask for it again")
            return self._refused(question, Judgement(answer="refuse", reasons=(used,)))
        return self._allowed(
            question,
            judgement,
            approval_id=found.request.approval_id,
            approved_by=found.approver.name,
        )

    def _asked(
        self,
        question: Question,
        judgement: Judgement,
        approvers: Approvers,
        found: Waiting | None,
    ) -> Permission:
        terms = question.in_force.policy.approval
        now = question.facts.now
        if found is None:
            waiting = [one for one in self.desk.all(approvers, now) if one.state == "waiting"]
            if len(waiting) >= terms.max_pending:
                text = f"{len(waiting)} acts wait for a person already: let those be decided first"
                full = Reason(code="max_pending", text=text)
                return self._refused(question, Judgement(answer="refuse", reasons=(full,)))
            request = self.desk.ask(
                question.act,
                question.actor,
                reasons=[reason.text for reason in judgement.reasons],
                approvers=judgement.approvers,
                figures=question.figures,
                terms=terms,
                now=now,
            )
            self._log("asked", question, judgement, approval_id=request.approval_id)
        else:
            request = found.request
        command = f"neonblue approve {request.approval_id}"
        nobody = "" if approvers.keys else " (first `neonblue approver add NAME`: nobody can yet)"
        return PendingApproval(
            act=question.act,
            approval_id=request.approval_id,
            reasons=tuple(reason.text for reason in judgement.reasons),
            expires_at=request.expires_at,
            command=command,
            text=(
                f"{question.act.kind} of {question.act.experiment_id!r} waits for a person, since "
                f"{request.reason}. Nothing was done. A person runs `{command}`{nobody} until "
                f"{request.expires_at:%Y-%m-%d %H:%M} UTC; then ask for the same again"
            ),
        )

    def _allowed(
        self,
        question: Question,
        judgement: Judgement,
        approval_id: str | None = None,
        approved_by: str | None = None,
    ) -> Allowed:
        entry_id = self._log(
            "allowed", question, judgement, approval_id=approval_id, approved_by=approved_by
        )
        return Allowed(
            act=question.act,
            actor=question.actor,
            reason="; ".join(reason.text for reason in judgement.reasons),
            entry_id=entry_id,
            facts=fact_gathering.plain(question.facts),
            approval_id=approval_id,
            approved_by=approved_by,
        )

    def _refused(self, question: Question, judgement: Judgement) -> Refused:
        self._log("refused", question, judgement)
        act, reasons = question.act, judgement.reasons
        why = "; ".join(reason.text for reason in reasons)
        return Refused(
            act=act,
            code=reasons[0].code,
            text=f"{act.kind} of {act.experiment_id!r} is refused: {why}. Nothing was done",
        )

    def _log(self, event: Any, question: Question, judgement: Judgement, **more: Any) -> str:
        entry = self.audit.append(
            event,
            actor=str(question.actor),
            experiment_id=question.act.experiment_id,
            content={
                **question.record(judgement, **more),
                FORECAST_ENTRIES: self._store.forecasts.entries_seen(),
            },
        )
        return entry.entry_id


def _whose(approver: Approver) -> dict[str, str]:
    return {"method": approver.method, "public_key": approver.public_key}
