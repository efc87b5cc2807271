"""The plan as a sequence sees it: how many units of two variants were meant to come."""

from __future__ import annotations

from dataclasses import dataclass

from neonblue.intelligence.seam import Estimate
from neonblue.stats.sequential import (
    ConfidenceSequence,
    burn_in_units,
    confidence_sequence,
    relative_confidence_sequence,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """Totals over the two variants that are compared; ``smallest_share`` is the rarer one's."""

    planned_n: float
    maximum_n: float | None
    alpha: float
    smallest_share: float

    def sequence(self, difference: float, standard_error: float, *, n: float) -> ConfidenceSequence:
        """The difference at this look."""
        return confidence_sequence(
            difference,
            standard_error,
            n=n,
            planned_n=self.planned_n,
            maximum_n=self.maximum_n,
            alpha=self.alpha,
            burn_in=self.burn_in,
        )

    def relative(self, found: Estimate, *, n: float) -> ConfidenceSequence:
        """The lift at this look, through the log of the ratio of means."""
        return relative_confidence_sequence(
            mean_control=found.mean_control,
            mean_treatment=found.mean_treatment,
            log_ratio_standard_error=found.log_ratio_error,
            n=n,
            planned_n=self.planned_n,
            maximum_n=self.maximum_n,
            alpha=self.alpha,
            burn_in=self.burn_in,
        )

    @property
    def burn_in(self) -> float:
        """Units below which nothing is concluded."""
        return burn_in_units(self.planned_n, smallest_share=self.smallest_share)
