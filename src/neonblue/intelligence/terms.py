"""What holds for every comparison of one analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neonblue.intelligence.horizon import Horizon, maximum_units
from neonblue.intelligence.priors import Prior
from neonblue.models import Experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for all comparisons of one analysis.

    ``planned_units`` is N* for the whole experiment; a comparison gets its two variants' share.
    ``least_p`` are the least anytime-valid p-values of earlier looks by (metric, variant), which
    are history and decide nothing;
    ``show_fixed_horizon`` says whether the textbook test may be shown. ``nonnegative`` names the
    metrics without a value below zero; ``priors`` has what is expected of each metric's lift.
    """

    planned_units: int
    show_fixed_horizon: bool
    least_p: Mapping[tuple[str, str], float]
    priors: Mapping[str, Prior]
    nonnegative: frozenset[str] = frozenset()

    def horizon(self, experiment: Experiment, variant: str, metric: str) -> Horizon:
        """The plan of one treatment against control on one metric."""
        weights = {item.variant_id: item.weight for item in experiment.variants}
        pair = (weights[experiment.control.variant_id], weights[variant])
        share = sum(pair) / sum(weights.values())
        maximum = maximum_units(experiment)
        return Horizon(
            planned_n=max(1.0, share * self.planned_units),
            maximum_n=None if maximum is None else max(share * maximum, share * self.planned_units),
            alpha=experiment.alpha,
            smallest_share=min(pair) / sum(pair) if min(pair) > 0 else 0.5,
            nonnegative=metric in self.nonnegative,
            proportion=any(
                item.name == metric and item.kind == "proportion" for item in experiment.metrics
            ),
        )
