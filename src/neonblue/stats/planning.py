"""How many units and days an experiment needs, also when it is watched all the way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from neonblue.errors import InvalidInputError
from neonblue.models import MetricSummary
from neonblue.stats.effect import linearised
from neonblue.stats.power import (
    MOST_UNITS,
    Sides,
    guardrail_power,
    mean_mde,
    mean_sample_size,
    proportion_mde,
    proportion_sample_size,
)
from neonblue.stats.quantiles import QuantileSummary
from neonblue.stats.sequential_power import meeting
from neonblue.stats.watched_size import WatchedDesign, watched_power

PlannedKind = Literal["proportion", "mean", "ratio", "quantile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What is known of a metric before: its mean and the standard deviation of one unit.

    ``variance_reduction`` is the share of the variance that a covariate takes away (CUPED).
    """

    kind: PlannedKind
    mean: float
    sd: float
    variance_reduction: float = 0.0

    def __post_init__(self) -> None:
        if not (self.sd > 0.0 and 0.0 <= self.variance_reduction < 1.0):
            raise InvalidInputError(
                f"sd {self.sd!r} must be above 0 and variance_reduction "
                f"{self.variance_reduction!r} in [0, 1)"
            )

    @property
    def adjusted_sd(self) -> float:
        return self.sd * math.sqrt(1.0 - self.variance_reduction)


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePlan:
    """Units that a design needs; ``per_variant`` follows the order of the shares.

    ``total`` is for one look at the end; ``sequential_total`` for the confidence sequence, which
    may be looked at any time and costs ``sequential_factor`` as many, when it is looked at
    ``watched_size.LOOKS`` times or more until then. ``days`` and ``sequential_days`` are None
    without a traffic.
    """

    per_variant: tuple[int, ...]
    total: int
    sequential_total: int
    sequential_factor: float
    days: float | None
    sequential_days: float | None
    power: float
    alpha: float


def quantile_baseline(summary: QuantileSummary) -> Baseline:
    """The baseline of a quantile: its standard error, times the root of n, is that of one unit.

    Definition: sd = standard error times sqrt(n).
    """
    sd = math.sqrt(summary.error_variance * summary.n)
    return Baseline(kind="quantile", mean=summary.estimate, sd=sd)


def baseline_of(summary: MetricSummary, *, kind: PlannedKind) -> Baseline:
    """The baseline that a past summary of the metric shows, with the covariate's help if any.

    Raises ``InvalidInputError`` for a quantile, which has no moments: use ``quantile_baseline``.

    Deng et al. (2013): the covariate takes away rho^2 = cov(y, x)^2 / (var(y) var(x)) of the
    variance.
    """
    if kind == "quantile":
        raise InvalidInputError("a quantile has no moments: plan it with quantile_baseline")
    linear = linearised(summary, kind=kind)
    variance = summary.mean * (1.0 - summary.mean) if kind == "proportion" else linear.variance
    reduction = 0.0
    if linear.covariate_variance > 0.0 and linear.variance > 0.0:
        reduction = linear.covariance**2 / (linear.covariate_variance * linear.variance)
    return Baseline(
        kind=kind,
        mean=float(linear.mean),
        sd=math.sqrt(max(variance, 0.0)),
        variance_reduction=min(float(reduction), 0.999),
    )


def plan_sample(
    baseline: Baseline,
    *,
    mde: float,
    shares: tuple[float, ...] = (0.5, 0.5),
    alpha: float = 0.05,
    power: float = 0.8,
    sides: Sides = 2,
    margin: float | None = None,
    comparisons: int = 1,
    guardrails: int = 0,
    units_per_day: float | None = None,
) -> SamplePlan:
    """Units to find a relative lift ``mde`` in the least-served treatment; control comes first.

    ``margin`` (relative) plans to show "not worse by more" instead, with the true lift taken to be
    ``mde`` (0 for no change): that takes the lower limit of the 1 - alpha interval, of each
    treatment by itself. ``comparisons`` divides alpha (Bonferroni bounds Holm from above),
    ``guardrails`` asks beta / (G + 1) of each. Raises ``InvalidInputError``.

    Total = n_c / share_c with n_c from ``power``, alpha / m (Bonferroni 1936), beta / (G + 1)
    (Schultzberg et al. 2024); the sequential total is where ``watched_size.watched_power`` reaches
    the same power.
    """
    portions = _portions(shares)
    if margin is not None and mde + margin <= 0.0:
        raise InvalidInputError(
            f"a true lift of {mde:+.1%} is worse than the margin of {margin:.1%} allows: no number "
            "of units shows the opposite; give a larger margin, or mde 0 for no change"
        )
    tested_alpha = alpha / comparisons if margin is None else alpha
    tested_power = guardrail_power(power, guardrails)
    ratio = min(portions[1:]) / portions[0]
    level, tested_sides = (tested_alpha, sides) if margin is None else (alpha / 2.0, 1)
    control = _control_units(baseline, mde, margin, ratio, level, tested_power, tested_sides)
    total = control / portions[0]
    watched = _watched_total(
        _watched_design(baseline, mde, margin, portions, alpha, tested_alpha), tested_power, total
    )
    return SamplePlan(
        per_variant=tuple(math.ceil(total * portion) for portion in portions),
        total=sum(math.ceil(total * portion) for portion in portions),
        sequential_total=math.ceil(watched),
        sequential_factor=watched / total,
        days=_days(total, units_per_day),
        sequential_days=_days(watched, units_per_day),
        power=tested_power,
        alpha=tested_alpha,
    )


