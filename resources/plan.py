"""The plan of an experiment as clients read it."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer

from neonblue.models.written_text import fenced

Fenced = Annotated[str, PlainSerializer(fenced, return_type=str)]


class Planned(BaseModel):
    """Read from the frozen dataclasses of ``neonblue.models``."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class PlannedVariant(Planned):
    """One variant and its planned weight."""

    variant_id: str
    weight: float
    is_control: bool
    name: Fenced
    description: Fenced


class PlannedMetric(Planned):
    """One metric as it was defined."""

    name: str
    kind: str
    event_type: str
    aggregation: str
    role: str
    direction: str
    denominator_event_type: str | None
    margin: float | None
    mde: float | None
    covariate: str | None
    pre_period_days: float | None
    winsorize_quantile: float | None
    quantile: float | None
    attribution_window_days: float | None = None
    description: Fenced


class PlannedBreaker(Planned):
    """An absolute limit at which a variant is stopped."""

    metric: str
    limit: float
    side: str
    minimum_units: int


class PlannedCondition(Planned):
    """A condition on a property of the unit."""

    property: str
    operator: str
    values: list[bool | int | float | Fenced]


class PlannedSlice(Planned):
    """The part of a mutual-exclusion layer."""

    name: str
    start: float
    end: float


class Step(Planned):
    """One step of the history; ``state_version`` counts them."""

    state_version: int
    action: str
    status: str
    plan_version: int
    plan_changed: bool
    source: str
    actor: Fenced
    reason: Fenced
    recorded_at: datetime


class Plan(Planned):
    """Everything that was fixed at launch, and the state now."""

    experiment_id: str
    version: int
    status: str
    name: Fenced
    description: Fenced
    hypothesis: Fenced
    variants: list[PlannedVariant]
    metrics: list[PlannedMetric]
    alpha: float
    power: float
    planned_sample_size: int | None
    maximum_sample_size: int | None
    minimum_duration_days: float
    segments: list[str]
    source: str
    started_at: datetime | None
    ended_at: datetime | None
    hash_version: int
    targeting: list[PlannedCondition]
    layer: PlannedSlice | None
    holdout_fraction: float
    circuit_breakers: list[PlannedBreaker]
    current_weights: list[float]
    winner: str
    roll_out_fraction: float


class PlanWithHistory(Plan):
    """The plan, its state version, and how it came to it; older steps are left out."""

    state_version: int
    history: list[Step]
