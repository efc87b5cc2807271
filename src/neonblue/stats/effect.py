"""The linearised effect of one variant against control: means, variances and CUPED.

Works on floats and, elementwise, on numpy arrays (many segments at once). This runs for every
metric at every look, so floats stay Python's and nothing is computed twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from neonblue.models import MetricSummary
from neonblue.stats.moments import merged

Numbers = Any
"""A float or a numpy array of floats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """A metric in one variant as a mean of linearised units.

    ``variance`` is of one unit; ``covariate`` the covariate's mean (ratio), with its linearised
    variance and covariance with the metric.
    """

    mean: Numbers
    variance: Numbers
    covariate: Numbers
    covariate_variance: Numbers
    covariance: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Treatment minus control. ``variance_*`` is of one unit, ``error_variance_*`` of the mean."""

    n_control: Numbers
    n_treatment: Numbers
    mean_control: Numbers
    mean_treatment: Numbers
    variance_control: Numbers
    variance_treatment: Numbers
    difference: Numbers
    error_variance_control: Numbers
    error_variance_treatment: Numbers
    standard_error: Numbers
    variance_reduction: Numbers | None = None
    theta: Numbers | None = None

    @property
    def degrees_of_freedom(self) -> Numbers:
        """Welch (1947), eq. 28."""
        a, b = self.error_variance_control, self.error_variance_treatment
        return welch(a, b, self.n_control, self.n_treatment)

    def pooled_standard_error(self, kind: str) -> Numbers:
        """Of the difference when both variants have one variance (and one proportion)."""
        n_c, n_t = self.n_control, self.n_treatment
        if kind == "proportion" and self.theta is None:
            p = (n_c * self.mean_control + n_t * self.mean_treatment) / (n_c + n_t)
            variance = p * (1.0 - p)
        else:
            within = (n_c - 1.0) * self.variance_control + (n_t - 1.0) * self.variance_treatment
            variance = within / (n_c + n_t - 2.0)
        return _root(variance * (1.0 / n_c + 1.0 / n_t))


def welch(a: Numbers, b: Numbers, n_a: Numbers, n_b: Numbers) -> Numbers:
    """Degrees of freedom of two squared standard errors (Welch 1947, eq. 28).

    df = (a + b)^2 / (a^2 / (n_a - 1) + b^2 / (n_b - 1)), by the shares of a + b, whose squares
    cannot vanish or overflow.
    """
    share = a / (a + b)
    return 1.0 / (share * share / (n_a - 1.0) + (1.0 - share) * (1.0 - share) / (n_b - 1.0))


def squared_variation(variance: Numbers, mean: Numbers) -> Numbers:
    """Squared coefficient of variation, also of means whose square is no longer a number.

    Definition: (sd / mean)^2.
    """
    ratio = _root(variance) / mean
    return ratio * ratio


def effect_of(
    control: MetricSummary,
    treatment: MetricSummary,
    *,
    kind: str,
    adjust: bool = True,
) -> Effect:
    """The effect, adjusted by the covariate where both have one and ``adjust`` is set.

    Deng et al. (2013), section 3: y_cv = mean(y) - theta (mean(x) - centre), theta = cov(y, x)
    / var(x), variance var(y) - 2 theta cov(y, x) + theta^2 var(x).
    """
    if adjust and _any_positive(control.covariate_variance, treatment.covariate_variance):
        return _adjusted(control, treatment, kind)
    return _effect(control.n, treatment.n, _raw(control, kind), _raw(treatment, kind))


def linearised(summary: MetricSummary, *, kind: str) -> Linear:
    """Deng, Knoblich, Lu (2018), eq. 3, for the metric and its covariate.

    R = mean(y) / mean(d); a unit contributes (y - R d) / mean(d), of variance (var(y) - 2 R
    cov(y, d) + R^2 var(d)) / mean(d)^2.
    """
    if kind != "ratio":
        return Linear(
            mean=summary.mean,
            variance=summary.variance,
            covariate=summary.covariate_mean,
            covariate_variance=summary.covariate_variance,
            covariance=summary.covariance_y_x,
        )
    d, e = summary.denominator_mean, summary.covariate_denominator_mean
    r, s = summary.mean / d, summary.covariate_mean / e
    covariate_variance = (
        summary.covariate_variance
        - 2.0 * s * summary.covariance_x_e
        + s * s * summary.covariate_denominator_variance
    ) / (e * e)
    covariance = (
        summary.covariance_y_x
        - s * summary.covariance_y_e
        - r * summary.covariance_d_x
        + r * s * summary.covariance_d_e
    ) / (d * e)
    return Linear(
        mean=r,
        variance=_ratio_variance(summary, r) / (d * d),
        covariate=s,
        covariate_variance=covariate_variance,
        covariance=covariance,
    )


def mean_and_error(summary: MetricSummary, *, kind: str) -> tuple[float, float]:
    """The mean of one variant and its standard error; infinite with fewer than two units.

    Definition: (variance of one unit / n)^(1/2), of a ratio by linearising it.
    """
    mean, variance = _raw(summary, kind)
    if summary.n < 2:
        return float(mean), math.inf
    return float(mean), math.sqrt(max(0.0, float(variance)) / float(summary.n))


def _raw(summary: MetricSummary, kind: str) -> tuple[Numbers, Numbers]:
    """Mean and variance of one unit without a covariate."""
    mean = summary.mean
    if kind == "proportion":
        return mean, _positive(mean * (1.0 - mean))
    if kind == "mean":
        return mean, _positive(summary.variance)
    d = summary.denominator_mean
    r = mean / d
    return r, _positive(_ratio_variance(summary, r) / (d * d))


def _ratio_variance(summary: MetricSummary, r: Numbers) -> Numbers:
    return (
        summary.variance - 2.0 * r * summary.covariance_y_d + r * r * summary.denominator_variance
    )


def _adjusted(control: MetricSummary, treatment: MetricSummary, kind: str) -> Effect:
    """CUPED with one theta and one centre from all units: Deng et al. (2013), eqs. 4-5."""
    c, t = linearised(control, kind=kind), linearised(treatment, kind=kind)
    n_c, n_t = control.n, treatment.n
    if kind == "ratio":
        together = linearised(merged(control, treatment), kind=kind)
        theta = _share(together.covariance, together.covariate_variance)
        center = together.covariate
    else:
        theta, center = _pooled_theta(n_c, n_t, c, t)
    adjusted_c = c.mean - theta * (c.covariate - center), _residual(c, theta)
    adjusted_t = t.mean - theta * (t.covariate - center), _residual(t, theta)
    before = c.variance / n_c + t.variance / n_t
    return _effect(n_c, n_t, adjusted_c, adjusted_t, theta=theta, before=before)


def _pooled_theta(n_c: Numbers, n_t: Numbers, c: Linear, t: Linear) -> tuple[Numbers, Numbers]:
    """theta and the covariate's mean over all units: within plus between variants."""
    step = t.covariate - c.covariate
    between = n_c * n_t / (n_c + n_t) * step
    covariance = (
        (n_c - 1.0) * c.covariance + (n_t - 1.0) * t.covariance + between * (t.mean - c.mean)
    )
    spread = (
        (n_c - 1.0) * c.covariate_variance + (n_t - 1.0) * t.covariate_variance + between * step
    )
    return _share(covariance, spread), c.covariate + step * n_t / (n_c + n_t)


