"""What holds for every comparison of one analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from neonblue.intelligence.horizon import Horizon, maximum_units
from neonblue.intelligence.priors import Prior
from neonblue.models import Experiment
from neonblue.stats.sequential_time import UnitInformation

Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for all comparisons of one analysis.

    ``planned_units`` is N* for the whole experiment; a comparison gets its two variants' share.
    ``least_p`` are the least anytime-valid p-values of earlier looks by (metric, variant), which
    are history and decide nothing;
    ``show_fixed_horizon`` says whether the textbook test may be shown. ``nonnegative`` names the
    metrics without a value below zero; ``priors`` has what is expected of each metric's lift.
    ``first`` and ``settled`` are what a unit carried at the two looks that put time into units, by
    (metric, variant), ``first_at`` when the first of all was; ``early`` names the metrics of which
    the minimum duration, or the attribution window, is not over; ``units_ended`` says that no unit
    has come for half of the time.
    """

    planned_units: int
    show_fixed_horizon: bool
    least_p: Mapping[tuple[str, str], float]
    priors: Mapping[str, Prior]
    nonnegative: frozenset[str] = frozenset()
    first: Mapping[Key, UnitInformation] = field(default_factory=dict)
    settled: Mapping[Key, UnitInformation] = field(default_factory=dict)
    first_at: datetime | None = None
    early: frozenset[str] = frozenset()
    units_ended: bool = False

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
            first=self.first.get((metric, variant)),
            settled=self.settled.get((metric, variant)),
            early=metric in self.early,
            # Nothing comes after a window: information has no room to grow.
            units_ended=self.units_ended and not self._windowed(experiment, metric),
        )

    @staticmethod
    def _windowed(experiment: Experiment, metric: str) -> bool:
        return any(
            item.name == metric and item.attribution_window_days is not None
            for item in experiment.metrics
        )
