"""What a policy says of one act: a pure function, so that the past can be judged again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from neonblue.optimization.acts import EASING, Act, ActKind
from neonblue.optimization.policy import Autonomy, Policy

Answer = Literal["allow", "person", "refuse"]
BEGINNING: frozenset[ActKind] = frozenset({"start", "resume", "set_weights", "roll_out"})
"""Acts that give treatments to more users than before."""
TOLERANCE = 1e-9

ALONE: Mapping[Autonomy, frozenset[ActKind]] = {
    "shadow": frozenset(),
    "propose": EASING,
    "guarded": EASING | {"start", "resume", "set_weights", "conclude", "archive"},
    "autonomous": EASING | {"start", "resume", "set_weights", "conclude", "archive", "roll_out"},
}
"""What each level does without a person, where the policy says nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the rules look at beside the act; None where it is not known.

    ``now`` never goes back, ``wall_clock`` is the time of day.
    ``least_share`` is the smallest variant's share; ``treated_fraction`` the share of all units
    that would see a treatment; ``*_elsewhere`` sums over the other experiments started here.
    ``changes`` maps metrics to the ends of the interval of their relative change, the harmful end
    first and negative for worse. ``measured`` names the experiment's metrics.
    """

    now: datetime
    wall_clock: datetime
    running: int = 0
    days_running: float | None = None
    least_share: float | None = None
    treated_fraction: float | None = None
    treated_elsewhere: float = 0.0
    holdout_fraction: float = 0.0
    risk: float | None = None
    risk_elsewhere: float = 0.0
    measured: tuple[str, ...] = ()
    changes: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why: a code for programs, a sentence for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the policy answers and why; ``approvers`` names who may agree, empty for anyone."""

    answer: Answer
    reasons: tuple[Reason, ...]
    approvers: tuple[str, ...] = ()


def judge(policy: Policy, act: Act, facts: Facts, *, signed: bool) -> Judgement:
    """What the policy says of an act, given the facts.

    Hard limits refuse; budgets, quiet hours and ``needs`` ask for a person. Only a ``signed``
    policy can allow what a person would otherwise have to.
    """
    refusals = tuple(_refusals(policy, act, facts))
    if refusals:
        return Judgement(answer="refuse", reasons=refusals)
    need = policy.needs.get(act.kind)
    approvers = need if isinstance(need, tuple) else ()
    asked = [*_crossed(policy, act, facts)]
    if need == "person" or approvers:
        who = f"one of {', '.join(approvers)}" if approvers else "a person"
        asked.append(Reason(code="needs_person", text=f"the policy asks {who} to agree to it"))
    if asked:
        return Judgement(answer="person", reasons=tuple(asked), approvers=approvers)
    return _unasked(policy, act, facts, signed=signed)


def _unasked(policy: Policy, act: Act, facts: Facts, *, signed: bool) -> Judgement:
    """Nothing speaks against it: whether anything speaks for doing it alone."""
    if act.kind in EASING:
        return _allow("eases", "it only takes treatments away from users")
    day = policy.day(facts.now)
    preapproved = any(one.covers(act.kind, act.experiment_id, day) for one in policy.preapproved)
    alone = policy.needs.get(act.kind) == "nobody" or act.kind in ALONE[policy.autonomy]
    if signed and preapproved:
        return _allow("preapproved", "the signed policy allows it beforehand")
    if signed and alone:
        return _allow("autonomy", f"the signed policy leaves it to autonomy {policy.autonomy!r}")
    if preapproved or alone:
        unsigned = Reason(
            code="unsigned_policy",
            text="the policy would allow it, but is not signed as it stands",
        )
        return Judgement(answer="person", reasons=(unsigned,))
    why = Reason(code="irreversible", text="it gives treatments to users or cannot be taken back")
    return Judgement(answer="person", reasons=(why,))


def _allow(code: str, text: str) -> Judgement:
    return Judgement(answer="allow", reasons=(Reason(code=code, text=text),))


