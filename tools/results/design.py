"""The answer of ``design_experiment``."""

from typing import Any

from neonblue.tools.results.figure import Answer, Figure


class EffectAfterDays(Answer):
    """The least relative lift that so many days of traffic find; null where none is found."""

    days: int
    units: int
    lift_watched: Figure | None
    lift_one_look: Figure | None


class PlanForecast(Answer):
    """What finished experiments like it make likely; null figures with ``insufficient_data``."""

    status: str
    success: Figure | None
    failure: Figure | None
    neutral: Figure | None
    relative_lift: Figure | None
    past_experiments: int
    detail: str


class Design(Answer):
    """Units and days that find the effect, by how the experiment will be watched.

    With a goal also ``plan``, whole, as create_experiment takes it.
    """

    summary: str
    detectable: bool
    undetectable_because: str
    would_be_detectable_with: list[str]
    units_watched: int
    units_one_look: int
    watched_costs: Figure
    units_per_variant_watched: list[int]
    days_watched: Figure | None
    days_one_look: Figure | None
    units_per_day: Figure | None
    mde: Figure
    power: Figure
    alpha_per_comparison: Figure
    baseline_mean: Figure
    baseline_sd: Figure
    variance_reduction: Figure
    baseline_source: str
    next_step: str
    risks: list[str]
    found_in_14_days: EffectAfterDays | None
    effect_by_days: list[EffectAfterDays]
    plan: dict[str, Any] | None
    how_watched: str
    conflicts: list[str]
    forecast: PlanForecast | None
    details: list[str]
