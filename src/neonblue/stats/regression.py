"""Regression adjustment from sufficient statistics: ANCOVA and Lin's interacted regression.

CUPED with a pooled theta, ANCOVA (one slope within variants) and Lin (2013; a slope each) agree to
first order; Lin's never has a larger asymptotic variance. Offered beside CUPED for checks against
other tools.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from neonblue.errors import InvalidInputError
from neonblue.models import MetricSummary
from neonblue.stats.comparison import p_value


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionEffect:
    """Coefficient of the treatment. ``slope_*`` are those of the covariate."""

    absolute_difference: float
    standard_error: float
    degrees_of_freedom: float
    statistic: float
    p_value: float
    slope_control: float
    slope_treatment: float


def ancova(control: MetricSummary, treatment: MetricSummary) -> RegressionEffect:
    """Ordinary least squares of y on treatment and x, with the classical standard error.

    Fisher (1932): b = S_xy / S_xx within variants, effect = (y_t - y_c) - b (x_t - x_c),
    variance = residual (1 / n_c + 1 / n_t + (x_t - x_c)^2 / S_xx).
    """
    _require_covariate(control, treatment)
    s_xx = _products(control, treatment, "covariate_variance")
    s_xy = _products(control, treatment, "covariance_y_x")
    s_yy = _products(control, treatment, "variance")
    slope = s_xy / s_xx
    step = treatment.covariate_mean - control.covariate_mean
    effect = treatment.mean - control.mean - slope * step
    df = control.n + treatment.n - 3.0
    residual = (s_yy - slope * s_xy) / df
    error = math.sqrt(residual * (1.0 / control.n + 1.0 / treatment.n + step * step / s_xx))
    return _regression(effect, error, df, slope, slope)


def lin(control: MetricSummary, treatment: MetricSummary) -> RegressionEffect:
    """y on treatment, centred x and their product: Lin (2013), section 4.

    The standard error is that of the interacted regression with a variance a variant: the
    residual variances of both fits over their n.

    effect = (y_t - b_t (x_t - x)) - (y_c - b_c (x_c - x)) with a slope b a variant and x the
    mean of all.
    """
    _require_covariate(control, treatment)
    n = control.n + treatment.n
    center = (control.n * control.covariate_mean + treatment.n * treatment.covariate_mean) / n
    b_c = control.covariance_y_x / control.covariate_variance
    b_t = treatment.covariance_y_x / treatment.covariate_variance
    fitted_c = control.mean - b_c * (control.covariate_mean - center)
    fitted_t = treatment.mean - b_t * (treatment.covariate_mean - center)
    variance = _residual(control, b_c) / control.n + _residual(treatment, b_t) / treatment.n
    return _regression(fitted_t - fitted_c, math.sqrt(variance), n - 4.0, b_c, b_t)


def _residual(summary: MetricSummary, slope: float) -> float:
    left = summary.variance - slope * summary.covariance_y_x
    return max(left, 0.0) * (summary.n - 1.0) / (summary.n - 2.0)


def _products(control: MetricSummary, treatment: MetricSummary, field: str) -> float:
    """Sums of products within variants."""
    first: float = (control.n - 1.0) * getattr(control, field)
    second: float = (treatment.n - 1.0) * getattr(treatment, field)
    return first + second


def _regression(
    effect: float, error: float, df: float, slope_control: float, slope_treatment: float
) -> RegressionEffect:
    statistic = effect / error if error > 0.0 else math.nan
    return RegressionEffect(
        absolute_difference=effect,
        standard_error=error,
        degrees_of_freedom=df,
        statistic=statistic,
        p_value=p_value(statistic, df, "two-sided"),
        slope_control=slope_control,
        slope_treatment=slope_treatment,
    )


def _require_covariate(control: MetricSummary, treatment: MetricSummary) -> None:
    if min(control.n, treatment.n) < 3 or not (
        control.covariate_variance > 0.0 and treatment.covariate_variance > 0.0
    ):
        raise InvalidInputError(
            "regression adjustment needs 3 units a variant and a covariate that varies in each: "
            "use compare(), which does without"
        )