def _refusals(policy: Policy, act: Act, facts: Facts) -> Iterator[Reason]:
    limits = policy.limits
    if policy.needs.get(act.kind) == "never":
        yield Reason(code="never", text=f"the policy never allows {act.kind}")
    if policy.autonomy == "shadow":
        yield Reason(
            code="shadow", text="the policy is in shadow mode: it decides, and does nothing"
        )
    if act.kind in ("start", "resume") and facts.running >= limits.max_running:
        yield Reason(
            code="max_running",
            text=f"{facts.running} experiments run already, the policy allows {limits.max_running}",
        )
    yield from _share_refusals(policy, act, facts)
    waiting = facts.days_running is None or facts.days_running < limits.incubation_days
    if act.kind in ("conclude", "roll_out") and limits.incubation_days > 0 and waiting:
        yield Reason(
            code="incubation",
            text=f"it has run {facts.days_running or 0:.1f} days, and has to run "
            f"{limits.incubation_days:g} before that",
        )
    yield from _falls(policy, act, facts)


def _share_refusals(policy: Policy, act: Act, facts: Facts) -> Iterator[Reason]:
    limits = policy.limits
    if act.kind in ("start", "set_weights") and limits.min_variant_share > 0:
        if facts.least_share is None:
            yield Reason(code="min_variant_share", text="the variants' shares are not known")
        elif facts.least_share < limits.min_variant_share - TOLERANCE:
            yield Reason(
                code="min_variant_share",
                text=f"a variant would get {facts.least_share:.3f} of the units, the policy's "
                f"least is {limits.min_variant_share:g}",
            )
    if act.kind == "start" and facts.holdout_fraction < limits.holdout_floor - TOLERANCE:
        yield Reason(
            code="holdout_floor",
            text=f"the holdout is {facts.holdout_fraction:.3f} of the units, the policy's least "
            f"is {limits.holdout_floor:g}",
        )
    most = 1.0 - limits.holdout_floor
    if act.kind == "roll_out" and (facts.treated_fraction or 1.0) > most + TOLERANCE:
        yield Reason(
            code="holdout_floor", text=f"a roll-out may reach {most:g} of the units, not more"
        )


def _falls(policy: Policy, act: Act, facts: Facts) -> Iterator[Reason]:
    """Metrics that may never fall: measured from the start, shown not to fall before a roll-out,
    and no more traffic once they are seen to."""
    if act.kind not in BEGINNING:
        return
    for metric, tolerated in sorted(policy.never_fall.items()):
        if act.kind == "start":
            if metric not in facts.measured:
                yield Reason(
                    code="never_fall",
                    text=f"{metric!r} may never fall and the experiment does not measure it",
                )
            continue
        change = facts.changes.get(metric)
        if act.kind == "roll_out" and change is None:
            yield Reason(code="never_fall", text=f"how {metric!r} changed is not known")
        elif change is not None:
            end = change[0] if act.kind == "roll_out" else change[1]
            if end < -tolerated:
                may = "may have fallen" if act.kind == "roll_out" else "has fallen"
                yield Reason(
                    code="never_fall",
                    text=f"{metric!r} {may} by {-end:.2%}, and {tolerated:.2%} is tolerated",
                )


def _crossed(policy: Policy, act: Act, facts: Facts) -> Iterator[Reason]:
    """Limits that a person may go beyond."""
    if act.kind not in BEGINNING:
        return
    limits = policy.limits
    if limits.traffic_budget is not None:
        treated = 1.0 if facts.treated_fraction is None else facts.treated_fraction
        total = treated + facts.treated_elsewhere
        if total > limits.traffic_budget + TOLERANCE:
            yield Reason(
                code="traffic_budget",
                text=f"treatments would reach {total:.3f} of the units, the budget is "
                f"{limits.traffic_budget:g}",
            )
    if limits.risk_budget is not None:
        if facts.risk is None:
            yield Reason(code="risk_budget", text="how much could be lost is not known")
        elif facts.risk + facts.risk_elsewhere > limits.risk_budget + TOLERANCE:
            yield Reason(
                code="risk_budget",
                text=f"{facts.risk + facts.risk_elsewhere:.4f} of the primary metric could be "
                f"lost, the budget is {limits.risk_budget:g}",
            )
    if policy.is_quiet(facts.wall_clock):
        yield Reason(code="quiet_hours", text="these are quiet hours")
