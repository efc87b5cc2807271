"""Sufficient statistics of one metric in one variant."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSummary:
    """What an analysis needs to know of one metric in one variant: n, means, (co)variances.

    Over units: ``y`` is the metric's numerator, ``d`` the denominator of a ratio, ``x`` the
    covariate, ``e`` the covariate's denominator (ratio CUPED). Variances and covariances are the
    unbiased (n - 1) ones. A plain mean or proportion leaves everything after ``variance`` at its
    default. Fields are floats, or numpy arrays of one shape when many segments are analysed at
    once.
    """

    n: float
    mean: float
    variance: float
    denominator_mean: float = 1.0
    denominator_variance: float = 0.0
    covariance_y_d: float = 0.0
    covariate_mean: float = 0.0
    covariate_variance: float = 0.0
    covariance_y_x: float = 0.0
    covariance_d_x: float = 0.0
    covariate_denominator_mean: float = 1.0
    covariate_denominator_variance: float = 0.0
    covariance_x_e: float = 0.0
    covariance_y_e: float = 0.0
    covariance_d_e: float = 0.0
