"""Limits of a difference of two means that skew cannot make too narrow.

Where values are skewed, mean and variance are low together by chance, so symmetric limits lie too
near to the estimate on the side where the truth is. On the log scale they do not: each mean gets

    l, u = m exp(-c r), m exp(+c r)      r = standard error of m / m

and the difference d = m_t - m_c theirs by the method of variance estimates recovery, MOVER (Zou
and Donner 2008, "Construction of confidence limits about effect measures: a general approach",
the limits of a difference):

    L = d - sqrt((m_t - l_t)^2 + (u_c - m_c)^2),   U = d + sqrt((u_t - m_t)^2 + (m_c - l_c)^2)

r is the larger of the variant's own and the one with the squared coefficient of variation pooled
over both variants, as a rare variant cannot know its own. A proportion is skewed by whichever of
successes and failures is rarer, so its limits are also made from the failures. What is used is the
hull of all of these and the symmetric ones; they agree to first order in c r. Ours is the
combination, so its error rates are shown by simulation (benchmarks.coverage): symmetric limits
alone miss a +200 % effect on revenue in a 10 % variant in 20 % of experiments, these in 1 to 2 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from neonblue.stats.effect import squared_variation

Numbers = Any
"""A float or a numpy array of floats."""
Pair = tuple[Numbers, Numbers]
"""Of control and treatment."""

LEAST_EFFECTIVE_UNITS = 10.0
"""Effective units of the rarer variant before values that cannot be negative are judged."""
LARGEST_EXPONENT = 600.0
MOST_RELATIVE_ERROR = 0.5
"""Where values may be negative, the r up to which the log scale says anything about the mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMargins:
    """Both means and their relative standard errors r; floats or arrays of one shape.

    A mean that has no margin on the log scale (not above zero, or hardly known where values may be
    negative) has an r of NaN, and the symmetric limits stand alone. ``failures`` are the margins of
    a proportion's failures, whose difference is the same with the other sign.
    """

    mean_control: Numbers
    mean_treatment: Numbers
    relative_error_control: Numbers
    relative_error_treatment: Numbers
    failures: LogMargins | None = None

    def reach(self, critical: Numbers, standard_error: Numbers) -> tuple[Numbers, Numbers]:
        """How far the limits lie (below, above) the difference, at ``critical`` standard errors.

        The hull of the symmetric limits and MOVER's: the module's formula.
        """
        below, above = self._own_reach(critical, standard_error)
        if self.failures is None:
            return below, above
        above_failures, below_failures = self.failures.reach(critical, standard_error)
        if isinstance(below, float) and isinstance(below_failures, float):
            return max(below, below_failures), max(above, above_failures)
        return np.fmax(below, below_failures), np.fmax(above, above_failures)

    def _own_reach(self, critical: Numbers, standard_error: Numbers) -> tuple[Numbers, Numbers]:
        if isinstance(critical, float) and isinstance(self.relative_error_control, float):
            return self._reach_of_one(critical, standard_error)
        half = critical * standard_error
        falls = [self._part(critical, -1.0, treated=treated) for treated in (False, True)]
        rises = [self._part(critical, 1.0, treated=treated) for treated in (False, True)]
        below = np.hypot(falls[True], rises[False])
        above = np.hypot(rises[True], falls[False])
        return np.fmax(half, below), np.fmax(half, above)

    def _reach_of_one(self, critical: float, standard_error: float) -> tuple[float, float]:
        """The same for one look: this runs for every metric at every look, in plain floats."""
        half = critical * standard_error
        r_c, r_t = self.relative_error_control, self.relative_error_treatment
        if math.isnan(r_c) or math.isinf(critical):
            return half, half
        c, t = min(critical * r_c, LARGEST_EXPONENT), min(critical * r_t, LARGEST_EXPONENT)
        below = math.hypot(self.mean_treatment * math.expm1(-t), self.mean_control * math.expm1(c))
        above = math.hypot(self.mean_treatment * math.expm1(t), self.mean_control * math.expm1(-c))
        return max(half, below), max(half, above)

    def _part(self, critical: Numbers, sign: float, *, treated: bool) -> Numbers:
        """Distance from a mean to its upper (sign 1) or lower limit on the log scale."""
        mean = self.mean_treatment if treated else self.mean_control
        error = self.relative_error_treatment if treated else self.relative_error_control
        # Of a part without units both are NaN, and so are its limits.
        with np.errstate(invalid="ignore", over="ignore"):
            return mean * np.abs(np.expm1(sign * np.minimum(critical * error, LARGEST_EXPONENT)))