def _effect(
    n_c: Numbers,
    n_t: Numbers,
    control: tuple[Numbers, Numbers],
    treatment: tuple[Numbers, Numbers],
    *,
    theta: Numbers | None = None,
    before: Numbers | None = None,
) -> Effect:
    """From (mean, variance of one unit) a variant; ``before``: squared error without theta."""
    a, b = control[1] / n_c, treatment[1] / n_t
    return Effect(
        n_control=n_c,
        n_treatment=n_t,
        mean_control=control[0],
        mean_treatment=treatment[0],
        variance_control=control[1],
        variance_treatment=treatment[1],
        difference=treatment[0] - control[0],
        error_variance_control=a,
        error_variance_treatment=b,
        standard_error=_root(a + b),
        variance_reduction=None if before is None else 1.0 - _share(a + b, before),
        theta=theta,
    )


def _residual(one: Linear, theta: Numbers) -> Numbers:
    left = one.variance - 2.0 * theta * one.covariance + theta * theta * one.covariate_variance
    return _positive(left)


def _any_positive(a: Numbers, b: Numbers) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a > 0.0 or b > 0.0
    return bool(np.any(np.asarray(a) > 0.0) or np.any(np.asarray(b) > 0.0))


def _share(part: Numbers, whole: Numbers) -> Numbers:
    """part / whole, 0 where the whole is 0."""
    if isinstance(whole, float) or np.ndim(whole) == 0:
        return part / whole if whole > 0.0 else 0.0
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0.0)


def _positive(value: Numbers) -> Numbers:
    return max(value, 0.0) if isinstance(value, float) else np.maximum(value, 0.0)


def _root(value: Numbers) -> Numbers:
    return math.sqrt(value) if isinstance(value, float) else np.sqrt(value)
