"""What the loop does next with one experiment: pure rules, the same in shadow and in simulation.

In this order, the first that applies:

1. harm, or a crossed absolute limit: stop at once, then roll back;
2. healing: broken assignment stops the traffic until a person mends it, stale data pause until they
   come again, and so does traffic that never came;
3. incubation: nothing else happens before its days are over;
4. the verdict ``ship`` at the programme's level: conclude with the winner;
5. the verdict says no: conclude without a winner; the idea is futile or the maximum is reached
   while the verdict is open: stop;
6. a concluded winner is rolled out in steps; each step waits its days; all else is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from neonblue.models.outside_text import ours
from neonblue.optimization.acts import ActKind
from neonblue.optimization.loop.situation import Situation
from neonblue.stats.programme import MAXIMUM_RATIO, is_futile

HealingPolicy = Literal["hold", "pause", "roll_back", "restart"]
"""``restart`` ends it like ``roll_back`` and proposes the same idea anew, with units of its own."""

BROKEN = "its assignment is broken"
STALE = "its data have stopped coming"
ASSIGNMENT_CHECKS = frozenset(
    {
        "sample_ratio",
        "multiple_exposures",
        "planned_variants",
        "plan_unchanged",
        "pre_period_balance",
    }
)
"""Failed checks after which the units that have come are lost: only new ones can be trusted."""
FEED_CHECKS = frozenset({"data_freshness"})
"""Failed checks that mend themselves when events flow again."""
QUIET_DAYS = 1.0
"""Nobody waits longer for the first unit, however short the incubation is."""
AT_THE_MAXIMUM = 1.0 - 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopTerms:
    """What holds for all experiments of a loop.

    ``level`` is the programme's one-sided level. ``roll_out_steps`` are the fractions of all units
    that get the winner, ``days_a_step`` how long each is watched. ``on_broken_assignment`` says
    what a failed sample-ratio or assignment check leads to.
    """

    level: float
    incubation_days: float = 1.0
    roll_out_steps: tuple[float, ...] = (0.25, 0.5, 1.0)
    days_a_step: float = 1.0
    maximum_ratio: float = MAXIMUM_RATIO
    on_broken_assignment: HealingPolicy = "pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAct:
    """What to ask the authority for, and why."""

    kind: ActKind
    reason: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ours(self.reason)  # it comes back from the tables that record it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing to do now. ``ended`` is true when nothing will ever be."""

    reason: str
    ended: bool = False


Next = NextAct | Wait


def next_act(seen: Situation, terms: LoopTerms) -> Next:
    """What the loop does next with an experiment."""
    match seen.status:
        case "draft":
            return NextAct(kind="start", reason="it is planned, checked and has not started")
        case "running":
            return next(_running(seen, terms))
        case "paused":
            return next(_paused(seen, terms))
        case "stopped":
            return NextAct(kind="roll_back", reason="it was stopped: everybody gets control again")
        case "concluded" | "rolled_out":
            return _rolling(seen, terms)
        case _:
            return Wait(reason=f"it is {seen.status}", ended=True)


def _running(seen: Situation, terms: LoopTerms) -> Iterator[Next]:
    yield from _harm(seen)
    yield from _healing(seen, terms)
    if seen.days is None or seen.days < terms.incubation_days:
        yield Wait(reason=f"it incubates for {terms.incubation_days:g} days")
    yield from _verdict(seen, terms)
    yield Wait(reason=f"the verdict is {seen.decision}: more units are needed")


def _harm(seen: Situation) -> Iterator[Next]:
    if seen.crossed_limits:
        yield NextAct(kind="stop", reason="beyond its limit: " + "; ".join(seen.crossed_limits))
    if seen.decision == "rollback":
        yield NextAct(kind="stop", reason="a treatment does harm: the verdict is rollback")


def _healing(seen: Situation, terms: LoopTerms) -> Iterator[Next]:
    broken = sorted(ASSIGNMENT_CHECKS & set(seen.failed_checks))
    if broken and terms.on_broken_assignment != "hold":
        kind: ActKind = "pause" if terms.on_broken_assignment == "pause" else "stop"
        yield NextAct(kind=kind, reason=f"{BROKEN}: {', '.join(broken)}")
    if FEED_CHECKS & set(seen.failed_checks):
        yield NextAct(kind="pause", reason=STALE)
    if seen.failed_checks:
        yield Wait(reason=f"it cannot be read: {', '.join(seen.failed_checks)} failed")
    if seen.units == 0 and (seen.days or 0.0) >= max(terms.incubation_days, QUIET_DAYS):
        yield NextAct(kind="pause", reason=f"no unit has come within {seen.days:.1f} days")


def _paused(seen: Situation, terms: LoopTerms) -> Iterator[Next]:
    yield from _harm(seen)
    if seen.failed_checks:
        yield Wait(
            reason=f"paused while {', '.join(seen.failed_checks)} fails: mend it, then resume it "
            "or start a new version"
        )
    if seen.feed_returned:
        yield NextAct(kind="resume", reason="its data come again")
    yield Wait(reason="paused: resume it with change_experiment")


def _verdict(seen: Situation, terms: LoopTerms) -> Iterator[Next]:
    """Ends it, with a winner or without; nothing where more units can still tell."""
    if seen.decision == "ship" and seen.variant and _reaches(seen, terms):
        yield NextAct(
            kind="conclude",
            reason=f"{seen.variant} is better at the programme's level {terms.level:.4f}",
            arguments={"winner": seen.variant},
        )
    if seen.decision in ("no_meaningful_effect", "inconclusive"):
        yield NextAct(kind="conclude", reason=f"the verdict is {seen.decision}")
    if seen.evidence is None:
        return
    if is_futile(seen.evidence) and seen.decision != "ship":
        yield _given_up("it is too unlikely to win to spend more traffic on")
    if seen.evidence.progress >= terms.maximum_ratio * AT_THE_MAXIMUM:
        yield _given_up(f"{terms.maximum_ratio:g} times its planned units do not prove a winner")


def _reaches(seen: Situation, terms: LoopTerms) -> bool:
    """One-sided p is half of the two-sided one on the winning side."""
    return seen.success_p_value is not None and seen.success_p_value / 2.0 <= terms.level


def _given_up(reason: str) -> NextAct:
    return NextAct(kind="stop", reason=reason)


def _rolling(seen: Situation, terms: LoopTerms) -> Next:
    if seen.winner is None:
        return NextAct(kind="roll_back", reason="nothing won: everybody keeps control")
    harm = seen.decision == "rollback" or bool(seen.crossed_limits)
    if seen.status == "rolled_out" and harm:
        return NextAct(kind="roll_back", reason="harm showed during the roll-out")
    step = next((one for one in terms.roll_out_steps if one > seen.roll_out_fraction), None)
    if step is None:
        return Wait(reason="rolled out", ended=True)
    waited = seen.days_since_step is None or seen.days_since_step >= terms.days_a_step
    if seen.status == "rolled_out" and not waited:
        return Wait(reason=f"{seen.roll_out_fraction:.0%} of units are watched for a while")
    if seen.failed_checks and FEED_CHECKS & set(seen.failed_checks) and seen.roll_out_fraction > 0:
        return Wait(reason="no data come from the roll-out: it goes on when they do")
    return NextAct(
        kind="roll_out",
        reason=f"{seen.winner} won",
        arguments={"winner": seen.winner, "fraction": step},
    )