def log_margins(
    *,
    n_control: Numbers,
    mean_control: Numbers,
    variance_control: Numbers,
    n_treatment: Numbers,
    mean_treatment: Numbers,
    variance_treatment: Numbers,
    nonnegative: bool,
    proportion: bool = False,
) -> LogMargins:
    """Margins from the means and variances of one unit; ``nonnegative`` if no value is below 0.

    ``proportion`` adds the margins of the failures, whose means are 1 - m.

    r^2 = max(v, pooled v) / n with v the squared coefficient of variation: the module's formula.

    Zou and Donner (2008) on log limits.
    """
    most = math.inf if nonnegative else MOST_RELATIVE_ERROR
    means, units = (mean_control, mean_treatment), (n_control, n_treatment)
    variances = variance_control, variance_treatment
    if isinstance(mean_control, float):
        errors = _relative_errors(means, variances, units, most)
    else:
        errors = _many_relative_errors(means, variances, units, most)
    return LogMargins(
        mean_control=mean_control,
        mean_treatment=mean_treatment,
        relative_error_control=errors[0],
        relative_error_treatment=errors[1],
        failures=log_margins(
            n_control=n_control,
            mean_control=1.0 - mean_control,
            variance_control=variance_control,
            n_treatment=n_treatment,
            mean_treatment=1.0 - mean_treatment,
            variance_treatment=variance_treatment,
            nonnegative=nonnegative,
        )
        if proportion
        else None,
    )


def _relative_errors(means: Pair, variances: Pair, units: Pair, most: float) -> Pair:
    """Both r of one look in plain floats; NaN where there is no log scale."""
    if not (means[0] > 0.0 and means[1] > 0.0):
        return math.nan, math.nan
    own = [squared_variation(v, m) for v, m in zip(variances, means, strict=True)]
    pooled = (units[0] * own[0] + units[1] * own[1]) / (units[0] + units[1])
    errors = [math.sqrt(max(v, pooled) / n) for v, n in zip(own, units, strict=True)]
    return (errors[0], errors[1]) if max(errors) <= most else (math.nan, math.nan)


def _many_relative_errors(means: Pair, variances: Pair, units: Pair, most: float) -> Pair:
    """The same elementwise."""
    with np.errstate(divide="ignore", invalid="ignore"):
        own = [squared_variation(v, m) for v, m in zip(variances, means, strict=True)]
        pooled = (units[0] * own[0] + units[1] * own[1]) / np.add(units[0], units[1])
        errors = [np.sqrt(np.maximum(v, pooled) / n) for v, n in zip(own, units, strict=True)]
        usable = (np.minimum(*means) > 0.0) & (np.maximum(*errors) <= most)
    return np.where(usable, errors[0], np.nan), np.where(usable, errors[1], np.nan)


def effective_units(
    *,
    n_control: Numbers,
    mean_control: Numbers,
    variance_control: Numbers,
    n_treatment: Numbers,
    mean_treatment: Numbers,
    variance_treatment: Numbers,
    proportion: bool = False,
) -> Numbers:
    """How many equal values would know the mean of the rarer variant as well as its units do.

    Kish (1965), "Survey Sampling", (sum y)^2 / sum y^2, with both variants' moments
    pooled: min(n) m^2 / (m^2 + v). For a ``proportion`` these are the expected successes or
    failures of the rarer variant, whichever are fewer. Means nothing for values below 0.

    n_eff = min(n) m^2 / (m^2 + v).
    """
    units = n_control, variance_control, n_treatment, variance_treatment
    if proportion:
        successes = _effective(mean_control, mean_treatment, *units)
        failures = _effective(1.0 - mean_control, 1.0 - mean_treatment, *units)
        return np.minimum(successes, failures)
    return _effective(mean_control, mean_treatment, *units)


def _effective(
    mean_control: Numbers,
    mean_treatment: Numbers,
    n_control: Numbers,
    variance_control: Numbers,
    n_treatment: Numbers,
    variance_treatment: Numbers,
) -> Numbers:
    total = np.add(n_control, n_treatment)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (n_control * mean_control + n_treatment * mean_treatment) / total
        variance = (n_control * variance_control + n_treatment * variance_treatment) / total
    if isinstance(mean_control, float):
        if mean == 0.0:
            return 0.0
        return min(n_control, n_treatment) / (1.0 + float(squared_variation(variance, mean)))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.minimum(n_control, n_treatment) / (1.0 + squared_variation(variance, mean))
    return np.nan_to_num(found)
