"""The answer of ``design_experiment``."""

from neonblue.tools.results.figure import Answer, Figure


class Design(Answer):
    """Units and days that find the effect, by how the experiment will be watched."""

    summary: str
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
