"""What a verdict is made from and what it says: frozen values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from neonblue.models import MetricRole

VerdictDecision = Literal[
    "invalid",
    "keep_running",
    "rollback",
    "ship",
    "review",
    "no_meaningful_effect",
    "inconclusive",
]
CheckStatus = Literal["pass", "warn", "fail", "unknown"]
Key = tuple[str, str]
"""A metric and a treatment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidityCheck:
    """One question about trust; ``fail`` makes the experiment invalid."""

    name: str
    status: CheckStatus
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectPart:
    """The effect in one stretch of time, absolute; ``label`` says which, as in "until 3 March".

    The limits are infinite where too few units came in it.
    """

    label: str
    estimate: float
    ci_lower: float
    ci_upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectChange:
    """An effect that is not what it was: the part before and what there is since.

    ``grade`` is ``"not_shown"`` where an earlier look had decided and the current interval does
    not (which chance alone may do), ``"changed"`` where no constant effect explains both.
    ``lasting`` says that the part since is good by itself.
    """

    grade: Literal["not_shown", "changed"]
    before: EffectPart
    since: EffectPart
    lasting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricEvidence:
    """One treatment against control on one metric, on the absolute scale.

    ``ci_lower`` and ``ci_upper`` are the interval that decides, infinite while nothing is known;
    ``p_value`` is its two-sided p at this look. ``mde`` and ``margin`` are absolute and positive:
    how small an effect matters, and how much harm a guardrail tolerates. ``detail`` says what is
    missing where there is no interval.
    """

    metric: str
    variant: str
    role: MetricRole
    estimate: float
    standard_error: float
    ci_lower: float
    ci_upper: float
    p_value: float
    direction: Literal["increase", "decrease"] = "increase"
    mde: float | None = None
    margin: float | None = None
    detail: str = ""
    change: EffectChange | None = None

    @property
    def key(self) -> Key:
        """The metric and the treatment."""
        return self.metric, self.variant

    @property
    def available(self) -> bool:
        """Whether there is a finite interval to decide from."""
        return math.isfinite(self.ci_lower) and math.isfinite(self.ci_upper)

    @property
    def half_width(self) -> float:
        """Half of the interval's width."""
        return (self.ci_upper - self.ci_lower) / 2.0

    @property
    def worst(self) -> float:
        """The limit on the harmful side, signed so that positive is good."""
        return self.ci_lower if self.direction == "increase" else -self.ci_upper

    @property
    def best(self) -> float:
        """The limit on the good side, signed so that positive is good."""
        return self.ci_upper if self.direction == "increase" else -self.ci_lower

    @property
    def gain(self) -> float:
        """The estimate, signed so that positive is good."""
        return self.estimate if self.direction == "increase" else -self.estimate

    @property
    def harmful(self) -> bool:
        """Whether the whole interval lies on the harmful side."""
        return self.available and self.best < 0.0

    def p_value_for(self, *, good: bool) -> float:
        """The two-sided p where the estimate points that way; else, or where unknown, 1."""
        points = self.gain > 0.0 if good else self.gain < 0.0
        known = self.available and points and self.p_value <= 1.0
        return self.p_value if known else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the experiment has come. ``n`` counts units over all variants.

    ``days`` is None where no times are known (an upload); ``finished`` means that no more units
    are coming. ``maximum_n`` defaults to twice the plan; infinite where nothing was planned.
    """

    n: float
    planned_n: float
    maximum_n: float | None = None
    days: float | None = None
    minimum_days: float = 7.0
    burn_in_n: float = 0.0
    units_per_day: float | None = None
    finished: bool = False

    @property
    def planned(self) -> bool:
        """Whether a number of units was planned."""
        return self.maximum_n != math.inf

    @property
    def last_n(self) -> float:
        """The total at which the experiment has to be decided."""
        return 2.0 * self.planned_n if self.maximum_n is None else self.maximum_n

    @property
    def may_continue(self) -> bool:
        """Whether more units can still come."""
        return not self.finished and self.n < self.last_n


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictReason:
    """One reason: a code for machines, a sentence for people, the numbers behind it."""

    code: str
    message: str
    metric: str | None = None
    variant: str | None = None
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do. ``variant`` is the one to ship or to roll back, where there is one.

    ``deciding`` is the comparison that speaks for the experiment, whatever the decision; None
    where there is none. ``by_variant`` holds each treatment's own decision; ``eta_days`` comes
    with ``keep_running`` where it can be projected. The p-values are adjusted: for being better
    over the primary metrics, for doing harm over all that can raise the alarm.
    """

    decision: VerdictDecision
    reasons: tuple[VerdictReason, ...]
    next_step: str
    variant: str | None = None
    eta_days: float | None = None
    by_variant: Mapping[str, VerdictDecision] = field(default_factory=dict)
    deciding: Key | None = None
    adjusted_p_values: Mapping[Key, float] = field(default_factory=dict)
    harm_p_values: Mapping[Key, float] = field(default_factory=dict)
