"""Estimates from sufficient statistics."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, gammaln, ndtr, ndtri, stdtr, stdtrit

from neonblue.models import MetricSummary
from neonblue.stats.sequential import pooled_log_ratio_standard_error, pooled_standard_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    difference: float
    standard_error: float
    mean_control: float
    mean_treatment: float
    variance_control: float
    variance_treatment: float
    degrees_of_freedom: float | None
    variance_reduction: float | None
    n_control: float
    n_treatment: float

    @property
    def safe_error(self) -> float:
        return float(
            pooled_standard_error(
                n_control=self.n_control,
                variance_control=self.variance_control * self.n_control,
                n_treatment=self.n_treatment,
                variance_treatment=self.variance_treatment * self.n_treatment,
            )
        )

    @property
    def log_ratio_error(self) -> float:
        if self.mean_control <= 0 or self.mean_treatment <= 0:
            return math.nan
        return float(
            pooled_log_ratio_standard_error(
                n_control=self.n_control,
                mean_control=self.mean_control,
                variance_control=self.variance_control * self.n_control,
                n_treatment=self.n_treatment,
                mean_treatment=self.mean_treatment,
                variance_treatment=self.variance_treatment * self.n_treatment,
            )
        )


def _unit(s: MetricSummary, kind: str, theta: float, center: float) -> tuple[float, float]:
    """Adjusted mean and variance of the mean."""
    n = s.n
    if kind == "proportion" and theta == 0:
        return s.mean, s.mean * (1 - s.mean) / n
    if kind == "ratio":
        r = s.mean / s.denominator_mean
        v = (s.variance - 2 * r * s.covariance_y_d + r * r * s.denominator_variance) / (
            s.denominator_mean**2
        )
        return r, v / n
    v = s.variance - 2 * theta * s.covariance_y_x + theta**2 * s.covariate_variance
    return s.mean - theta * (s.covariate_mean - center), max(v, 0.0) / n


def estimate(c: MetricSummary, t: MetricSummary, kind: str, adjusted: bool) -> Estimate:
    theta = center = 0.0
    if adjusted and kind != "ratio":
        cov = (c.n - 1) * c.covariance_y_x + (t.n - 1) * t.covariance_y_x
        var = (c.n - 1) * c.covariate_variance + (t.n - 1) * t.covariate_variance
        theta = cov / var if var > 0 else 0.0
        center = (c.n * c.covariate_mean + t.n * t.covariate_mean) / (c.n + t.n)
    mc, vc = _unit(c, kind, theta, center)
    mt, vt = _unit(t, kind, theta, center)
    raw = _unit(c, kind, 0, 0)[1] + _unit(t, kind, 0, 0)[1]
    se = math.sqrt(vc + vt)
    df = None
    if kind == "mean" and vc + vt > 0:
        df = (vc + vt) ** 2 / (vc**2 / (c.n - 1) + vt**2 / (t.n - 1))
    return Estimate(
        difference=mt - mc,
        standard_error=se,
        mean_control=mc,
        mean_treatment=mt,
        variance_control=vc,
        variance_treatment=vt,
        degrees_of_freedom=df,
        n_control=c.n,
        n_treatment=t.n,
        variance_reduction=1 - (vc + vt) / raw if theta and raw > 0 else None,
    )


def two_sided(difference: float, se: float, df: float | None, alpha: float):  # type: ignore[no-untyped-def]
    z = abs(difference) / se
    if df is None:
        return 2 * float(ndtr(-z)), float(ndtri(1 - alpha / 2)) * se
    return 2 * float(stdtr(df, -z)), float(stdtrit(df, 1 - alpha / 2)) * se


def normal(z: float) -> float:
    return float(ndtr(z))


def srm(counts: np.ndarray, weights: np.ndarray) -> float:
    live = weights > 0
    expected = counts[live].sum() * weights[live] / weights[live].sum()
    return float(chdtrc(live.sum() - 1, ((counts[live] - expected) ** 2 / expected).sum()))


def sequential_srm(counts: np.ndarray, weights: np.ndarray, k: float = 10_000.0) -> float:
    live = weights > 0
    w, x = weights[live] / weights[live].sum(), counts[live]
    a = k * w
    n = x.sum()
    log_bf = (
        gammaln(k) - gammaln(k + n) + (gammaln(a + x) - gammaln(a)).sum() - (x * np.log(w)).sum()
    )
    return float(min(1.0, math.exp(min(0.0, -log_bf))))
