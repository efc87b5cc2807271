"""Does an effect differ between a segment and its rest? Where events are few, no normal p.

The difference of two differences is far from normal where one of its four cells has few
conversions: a cell with none has variance 0, and noise looks certain. Here each of the two effects
has the limits that skew cannot make too narrow (``sequential_limits``), put together by MOVER; the
p-value is that at which the limits of their difference just reach 0. Proportions with a hundred
events and as many non-events in every cell are normal enough for the usual z, which finds more.
Arrays of one shape (k,).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from neonblue.stats.effect import squared_variation
from neonblue.stats.many_comparisons import ManyComparisons
from neonblue.stats.sequential import pooled_standard_error
from neonblue.stats.sequential_limits import LogMargins, log_margins

LEAST_EVENTS = 5.0 - 1e-6
"""Events in each of the four cells before they are compared; of conversions also non-events. Five,
but for rounding: the rest is what is left of the whole."""
PLENTY_OF_EVENTS = 100.0
"""Of a proportion in each of the four cells, non-events too: from here on z errs as it should (at
most 5.2 % at 5 % and .31 % at .25 %, in 60,000 differences), and the guard costs power."""
HALVINGS = 34
NORMAL_975 = 1.959963984540054
Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrasts:
    """``difference`` of effects, segment minus rest; NaN where there are too few events.

    ``z`` is signed and carries the guards: p = 2 (1 - Phi(|z|)). ``ci_lower`` and ``ci_upper`` are
    its 95 % limits.
    """

    difference: np.ndarray
    z: np.ndarray
    p_value: np.ndarray
    ci_lower: np.ndarray
    ci_upper: np.ndarray


def contrasts(
    segment: ManyComparisons,
    rest: ManyComparisons,
    *,
    nonnegative: bool,
    proportion: bool,
) -> Contrasts:
    """Effects of segments against the effects among other units.

    Zou and Donner (2008): L = d - sqrt((d_s - l_s)^2 + (u_r - d_r)^2), U likewise, of the effects
    d_s and d_r; z is the critical value at which the limit on zero's side is 0.
    """
    limits = [
        _Limits.of(side, nonnegative=nonnegative, proportion=proportion) for side in (segment, rest)
    ]
    difference = segment.absolute_difference - rest.absolute_difference
    usable = _enough(segment, nonnegative, proportion) & _enough(rest, nonnegative, proportion)
    usable &= np.isfinite(difference)
    size = np.where(usable, np.abs(difference), 0.0)
    z = _meeting(size, difference > 0.0, limits)
    below, above = _reach(np.full(size.shape, NORMAL_975), limits)
    if proportion:
        error = np.hypot(segment.standard_error, rest.standard_error)
        plenty = usable & _at_least(segment, PLENTY_OF_EVENTS) & _at_least(rest, PLENTY_OF_EVENTS)
        z = np.where(plenty, size / np.where(plenty, error, 1.0), z)
        below, above = (np.where(plenty, NORMAL_975 * error, side) for side in (below, above))
    z = np.where(usable, np.sign(difference) * z, np.nan)
    return Contrasts(
        difference=np.where(usable, difference, np.nan),
        z=z,
        p_value=2.0 * ndtr(-np.abs(z)),
        ci_lower=np.where(usable, difference - below, np.nan),
        ci_upper=np.where(usable, difference + above, np.nan),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """How far the limits of one side's effects reach."""

    standard_error: np.ndarray
    margins: LogMargins

    @classmethod
    def of(cls, side: ManyComparisons, *, nonnegative: bool, proportion: bool) -> _Limits:
        with np.errstate(divide="ignore", invalid="ignore"):
            pooled = pooled_standard_error(
                n_control=side.n_control,
                variance_control=side.variance_control,
                n_treatment=side.n_treatment,
                variance_treatment=side.variance_treatment,
            )
        margins = log_margins(
            n_control=side.n_control,
            mean_control=side.mean_control,
            variance_control=side.variance_control,
            n_treatment=side.n_treatment,
            mean_treatment=side.mean_treatment,
            variance_treatment=side.variance_treatment,
            nonnegative=nonnegative or proportion,
            proportion=proportion,
        )
        return cls(standard_error=np.fmax(pooled, side.standard_error), margins=margins)

    def reach(self, critical: np.ndarray) -> Pair:
        below, above = self.margins.reach(critical, self.standard_error)
        return np.asarray(below), np.asarray(above)


def _reach(critical: np.ndarray, limits: list[_Limits]) -> Pair:
    """How far the limits of the difference lie below and above it."""
    (below, above), (below_rest, above_rest) = (side.reach(critical) for side in limits)
    return np.hypot(below, above_rest), np.hypot(above, below_rest)


def _meeting(size: np.ndarray, positive: np.ndarray, limits: list[_Limits]) -> np.ndarray:
    """The critical value at which the limit on zero's side is as far as ``size``: bisection.

    No limit is nearer than the symmetric one, which bounds it from above.
    """
    error = np.hypot(limits[0].standard_error, limits[1].standard_error)
    with np.errstate(divide="ignore", invalid="ignore"):
        high = np.where(error > 0.0, size / error, 0.0)
    low = np.zeros_like(high)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        below, above = _reach(middle, limits)
        short = np.where(positive, below, above) < size
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return high


def _enough(side: ManyComparisons, nonnegative: bool, proportion: bool) -> np.ndarray:
    """Whether both variants have events enough, of a proportion both kinds of them."""
    if proportion:
        return np.asarray(side.available & _at_least(side, LEAST_EVENTS))
    enough = np.asarray(side.available)
    if not nonnegative:
        return enough
    for n, mean, variance in (
        (side.n_control, side.mean_control, side.variance_control),
        (side.n_treatment, side.mean_treatment, side.variance_treatment),
    ):
        with np.errstate(divide="ignore", invalid="ignore"):
            events = n / (1.0 + squared_variation(variance, mean))
        enough = enough & (np.nan_to_num(events) >= LEAST_EVENTS)
    return enough


def _at_least(side: ManyComparisons, events: float) -> np.ndarray:
    """Whether both variants have that many conversions, and as many units without one."""
    with np.errstate(invalid="ignore"):
        fewest = [
            np.minimum(n * mean, n * (1.0 - mean))
            for n, mean in (
                (side.n_control, side.mean_control),
                (side.n_treatment, side.mean_treatment),
            )
        ]
    return np.asarray(np.nan_to_num(np.minimum(*fewest)) >= events)
