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


class Plan(Planned):
    """Everything that was fixed at launch, and the status now."""

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
