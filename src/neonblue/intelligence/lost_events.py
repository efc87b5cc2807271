"""Metric events that count for nobody, and whether that differs by variant.

An event counts for a unit from its exposure on. Events under an id that was never exposed, and
events before an exposure that was logged late, are lost. Nothing that happens before an exposure
can depend on the variant: where it does, the logging is at fault. So both are tested as the split
is, a watched experiment by the test that may be asked at every look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neonblue.intelligence.summaries import Summaries
from neonblue.models import Experiment, MetricDefinition
from neonblue.stats.srm import sequential_srm_test, srm_test

DIFFERS_P = 0.001
UNUSUAL_P = 0.01
CONCENTRATION = 2.0
"""Of the sequential test: losses are few and, where something is broken, far from the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Units that lost events: in all, as a share, and by variant (plan order).

    ``p_value`` is of the one-look test that the variants lost alike, ``sequential_p_value`` of the
    one for every look; None where too few have a known variant.
    """

    units: int
    share: float
    by_variant: NDArray[np.float64]
    p_value: float | None
    sequential_p_value: float | None

    def differs(self, *, finished: bool) -> bool:
        """Whether the variants lost unequally, by the test that may decide."""
        if self.p_value is None or self.sequential_p_value is None:
            return False
        return self.sequential_p_value < DIFFERS_P or (finished and self.p_value < DIFFERS_P)

    @property
    def unusual(self) -> bool:
        """Whether one look would find it unequal."""
        return self.p_value is not None and self.p_value < UNUSUAL_P

    def shown(self, experiment: Experiment) -> str:
        """The counts by variant with the p-values."""
        counts = ", ".join(
            f"{variant.variant_id} {count:,.0f}"
            for variant, count in zip(experiment.variants, self.by_variant, strict=True)
        )
        if self.p_value is None or self.sequential_p_value is None:
            return counts
        return f"{counts}; p {self.p_value:.3g} that it is alike, sequential p " + (
            f"{self.sequential_p_value:.3g}"
        )


def alike_strays(experiment: Experiment, summaries: Summaries) -> Lost | None:
    """Units with events whose id is nearly that of one exposed unit, by its variant."""
    strays = summaries.strays
    if strays is None or strays.alike == 0:
        return None
    return _lost(
        experiment, summaries, strays.alike, strays.alike + strays.active, strays.alike_by_variant
    )


def other_strays(experiment: Experiment, summaries: Summaries) -> Lost | None:
    """Units with events, no exposure and nobody alike, by the variant their events name."""
    strays = summaries.strays
    if strays is None or strays.units <= strays.alike:
        return None
    units = strays.units - strays.alike
    claimed: Mapping[str, int] = strays.claimed if strays.alike == 0 else {}
    return _lost(experiment, summaries, units, units + strays.active, claimed)


def early_units(experiment: Experiment, summaries: Summaries) -> Lost | None:
    """Units with a metric event before their exposure, by variant."""
    early = summaries.early_units
    if early is None or early.sum() == 0:
        return None
    ids = [variant.variant_id for variant in experiment.variants]
    counts = dict(zip(ids, early.tolist(), strict=True))
    return _lost(experiment, summaries, int(early.sum()), float(summaries.units.sum()), counts)


def missing_values(
    experiment: Experiment, summaries: Summaries, metric: MetricDefinition
) -> Lost | None:
    """Units that have no value of a metric, by variant; None where all have one."""
    ids = [variant.variant_id for variant in experiment.variants]
    pairs = zip(ids, summaries.units.tolist(), strict=True)
    counts = {name: units - summaries.of(metric.name, name).n for name, units in pairs}
    missing = sum(counts.values())
    if missing <= 0:
        return None
    return _lost(experiment, summaries, int(missing), float(summaries.units.sum()), counts)


def _lost(
    experiment: Experiment,
    summaries: Summaries,
    units: int,
    out_of: float,
    by_variant: Mapping[str, float],
) -> Lost:
    counts = np.array([by_variant.get(v.variant_id, 0.0) for v in experiment.variants])
    fixed = srm_test(counts, summaries.units)
    sequential = sequential_srm_test(
        counts, [v.weight for v in experiment.variants], concentration=CONCENTRATION
    )
    tested = "insufficient_data" not in (fixed.status, sequential.status)
    return Lost(
        units=units,
        share=units / out_of if out_of else 0.0,
        by_variant=counts,
        p_value=fixed.p_value if tested else None,
        sequential_p_value=sequential.p_value if tested else None,
    )