def _watched_total(design: WatchedDesign, power: float, total: float) -> float:
    """Units of all variants with which the watched plan has ``power``; no fewer than ``total``."""

    def reached(units: float) -> float:
        return watched_power(design, units)

    low, high = total, 2.0 * total
    if reached(low) >= power:
        return low
    while reached(high) < power:
        low, high = high, 2.0 * high
        if high > MOST_UNITS:
            raise InvalidInputError(f"no number of units, watched, has power {power!r}")
    return meeting(reached, power, low, high, tolerance=1e-5)


def _watched_design(
    baseline: Baseline,
    mde: float,
    margin: float | None,
    portions: tuple[float, ...],
    alpha: float,
    tested_alpha: float,
) -> WatchedDesign:
    """The alternative as the sequence sees it; a covariate takes its share of the variances.

    A metric with a positive mean is taken for one without values below zero, which costs more.
    """
    proportion, size = baseline.kind == "proportion", abs(baseline.mean)
    treated = baseline.mean + mde * size
    variances = (baseline.sd**2, baseline.sd**2)
    if proportion:
        variances = (baseline.mean * (1.0 - baseline.mean), treated * (1.0 - treated))
    kept = 1.0 - baseline.variance_reduction
    return WatchedDesign(
        mean_control=baseline.mean,
        mean_treatment=treated,
        variance_control=kept * variances[0],
        variance_treatment=kept * variances[1],
        share_control=portions[0],
        share_treatment=min(portions[1:]),
        alpha=alpha,
        tested_alpha=tested_alpha,
        margin=(margin or 0.0) * size,
        nonnegative=baseline.mean > 0.0 and treated > 0.0,
        proportion=proportion and baseline.variance_reduction == 0.0,
    )


def detectable_lift(
    baseline: Baseline,
    *,
    n_control: float,
    n_treatment: float,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: Sides = 2,
) -> float:
    """Least relative lift that one look finds with ``power``.

    Definition: ``mean_mde`` or ``proportion_mde`` over |mean|.
    """
    if baseline.mean == 0.0:
        raise InvalidInputError("a relative lift from a mean of 0 means nothing: use mean_mde")
    if baseline.kind == "proportion" and baseline.variance_reduction == 0.0:
        found = proportion_mde(
            baseline.mean,
            n_control=n_control,
            n_treatment=n_treatment,
            alpha=alpha,
            power=power,
            sides=sides,
        )
    else:
        found = mean_mde(
            sd=baseline.adjusted_sd,
            n_control=n_control,
            n_treatment=n_treatment,
            alpha=alpha,
            power=power,
            sides=sides,
        )
    return found / abs(baseline.mean)


def watched_detectable_lift(
    baseline: Baseline,
    *,
    total: float,
    shares: tuple[float, ...] = (0.5, 0.5),
    alpha: float = 0.05,
    power: float = 0.8,
    comparisons: int = 1,
) -> float:
    """Least relative lift that ``total`` units find with ``power`` when they are watched.

    The inverse of ``plan_sample``'s sequential total, to within .01 of the power; never less than
    what one look finds. Raises ``InvalidInputError`` where no lift is found.

    Ours: the lift at which ``watched_size.watched_power`` at ``total`` = power.
    """
    portions = _portions(shares)
    tested = alpha / comparisons
    low = detectable_lift(
        baseline,
        n_control=total * portions[0],
        n_treatment=total * min(portions[1:]),
        alpha=tested,
        power=power,
    )

    def reached(lift: float) -> float:
        design = _watched_design(baseline, lift, None, portions, alpha, tested)
        return watched_power(design, total)

    high, most = low, _largest_lift(baseline)
    while reached(high) < power:
        if high >= most:
            raise InvalidInputError(f"{total:,.0f} units, watched, find no lift: plan more units")
        low, high = high, min(1.3 * high, most)
    return meeting(reached, power, low, high, tolerance=0.01) if high > low else low


def _largest_lift(baseline: Baseline) -> float:
    """A proportion cannot pass 1; for anything else a thousandfold is past every plan."""
    if baseline.kind == "proportion":
        return (1.0 - baseline.mean) / baseline.mean * 0.999
    return 1000.0


def _control_units(
    baseline: Baseline,
    mde: float,
    margin: float | None,
    ratio: float,
    alpha: float,
    power: float,
    sides: Sides,
) -> float:
    effect, slack = mde * abs(baseline.mean), (margin or 0.0) * abs(baseline.mean)
    if baseline.kind == "proportion":
        plain = proportion_sample_size(
            baseline.mean,
            baseline.mean + effect,
            alpha=alpha,
            power=power,
            sides=sides,
            ratio=ratio,
            margin=slack,
        )
        return plain * (1.0 - baseline.variance_reduction)
    return mean_sample_size(
        abs(effect) if margin is None else effect,
        sd=baseline.adjusted_sd,
        alpha=alpha,
        power=power,
        sides=sides,
        ratio=ratio,
        margin=slack,
    )


def _portions(shares: tuple[float, ...]) -> tuple[float, ...]:
    live = tuple(share for share in shares if share > 0.0)
    if len(live) < 2 or min(shares) < 0.0 or shares[0] == 0.0:
        raise InvalidInputError(
            f"shares {shares!r}: control first, then a treatment, each 0 or more, both with traffic"
        )
    return tuple(share / sum(live) for share in live)


def _days(units: float, per_day: float | None) -> float | None:
    if per_day is None:
        return None
    if not per_day > 0.0:
        raise InvalidInputError(f"units_per_day {per_day!r} must be above 0")
    return units / per_day
