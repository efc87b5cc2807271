"""What an analysis says: frozen values from the statistics, before any wire format."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from neonblue.intelligence.effect_by_days import EffectByDays
from neonblue.intelligence.terms import Terms
from neonblue.models import Experiment, MetricDefinition
from neonblue.stats.verdict_evidence import VerdictDecision

CheckStatus = Literal["pass", "warn", "fail", "unknown"]
Availability = Literal["available", "withheld", "insufficient_data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question about trust; ``fail`` makes the experiment invalid.

    ``metrics`` are those that it warns of, where it is about some and not about all.
    """

    name: str
    status: CheckStatus
    detail: str
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """Whether effects may be read. Both p-values test the counts against the plan."""

    checks: tuple[Check, ...]
    srm_p_value: float | None
    srm_sequential_p_value: float | None

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that make the experiment invalid."""
        return tuple(check for check in self.checks if check.status == "fail")

    @property
    def status(self) -> Literal["valid", "warning", "invalid"]:
        """The worst of the checks."""
        if self.failed:
            return "invalid"
        return "warning" if any(check.status == "warn" for check in self.checks) else "valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedHorizon:
    """The textbook test, right once, at the planned number of units; and what then decides.

    ``deciding_*`` is the same look with the sequence's guards (``stats.one_look``): where a variant
    is rare or values are skewed the textbook's own interval is too narrow. ``detail`` says why
    nothing is decided yet.
    """

    method: str
    p_value: float
    ci_lower: float
    ci_upper: float
    relative_ci_lower: float | None
    relative_ci_upper: float | None
    degrees_of_freedom: float | None
    deciding_ci_lower: float = -math.inf
    deciding_ci_upper: float = math.inf
    deciding_p_value: float = 1.0
    deciding_relative_ci_lower: float | None = None
    deciding_relative_ci_upper: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One variant against control on one metric.

    Means are as observed; the difference, its interval and the anytime-valid ``p_value`` are
    adjusted by the covariate where there is one. ``p_value`` is of this look; ``least_p_value``
    the least over all looks, which is history and decides nothing.

    ``adjusted_p_value`` (of primary metrics, that it is better) and ``harm_p_value`` (of primary
    metrics and guardrails, that it is worse) are what the verdict went by.

    ``information`` is what a unit carries (``stats.sequential_time``), 0 before burn-in, and
    ``settled`` whether the plan's end may be read from it; ``units_ended`` that no
    unit had come for half of the time.
    """

    metric: str
    variant: str
    n_control: int
    n_treatment: int
    mean_control: float
    mean_treatment: float
    absolute_difference: float
    standard_error: float
    ci_lower: float
    ci_upper: float
    relative_lift: float | None
    relative_standard_error: float | None
    relative_ci_lower: float | None
    relative_ci_upper: float | None
    p_value: float
    fixed_horizon: FixedHorizon | None
    chance_to_win: float | None
    expected_loss: float | None
    shrunk_relative_lift: float | None
    adjusted_p_value: float | None = None
    harm_p_value: float | None = None
    least_p_value: float = 1.0
    shrunk_ci_lower: float | None = None
    shrunk_ci_upper: float | None = None
    covariate_variance_reduction: float | None = None
    note: str | None = None
    information: float = 0.0
    settled: bool = False
    units_ended: bool = False

    def deciding_interval(self, *, fixed: bool) -> tuple[float, float]:
        """The sequence, or the guarded one-look interval where that may decide."""
        if fixed and self.fixed_horizon is not None:
            return self.fixed_horizon.deciding_ci_lower, self.fixed_horizon.deciding_ci_upper
        return self.ci_lower, self.ci_upper

    def deciding_p_value(self, *, fixed: bool) -> float:
        """The two-sided p of the interval that decides, before any correction."""
        if fixed and self.fixed_horizon is not None:
            return self.fixed_horizon.deciding_p_value
        return self.p_value


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricEffects:
    """One metric over all treatments; ``gaps`` says of a treatment why it was not compared."""

    definition: MetricDefinition
    status: Availability
    comparisons: tuple[Comparison, ...] = ()
    detail: str = ""
    gaps: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        definition: MetricDefinition,
        comparisons: Sequence[Comparison],
        gaps: Mapping[str, str],
    ) -> MetricEffects:
        """What could be compared, and of each other treatment why not."""
        return cls(
            definition=definition,
            status="available" if comparisons else "insufficient_data",
            comparisons=tuple(comparisons),
            detail="; ".join(f"{variant}: {why}" for variant, why in gaps.items()),
            gaps=gaps,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why the verdict is what it is."""

    code: str
    detail: str
    metric: str | None = None
    variant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict in words and codes; ``deciding`` is the (metric, variant) that it rests on."""

    decision: VerdictDecision
    variant: str | None
    eta_days: float | None
    reasons: tuple[Reason, ...]
    next_step: str
    deciding: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedLook:
    """Where this analysis stands in the ledger.

    ``fixed_horizon_decides`` only after an end that nobody looked at beforehand. ``withheld`` says
    why no outcome may be shown at all, '' where they may; ``held_back`` why the one look that
    decides is not made here.
    """

    recorded: bool
    number: int
    units: int
    planned_units: int | None
    fixed_horizon_shown: bool
    fixed_horizon_decides: bool
    detail: str
    withheld: str = ""
    held_back: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEffect:
    """One segment and how it differs from all other units, for one metric and variant."""

    value: str
    metric: str
    variant: str
    n_control: int
    n_treatment: int
    absolute_difference: float
    ci_lower: float
    ci_upper: float
    relative_lift: float | None
    relative_ci_lower: float | None
    relative_ci_upper: float | None
    mean_control: float
    mean_treatment: float
    difference_from_rest: float | None
    p_value: float | None
    adjusted_p_value: float | None
    differs: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentBreakdown:
    """Results by one exposure property, adjusted over all its segments."""

    segment: str
    status: Availability
    method: str
    detail: str
    effects: tuple[SegmentEffect, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Everything that one analysis found.

    ``prior_notes`` say where its priors come from; ``units_per_day`` how fast units came.
    """

    experiment: Experiment
    as_of: datetime
    decision: Decision
    validity: Validity
    look: RecordedLook
    metrics: tuple[MetricEffects, ...]
    segments: SegmentBreakdown | None
    notes: tuple[str, ...]
    terms: Terms
    last_event_at: datetime | None
    by_days: tuple[EffectByDays, ...] = ()
    prior_notes: tuple[str, ...] = ()
    units_per_day: float | None = None
