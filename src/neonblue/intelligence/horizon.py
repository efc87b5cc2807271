"""The plan as a sequence sees it: how many units of two variants were meant to come."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neonblue.models import Experiment
from neonblue.stats.comparison import Comparison
from neonblue.stats.many_comparisons import ManyComparisons
from neonblue.stats.one_look import OneLook, one_look
from neonblue.stats.sequential import (
    BURN_IN_UNITS,
    MOST_LOG_RATIO_ERROR,
    ConfidenceSequence,
    burn_in_units,
    confidence_sequence,
    insufficient,
    lift_of,
    pooled_log_ratio_standard_error,
    pooled_standard_error,
    relative_confidence_sequence,
)
from neonblue.stats.sequential_boundary import plan_critical_value, plan_p_value
from neonblue.stats.sequential_limits import (
    LEAST_EFFECTIVE_UNITS,
    LogMargins,
    effective_units,
    log_margins,
)
from neonblue.stats.sequential_time import (
    SETTLED_FRACTION,
    SequenceTime,
    UnitInformation,
    sequence_time,
    unit_information,
)


def maximum_units(experiment: Experiment) -> float | None:
    """The total at which it must be decided: None is twice the plan, infinite without a plan.

    Without a plan the sequence is the plain mixture, which leans on no maximum.
    """
    if experiment.maximum_sample_size is not None:
        return float(experiment.maximum_sample_size)
    return None if experiment.planned_sample_size is not None else math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """Totals over the two variants that are compared; ``smallest_share`` is the rarer one's.

    ``nonnegative`` says that no unit's value lies below zero, ``proportion`` that all are 0 or 1.
    ``first``, ``settled``, ``early`` and ``units_ended`` put time into units
    (``stats.sequential_time``).
    """

    planned_n: float
    maximum_n: float | None
    alpha: float
    smallest_share: float
    nonnegative: bool = False
    proportion: bool = False
    first: UnitInformation | None = None
    settled: UnitInformation | None = None
    early: bool = False
    units_ended: bool = False

    def information(self, found: Comparison) -> UnitInformation:
        """What a unit of the two variants carries now."""
        now = unit_information(**_moments(found), nonnegative=self.nonnegative)
        return replace(now, units_ended=self.units_ended)

    def settles(self, n: float) -> bool:
        """Whether the plan's end may be put into information when ``n`` units have come."""
        planned = self.maximum_n is None or math.isfinite(self.maximum_n)
        return planned and not self.early and n >= SETTLED_FRACTION * self.planned_n

    def time(self, now: UnitInformation, *, progress: float = 1.0) -> SequenceTime:
        """Where the sequence stands when a unit carries what it carries ``now``.

        ``progress`` is that of a segment, relative to all units'.
        """
        settled = self.settled or (now if self.settles(now.n) else None)
        return sequence_time(
            now,
            first=self.first,
            settled=settled,
            early=self.early,
            planned_n=self.planned_n,
            maximum_n=self.maximum_n,
            alpha=self.alpha,
            progress=progress,
        )

    def sequence(self, found: Comparison) -> ConfidenceSequence:
        """The difference at this look."""
        waiting = self.waiting(found)
        if waiting:
            return insufficient(found.absolute_difference, found.standard_error, waiting)
        return confidence_sequence(
            found.absolute_difference,
            _error(found),
            n=found.n_control + found.n_treatment,
            planned_n=self.planned_n,
            maximum_n=self.maximum_n,
            alpha=self.alpha,
            burn_in=self.burn_in,
            margins=self._margins(found),
            time=self.time(self.information(found)),
        )

    def one_look(self, found: Comparison) -> OneLook:
        """The difference at one single look after the end, with the sequence's guards."""
        return one_look(
            found.absolute_difference,
            _error(found),
            degrees_of_freedom=found.degrees_of_freedom,
            alpha=self.alpha,
            margins=self._margins(found),
            waiting=self._few_units(found) or self.waiting(found),
        )

    def one_look_relative(self, found: Comparison) -> tuple[float | None, float | None]:
        """The lift's limits at that look, fractions; None where a lift means nothing."""
        error = _log_ratio_error(found)
        if not 0.0 < error <= MOST_LOG_RATIO_ERROR:
            return None, None
        # Of two negative means the ratio of sizes falls as the value rises.
        sign = math.copysign(1.0, found.mean_control)
        size = math.log(abs(found.mean_treatment)) - math.log(abs(found.mean_control))
        look = one_look(
            sign * size,
            error,
            degrees_of_freedom=found.degrees_of_freedom,
            alpha=self.alpha,
            margins=None,
            waiting=self._few_units(found) or self.waiting(found),
        )
        if look.detail:
            return None, None
        return lift_of(look.ci_lower, sign), lift_of(look.ci_upper, sign)

    def _margins(self, found: Comparison) -> LogMargins:
        return log_margins(
            **_moments(found), nonnegative=self.nonnegative, proportion=self.proportion
        )

    def _few_units(self, found: Comparison) -> str:
        fewest = min(found.n_control, found.n_treatment)
        if fewest >= BURN_IN_UNITS:
            return ""
        return f"{fewest:,.0f} units in one variant of the {BURN_IN_UNITS} that burn-in takes"

    def waiting(self, found: Comparison) -> str:
        """Why the mean of the rarer variant is not known well enough yet; '' when it is."""
        if not self.nonnegative:
            return ""
        units = float(effective_units(**_moments(found), proportion=self.proportion))
        if units >= LEAST_EFFECTIVE_UNITS:
            return ""
        return (
            f"{units:.1f} effective units of the {LEAST_EFFECTIVE_UNITS:.0f} that burn-in takes: "
            "too few units of the rarer variant carry the metric"
        )

    def relative(self, found: Comparison) -> ConfidenceSequence:
        """The lift at this look, through the log of the ratio of means."""
        waiting = self.waiting(found)
        if waiting:
            return insufficient(math.nan, math.nan, waiting)
        return relative_confidence_sequence(
            mean_control=found.mean_control,
            mean_treatment=found.mean_treatment,
            log_ratio_standard_error=_log_ratio_error(found),
            n=found.n_control + found.n_treatment,
            planned_n=self.planned_n,
            maximum_n=self.maximum_n,
            alpha=self.alpha,
            burn_in=self.burn_in,
            time=self.time(self.information(found)),
        )

    def critical_values(self, now: UnitInformation, progress: np.ndarray) -> np.ndarray:
        """Half-widths in standard errors of parts (k,) of the units, each at its own progress."""
        if now.n < self.burn_in:
            return np.full(progress.shape, np.inf)
        return np.array([self._part_width(now, float(one)) for one in progress])

    def _part_width(self, now: UnitInformation, progress: float) -> float:
        if not progress > 0.0:
            return math.inf
        time = self.time(now, progress=progress)
        width = plan_critical_value(
            time.plan_n,
            planned_n=self.planned_n,
            maximum_n=time.maximum_n,
            alpha=self.alpha,
            mixture_n=time.mixture_n,
        )
        return float(width)

    def p_values_of_parts(
        self, z: np.ndarray, now: UnitInformation, progress: np.ndarray
    ) -> np.ndarray:
        """Anytime-valid p of a statistic (k,) of each part, NaN where it is."""
        if now.n < self.burn_in:
            return np.where(np.isnan(z), np.nan, 1.0)
        pairs = zip(z, progress, strict=True)
        return np.array([self._part_p(float(one), now, float(part)) for one, part in pairs])

    def _part_p(self, z: float, now: UnitInformation, progress: float) -> float:
        if math.isnan(z) or not progress > 0.0:
            return math.nan
        time = self.time(now, progress=progress)
        found = plan_p_value(
            z,
            time.plan_n,
            planned_n=self.planned_n,
            maximum_n=time.maximum_n,
            alpha=self.alpha,
            mixture_n=time.mixture_n,
        )
        return float(found)

    def critical_value(self, n: float) -> float:
        """Half-width in standard errors when ``n`` units have come; infinite before burn-in."""
        if n < self.burn_in:
            return math.inf
        width = plan_critical_value(
            n, planned_n=self.planned_n, maximum_n=self.maximum_n, alpha=self.alpha
        )
        return float(width)

    def reach_of_parts(
        self, parts: ManyComparisons, critical: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """How far the limits of segments (k,) lie below and above, each at its critical value.

        Infinite for a segment that has too few units by itself, whatever the experiment has.
        """
        moments = _moments(parts)
        few = np.minimum(parts.n_control, parts.n_treatment) < BURN_IN_UNITS
        few |= ~np.isfinite(critical)
        if self.nonnegative:
            effective = effective_units(**moments, proportion=self.proportion)
            few |= effective < LEAST_EFFECTIVE_UNITS
        with np.errstate(divide="ignore", invalid="ignore"):
            error = pooled_standard_error(
                n_control=parts.n_control,
                variance_control=parts.variance_control,
                n_treatment=parts.n_treatment,
                variance_treatment=parts.variance_treatment,
            )
        width = np.where(np.isfinite(critical), critical, 0.0)
        margins = log_margins(**moments, nonnegative=self.nonnegative, proportion=self.proportion)
        below, above = margins.reach(width, np.fmax(error, parts.standard_error))
        return np.where(few, np.inf, below), np.where(few, np.inf, above)

    def p_values(self, z: np.ndarray, n: float) -> np.ndarray:
        """Anytime-valid p of several statistics (k,) at the same look."""
        if n < self.burn_in:
            return np.ones_like(z)
        found = plan_p_value(
            z, n, planned_n=self.planned_n, maximum_n=self.maximum_n, alpha=self.alpha
        )
        return np.asarray(found)

    @property
    def burn_in(self) -> float:
        """Units below which nothing is concluded."""
        return burn_in_units(self.planned_n, smallest_share=self.smallest_share)


def _moments(found: Comparison | ManyComparisons) -> dict[str, Any]:
    """Units, means and variances of both variants, under the names that ``stats`` gives them."""
    return {
        "n_control": found.n_control,
        "mean_control": found.mean_control,
        "variance_control": found.variance_control,
        "n_treatment": found.n_treatment,
        "mean_treatment": found.mean_treatment,
        "variance_treatment": found.variance_treatment,
    }


def _error(found: Comparison) -> float:
    """Of the difference: the larger of the usual and the pooled one."""
    error = pooled_standard_error(
        n_control=found.n_control,
        variance_control=found.variance_control,
        n_treatment=found.n_treatment,
        variance_treatment=found.variance_treatment,
    )
    return float(error)


def _log_ratio_error(found: Comparison) -> float:
    # A product of tiny means is 0.
    if not math.copysign(1.0, found.mean_control) * found.mean_treatment > 0.0:
        return math.nan
    if found.mean_control == 0.0:
        return math.nan
    error = pooled_log_ratio_standard_error(
        n_control=found.n_control,
        mean_control=found.mean_control,
        variance_control=found.variance_control,
        n_treatment=found.n_treatment,
        mean_treatment=found.mean_treatment,
        variance_treatment=found.variance_treatment,
    )
    return float(error)
