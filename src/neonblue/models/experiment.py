"""An experiment as it was planned: variants, metrics and the rules fixed at launch."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from neonblue.errors import InvalidInputError
from neonblue.models.circuit_breaker import CircuitBreaker
from neonblue.models.eligibility import LayerSlice, TargetingCondition

ExperimentStatus = Literal[
    "undefined",
    "draft",
    "running",
    "paused",
    "stopped",
    "concluded",
    "rolled_out",
    "rolled_back",
    "archived",
]
MetricKind = Literal["proportion", "mean", "ratio", "quantile"]
MetricRole = Literal["primary", "secondary", "guardrail"]
Direction = Literal["increase", "decrease"]
Aggregation = Literal["any", "count", "sum"]
HashVersion = Literal[2, 3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One experience that units are assigned to.

    ``weight`` is the planned share of units, any positive scale; 0 means no traffic. ``value`` is
    what a feature-flag client gets for it, the variant_id where there is none.
    """

    variant_id: str
    weight: float = 1.0
    is_control: bool = False
    name: str = ""
    description: str = ""
    value: bool | int | float | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDefinition:
    """How a metric is computed from a unit's events after its first exposure.

    A unit's value is: ``any``: 1 if it has an event of ``event_type``, else 0; ``count``: how many;
    ``sum``: the total of ``value``. A ratio divides the sums over units of the numerator and of
    the denominator. ``margin`` (guardrails) and ``mde`` are relative fractions of the control's
    mean: 0.05 is 5 %. ``covariate`` names a numeric property of the exposure event, or, with
    ``pre_period_days``, the same quantity is read from the days before the exposure.
    ``attribution_window_days`` counts only events up to that long after a unit's first exposure.
    """

    name: str
    kind: MetricKind
    event_type: str
    aggregation: Aggregation = "any"
    role: MetricRole = "primary"
    direction: Direction = "increase"
    denominator_event_type: str | None = None
    denominator_aggregation: Aggregation = "count"
    margin: float | None = None
    mde: float | None = None
    covariate: str | None = None
    pre_period_days: float | None = None
    winsorize_quantile: float | None = None
    quantile: float | None = None
    attribution_window_days: float | None = None
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """The plan of an experiment. What decides it is frozen when it starts.

    ``planned_sample_size`` is N*, the planned total number of units over all variants.
    ``segments`` names exposure properties to break results down by. ``source`` says whether
    results are computed from events or from uploaded aggregates. Times are UTC. A version that
    changes what was frozen counts only units first exposed from ``counted_from`` on.

    ``hash_version`` says how units are hashed into variants (docs/assignment.md). All conditions of
    ``targeting`` have to hold for a unit to take part; ``layer`` is the part of a mutual-exclusion
    layer that it has to itself; ``holdout_fraction`` of all units, the same ones for every
    experiment, never take part. ``current_weights``, in plan order, are the weights that new units
    are assigned by now; without them the planned ones. ``roll_out_fraction`` of all units get the
    ``winner`` once it is rolled out. These three move with the status, not with the plan.
    """

    experiment_id: str
    variants: tuple[Variant, ...]
    metrics: tuple[MetricDefinition, ...]
    status: ExperimentStatus = "running"
    version: int = 1
    name: str = ""
    description: str = ""
    hypothesis: str = ""
    experiment_type: str = ""
    industry: str = ""
    unit: str = "user"
    alpha: float = 0.05
    power: float = 0.8
    planned_sample_size: int | None = None
    maximum_sample_size: int | None = None
    minimum_duration_days: float = 7.0
    prior_mean: float = 0.0
    prior_sd: float | None = None
    segments: tuple[str, ...] = ()
    source: Literal["events", "aggregated"] = "events"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    counted_from: datetime | None = None
    created_at: datetime | None = None
    hash_version: HashVersion = 2
    targeting: tuple[TargetingCondition, ...] = ()
    layer: LayerSlice | None = None
    holdout_fraction: float = 0.0
    current_weights: tuple[float, ...] = ()
    circuit_breakers: tuple[CircuitBreaker, ...] = ()
    winner: str = ""
    roll_out_fraction: float = 0.0

    @property
    def control(self) -> Variant:
        """The variant that the others are compared with."""
        for variant in self.variants:
            if variant.is_control:
                return variant
        raise InvalidInputError(
            f"experiment {self.experiment_id!r} has no control variant: "
            "mark one with is_control, or load it again with --control"
        )

    @property
    def treatments(self) -> tuple[Variant, ...]:
        """Every variant that is not the control, in plan order."""
        return tuple(variant for variant in self.variants if not variant.is_control)
