"""The linearised effect of one variant against control: means, variances and CUPED.

Works on floats and, elementwise, on numpy arrays (many segments at once).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from neonblue.models import MetricSummary
from neonblue.stats.moments import merged

Numbers = Any
"""A float or a numpy array of floats."""
ThetaFrom = Literal["all_units", "within"]


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
    variance_reduction: Numbers | None
    theta: Numbers | None

    @property
    def difference(self) -> Numbers:
        return self.mean_treatment - self.mean_control

    @property
    def error_variance_control(self) -> Numbers:
        return self.variance_control / self.n_control

    @property
    def error_variance_treatment(self) -> Numbers:
        return self.variance_treatment / self.n_treatment

    @property
    def standard_error(self) -> Numbers:
        return _root(self.error_variance_control + self.error_variance_treatment)

    @property
    def degrees_of_freedom(self) -> Numbers:
        """Welch (1947), eq. 28."""
        a, b = self.error_variance_control, self.error_variance_treatment
        total = a * a / (self.n_control - 1.0) + b * b / (self.n_treatment - 1.0)
        return (a + b) * (a + b) / total

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


def effect_of(
    control: MetricSummary,
    treatment: MetricSummary,
    *,
    kind: str,
    adjust: bool = True,
    theta_from: ThetaFrom = "all_units",
) -> Effect:
    """The effect, adjusted by the covariate where both have one and ``adjust`` is set.

    ``theta_from``: one regression over all units, or the sums of covariances and variances within
    variants (gbstats' choice for ratios). They differ by the square of the effect.
    """
    if adjust and np.any(
        np.asarray(control.covariate_variance) + treatment.covariate_variance > 0.0
    ):
        return _adjusted(control, treatment, kind, theta_from)
    c, t = _raw(control, kind), _raw(treatment, kind)
    return Effect(
        n_control=control.n,
        n_treatment=treatment.n,
        mean_control=c[0],
        mean_treatment=t[0],
        variance_control=c[1],
        variance_treatment=t[1],
        variance_reduction=None,
        theta=None,
    )


def linearised(summary: MetricSummary, *, kind: str) -> Linear:
    """Deng, Knoblich, Lu (2018), eq. 3, for the metric and its covariate."""
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
    variance = _ratio_variance(summary, r) / (d * d)
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
        variance=variance,
        covariate=s,
        covariate_variance=covariate_variance,
        covariance=covariance,
    )


def _raw(summary: MetricSummary, kind: str) -> tuple[Numbers, Numbers]:
    """Mean and variance of one unit without a covariate."""
    mean = summary.mean
    if kind == "proportion":
        return mean, mean * (1.0 - mean)
    if kind == "mean":
        return mean, _positive(summary.variance)
    d = summary.denominator_mean
    r = mean / d
    return r, _positive(_ratio_variance(summary, r) / (d * d))


def _ratio_variance(summary: MetricSummary, r: Numbers) -> Numbers:
    return (
        summary.variance - 2.0 * r * summary.covariance_y_d + r * r * summary.denominator_variance
    )


def _adjusted(
    control: MetricSummary, treatment: MetricSummary, kind: str, theta_from: ThetaFrom
) -> Effect:
    """CUPED with one theta and one centre from all units: Deng et al. (2013), eqs. 4-5."""
    together = linearised(_both(control, treatment, kind), kind=kind)
    c, t = linearised(control, kind=kind), linearised(treatment, kind=kind)
    theta = _share(together.covariance, together.covariate_variance)
    if theta_from == "within":
        theta = _share(c.covariance + t.covariance, c.covariate_variance + t.covariate_variance)
    var_c, var_t = _residual(c, theta), _residual(t, theta)
    before = c.variance / control.n + t.variance / treatment.n
    after = var_c / control.n + var_t / treatment.n
    return Effect(
        n_control=control.n,
        n_treatment=treatment.n,
        mean_control=c.mean - theta * (c.covariate - together.covariate),
        mean_treatment=t.mean - theta * (t.covariate - together.covariate),
        variance_control=var_c,
        variance_treatment=var_t,
        variance_reduction=1.0 - _share(after, before),
        theta=theta,
    )


def _both(control: MetricSummary, treatment: MetricSummary, kind: str) -> MetricSummary:
    """All units together; for a mean only what theta needs, as this runs for every metric."""
    if kind == "ratio":
        return merged(control, treatment)
    n_c, n_t = control.n, treatment.n
    n = n_c + n_t
    step_y, step_x = (
        treatment.mean - control.mean,
        treatment.covariate_mean - control.covariate_mean,
    )
    between = n_c * n_t / n

    def joined(first: Numbers, second: Numbers, product: Numbers) -> Numbers:
        return ((n_c - 1.0) * first + (n_t - 1.0) * second + between * product) / (n - 1.0)

    return MetricSummary(
        n=n,
        mean=control.mean + step_y * n_t / n,
        variance=joined(control.variance, treatment.variance, step_y * step_y),
        covariate_mean=control.covariate_mean + step_x * n_t / n,
        covariate_variance=joined(
            control.covariate_variance, treatment.covariate_variance, step_x * step_x
        ),
        covariance_y_x=joined(control.covariance_y_x, treatment.covariance_y_x, step_y * step_x),
    )


def _residual(one: Linear, theta: Numbers) -> Numbers:
    left = one.variance - 2.0 * theta * one.covariance + theta * theta * one.covariate_variance
    return _positive(left)


def _share(part: Numbers, whole: Numbers) -> Numbers:
    """part / whole, 0 where the whole is 0."""
    if np.ndim(whole) == 0:
        return part / whole if whole > 0.0 else 0.0
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0.0)


def _positive(value: Numbers) -> Numbers:
    return max(value, 0.0) if isinstance(value, float) else np.maximum(value, 0.0)


def _root(value: Numbers) -> Numbers:
    return float(np.sqrt(value)) if np.ndim(value) == 0 else np.sqrt(value)
