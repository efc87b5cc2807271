"""A plan as tools take it: every field of an experiment that may be chosen before its start."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from neonblue.errors import InvalidInputError
from neonblue.models import Experiment
from neonblue.models.written_text import raw_name
from neonblue.tools.schema import short_schema

SUMS = (1.0, 100.0)
SUM_TOLERANCE = 1e-3


class PlanPart(BaseModel):
    """A part of a plan; a field that is not known may be a slip, and is refused."""

    model_config = ConfigDict(extra="forbid")


class VariantArgument(PlanPart):
    """One experience."""

    variant_id: str = Field(min_length=1, max_length=256)
    weight: float | None = Field(None, ge=0, description="shares sum to 1; equal by default")
    is_control: bool = False
    name: str = ""
    description: str = ""
    value: bool | int | float | str | None = Field(None, description="what a flag client gets")


class MetricArgument(PlanPart):
    """What is measured of each unit after its exposure."""

    name: str = Field(min_length=1, max_length=256)
    event_type: str = Field(min_length=1, max_length=256)
    kind: Literal["proportion", "mean", "ratio", "quantile"] = "proportion"
    aggregation: Literal["any", "count", "sum"] | None = None
    role: Literal["primary", "secondary", "guardrail"] = "primary"
    direction: Literal["increase", "decrease"] = "increase"
    margin: float | None = Field(None, description="guardrail: tolerated relative harm, 0.02")
    mde: float | None = Field(None, description="least relative lift that matters, 0.05")
    denominator_event_type: str | None = None
    denominator_aggregation: Literal["any", "count", "sum"] = "count"
    covariate: str | None = Field(None, description="numeric property of the exposure")
    pre_period_days: float | None = None
    winsorize_quantile: float | None = None
    quantile: float | None = None
    attribution_window_days: float | None = None
    description: str = ""


class BreakerArgument(PlanPart):
    """An absolute limit at which a variant is stopped."""

    metric: str
    limit: float
    side: Literal["above", "below"]
    minimum_units: int = Field(500, ge=1)


class ConditionArgument(PlanPart):
    """A condition on a property of the unit."""

    property: str
    operator: Literal["in", "not_in", "at_least", "at_most", "starts_with", "ends_with"]
    values: list[bool | int | float | str]


class LayerArgument(PlanPart):
    """A slice of a mutual-exclusion layer."""

    name: str
    start: float = 0.0
    end: float = 1.0


class PlanArgument(PlanPart):
    """A whole plan."""

    experiment_id: str = Field(min_length=1, max_length=256)
    variants: list[VariantArgument]
    metrics: list[MetricArgument]
    planned_sample_size: int | None = Field(None, gt=0, description="units_watched of the design")
    circuit_breakers: list[BreakerArgument] = []
    name: str = ""
    hypothesis: str = ""
    description: str = ""
    experiment_type: str = ""
    industry: str = ""
    unit: str = "user"
    alpha: float = 0.05
    power: float = 0.8
    maximum_sample_size: int | None = None
    minimum_duration_days: float = 7.0
    segments: list[str] = []
    targeting: list[ConditionArgument] = []
    layer: LayerArgument | None = None
    holdout_fraction: float = 0.0


# Spelled out where it is used, for clients that do not follow references in a schema.
Plan = Annotated[PlanArgument, WithJsonSchema(short_schema(PlanArgument))]


def experiment_of(plan: PlanArgument) -> Experiment:
    """The plan as an experiment; ``InvalidInputError`` for weights that do not sum."""
    import msgspec

    content: dict[str, Any] = _raw(plan.model_dump(exclude_none=True))
    for variant, weight in zip(content["variants"], _weights(plan), strict=True):
        variant["weight"] = weight
    for metric in content["metrics"]:
        counted = "any" if metric["kind"] == "proportion" else "sum"
        metric.setdefault("aggregation", counted)
    return msgspec.convert({**content, "status": "draft"}, Experiment)


def _raw(value: Any) -> Any:
    """Texts as they are stored, also where a caller repeats them as a design showed them."""
    if isinstance(value, str):
        return raw_name(value)
    if isinstance(value, dict):
        return {key: _raw(each) for key, each in value.items()}
    return [_raw(each) for each in value] if isinstance(value, list) else value


def _weights(plan: PlanArgument) -> list[float]:
    """One weight a variant: as given if they sum to 1 or 100, else equal where none is given."""
    given = [variant.weight for variant in plan.variants if variant.weight is not None]
    if not given:
        return [1.0 for _ in plan.variants]
    if len(given) < len(plan.variants):
        missing = next(v.variant_id for v in plan.variants if v.weight is None)
        raise InvalidInputError(
            f"variant {missing!r} of {plan.experiment_id!r} has no weight and others do: give one "
            "for each, or none for equal shares"
        )
    total = sum(given)
    if not any(abs(total - whole) <= SUM_TOLERANCE * whole for whole in SUMS):
        raise InvalidInputError(
            f"the weights of {plan.experiment_id!r} sum to {total:g}: make them sum to 1"
        )
    return given
