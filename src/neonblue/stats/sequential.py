"""The confidence sequence that the product decides on: valid however often anybody looks.

One look from sufficient statistics. The default is the plan boundary of
``sequential_boundary``; ``method="mixture"`` is the plain asymptotic sequence, for comparison.
A sequence is a fact about the data, not about who looked: looks recorded or not, by one agent or
by many at once, change nothing in its error rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neonblue.errors import InvalidInputError
from neonblue.stats.effect import squared_variation
from neonblue.stats.sequential_boundary import plan_critical_value, plan_p_value
from neonblue.stats.sequential_limits import LogMargins
from neonblue.stats.sequential_mixture import (
    MixtureSequence,
    Numbers,
    log_e_value,
    mixture_sequence,
    one_sided_log_e_value,
    tuned_variance,
)
from neonblue.stats.sequential_time import SequenceTime

Alternative = Literal["two-sided", "greater", "less"]
SequenceMethod = Literal["plan", "mixture"]

BURN_IN_UNITS = 100
"""Fewest units in each variant before the central limit theorem is leaned on."""
BURN_IN_FRACTION = 0.01
"""And the least share of the planned total."""


MOST_LOG_RATIO_ERROR = 0.5
"""Largest standard error of the log ratio at which its normal approximation is leaned on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceSequence:
    """One look. Before burn-in the limits are infinite and p is 1, which is what is known then.

    ``p_value`` and ``log_e_value`` are against no effect and anytime-valid; the least p over
    looks is valid too. Scale and units are those of ``estimate``.
    """

    status: Literal["available", "insufficient_data"]
    estimate: float
    standard_error: float
    ci_lower: float
    ci_upper: float
    half_width: float
    p_value: float
    log_e_value: float
    detail: str = ""

    @property
    def available(self) -> bool:
        """Whether the limits are finite numbers."""
        return self.status == "available"


def confidence_sequence(
    estimate: float,
    standard_error: float,
    *,
    n: float,
    planned_n: float,
    maximum_n: float | None = None,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
    method: SequenceMethod = "plan",
    burn_in: float | None = None,
    margins: LogMargins | None = None,
    time: SequenceTime | None = None,
) -> ConfidenceSequence:
    """The sequence when ``n`` units in total have come, of ``planned_n`` planned in total.

    ``maximum_n`` None means twice the plan; infinite that nothing was planned: then
    ``planned_n`` only says where the plain mixture is tuned to, and must not follow outcomes.
    ``burn_in`` is the total below which nothing is concluded; by default ``burn_in_units``.
    ``margins`` of the two means widen the limits where skew would make them too narrow, and the
    p-value with them, so that it stays below ``alpha`` exactly when the limits exclude 0. ``time``
    (``sequential_time``) takes the place of ``n`` where evidence grows without units.

    ``sequential_boundary`` (Siegmund 1985; Robbins 1970) or ``sequential_mixture``
    (Waudby-Smith et al. 2024): estimate -+ critical(n) se, with ``margins`` the hull with
    MOVER's (Zou and Donner 2008); p from z = critical(n) estimate / distance of the limit on
    zero's side.
    """
    refuse_nonsense(alpha, planned_n, maximum_n)
    waiting = _missing(estimate, standard_error, n, planned_n, burn_in)
    if waiting:
        return insufficient(estimate, standard_error, waiting)
    one_sided = alternative != "two-sided"
    sign = -1.0 if alternative == "less" else 1.0
    z = sign * estimate / standard_error
    time = time or SequenceTime(plan_n=n, mixture_n=n, maximum_n=maximum_n)
    look = _Look(time=time, planned_n=planned_n, alpha=alpha, one_sided=one_sided)
    width = look.plan_width() if method == "plan" else look.mixture(z).half_width
    below, above = _reach(float(width), standard_error, margins)
    z *= float(width) * standard_error / (below if estimate > 0.0 else above)
    p_value, log_e = look.plan_p(z) if method == "plan" else look.mixture_p(z)
    return ConfidenceSequence(
        status="available",
        estimate=estimate,
        standard_error=standard_error,
        ci_lower=-math.inf if alternative == "less" else estimate - below,
        ci_upper=math.inf if alternative == "greater" else estimate + above,
        half_width=(below + above) / 2.0,
        p_value=float(p_value),
        log_e_value=float(log_e),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One moment of a plan, asked for widths and p-values in either method."""

    time: SequenceTime
    planned_n: float
    alpha: float
    one_sided: bool

    def plan_width(self) -> float:
        width = plan_critical_value(
            self.time.plan_n,
            planned_n=self.planned_n,
            maximum_n=self.time.maximum_n,
            alpha=self.alpha,
            one_sided=self.one_sided,
            mixture_n=self.time.mixture_n,
        )
        return float(width)

    def plan_p(self, z: float) -> tuple[float, float]:
        p_value = plan_p_value(
            z,
            self.time.plan_n,
            planned_n=self.planned_n,
            maximum_n=self.time.maximum_n,
            alpha=self.alpha,
            one_sided=self.one_sided,
            mixture_n=self.time.mixture_n,
        )
        log_e = evidence(
            z,
            self.time.mixture_n,
            planned_n=self.planned_n,
            alpha=self.alpha,
            one_sided=self.one_sided,
        )
        return float(p_value), float(log_e)

    def mixture(self, z: float) -> MixtureSequence:
        return mixture_sequence(
            z,
            1.0,
            n=self.time.mixture_n,
            planned_n=self.planned_n,
            alpha=self.alpha,
            one_sided=self.one_sided,
        )

    def mixture_p(self, z: float) -> tuple[float, float]:
        found = self.mixture(z)
        return float(found.p_value), float(found.log_e_value)


def _reach(
    critical: float, standard_error: float, margins: LogMargins | None
) -> tuple[float, float]:
    """Distances (below, above) of the limits from the estimate."""
    if margins is None:
        return critical * standard_error, critical * standard_error
    below, above = margins.reach(critical, standard_error)
    return float(below), float(above)


def relative_confidence_sequence(
    *,
    mean_control: float,
    mean_treatment: float,
    log_ratio_standard_error: float,
    n: float,
    planned_n: float,
    maximum_n: float | None = None,
    alpha: float = 0.05,
    method: SequenceMethod = "plan",
    burn_in: float | None = None,
    time: SequenceTime | None = None,
) -> ConfidenceSequence:
    """The sequence of the relative lift, a fraction, through the log of the ratio of means.

    The log ratio is nearer to normal than the lift itself and its limits stay above -1. With a
    mean of zero, or of unlike signs, a ratio says nothing, and with a mean that is hardly known the
    log is not near to normal: the answer is ``insufficient_data``. Of two negative means a positive
    lift is a larger value, relative to the control's size.
    ``half_width`` and ``standard_error`` are on the log scale.

    Delta method: log(m_t / m_c) has se^2 = v_c / (n_c m_c^2) + v_t / (n_t m_t^2) (Katz et al.
    1978 for proportions); limits exp(log ratio -+ critical(n) se) - 1.
    """
    sign = math.copysign(1.0, mean_control)
    if not (sign * mean_control > 0.0 and sign * mean_treatment > 0.0):
        detail = (
            f"a relative lift needs two means of one sign, not {mean_control!r} and "
            f"{mean_treatment!r}: read absolute_difference"
        )
        return insufficient(math.nan, log_ratio_standard_error, detail)
    # Of two negative means the ratio of sizes falls as the value rises.
    log_ratio = sign * (math.log(abs(mean_treatment)) - math.log(abs(mean_control)))
    if log_ratio_standard_error > MOST_LOG_RATIO_ERROR:
        detail = "the means are not known well enough for a relative lift: read absolute_difference"
        return insufficient(lift_of(log_ratio, sign), log_ratio_standard_error, detail)
    log_scale = confidence_sequence(
        log_ratio,
        log_ratio_standard_error,
        n=n,
        planned_n=planned_n,
        maximum_n=maximum_n,
        alpha=alpha,
        method=method,
        burn_in=burn_in,
        time=time,
    )
    open_limits = (-1.0, math.inf) if sign > 0.0 else (-math.inf, 1.0)
    limits = (lift_of(log_scale.ci_lower, sign), lift_of(log_scale.ci_upper, sign))
    lower, upper = limits if log_scale.available else open_limits
    return ConfidenceSequence(
        status=log_scale.status,
        estimate=lift_of(log_ratio, sign),
        standard_error=log_ratio_standard_error,
        ci_lower=lower,
        ci_upper=upper,
        half_width=log_scale.half_width,
        p_value=log_scale.p_value,
        log_e_value=log_scale.log_e_value,
        detail=log_scale.detail,
    )


def lift_of(log_ratio: float, sign: float) -> float:
    """A log ratio, turned round for negative means, as a lift relative to the control's size.

    Definition: exp(l) - 1 for positive means, 1 - exp(-l) for negative ones.
    """
    return sign * _expm1(sign * log_ratio)


def evidence(
    z: Numbers, n: Numbers, *, planned_n: float, alpha: float, one_sided: bool = False
) -> Numbers:
    """Log e-value against no effect: the normal mixture tuned to the planned total.

    Of independent experiments these add up.

    Robbins (1970): log e = z^2 r / (2 (1 + r)) - log(1 + r) / 2 with r = n rho^2.
    """
    r = n * tuned_variance(planned_n=planned_n, alpha=alpha)
    return one_sided_log_e_value(z, r) if one_sided else log_e_value(z, r)


def burn_in_units(planned_n: float, *, smallest_share: float = 0.5) -> float:
    """Total units before anything is concluded; ``smallest_share`` is the rarest variant's.

    Ours: max(100 / share, 1 % of the plan), by simulation (benchmarks.error_rates).
    """
    share = min(max(smallest_share, 1e-6), 0.5)
    return max(BURN_IN_UNITS / share, BURN_IN_FRACTION * planned_n)


def pooled_standard_error(
    *,
    n_control: Numbers,
    variance_control: Numbers,
    n_treatment: Numbers,
    variance_treatment: Numbers,
) -> Numbers:
    """Standard error of a difference that unequal splits and skew cannot make too small.

    The larger of the usual one and the one with the variance pooled under the null. With equal n
    they are the same. With few units in one variant the usual one is small exactly when that
    variant's mean is low by chance, which is what breaks its error rate.

    Definition: se^2 = max(v_c / n_c + v_t / n_t, v (1 / n_c + 1 / n_t)), v = (n_c v_c + n_t
    v_t) / (n_c + n_t). Ours is the maximum; each part is textbook.
    """
    usual = variance_control / n_control + variance_treatment / n_treatment
    pooled = (n_control * variance_control + n_treatment * variance_treatment) / (
        n_control + n_treatment
    )
    return np.sqrt(np.maximum(usual, pooled * (1.0 / n_control + 1.0 / n_treatment)))


def pooled_log_ratio_standard_error(
    *,
    n_control: Numbers,
    mean_control: Numbers,
    variance_control: Numbers,
    n_treatment: Numbers,
    mean_treatment: Numbers,
    variance_treatment: Numbers,
) -> Numbers:
    """The same for the log of the ratio of means: also pools the means under the null.

    Definition: se^2 = max(v_c / (n_c m_c^2) + v_t / (n_t m_t^2), v / m^2 (1 / n_c + 1 / n_t)),
    v and m pooled.
    """
    usual = (
        squared_variation(variance_control, mean_control) / n_control
        + squared_variation(variance_treatment, mean_treatment) / n_treatment
    )
    total = n_control + n_treatment
    mean = (n_control * mean_control + n_treatment * mean_treatment) / total
    pooled = (n_control * variance_control + n_treatment * variance_treatment) / total
    null = squared_variation(pooled, mean) * (1.0 / n_control + 1.0 / n_treatment)
    return np.sqrt(np.maximum(usual, null))


def insufficient(estimate: float, standard_error: float, detail: str) -> ConfidenceSequence:
    """What is known before enough has come: nothing, and why.

    Definition: an answer, no method.
    """
    return ConfidenceSequence(
        status="insufficient_data",
        estimate=estimate,
        standard_error=standard_error,
        ci_lower=-math.inf,
        ci_upper=math.inf,
        half_width=math.inf,
        p_value=1.0,
        log_e_value=0.0,
        detail=detail,
    )


def refuse_nonsense(alpha: float, planned_n: float, maximum_n: float | None) -> None:
    """``InvalidInputError`` for a plan that no sequence can follow.

    Definition: a guard, no method.
    """
    if not 0.0 < alpha < 0.5:
        raise InvalidInputError(f"alpha {alpha!r} must lie between 0 and 0.5: 0.05 is usual")
    if not (planned_n > 0.0 and math.isfinite(planned_n)):
        raise InvalidInputError(
            f"planned_n {planned_n!r} must be a positive number of units: set planned_sample_size"
        )
    if maximum_n is not None and not maximum_n >= planned_n:
        raise InvalidInputError(
            f"maximum_n {maximum_n!r} is below planned_n {planned_n!r}: raise maximum_sample_size"
        )


def _missing(
    estimate: float, standard_error: float, n: float, planned_n: float, burn_in: float | None
) -> str:
    if not math.isfinite(estimate):
        return f"the estimate is {estimate!r}: no units with a value yet"
    if not (math.isfinite(standard_error) and standard_error > 0.0):
        return f"the standard error is {standard_error!r}: every unit has the same value so far"
    least = burn_in_units(planned_n) if burn_in is None else burn_in
    if not n >= least:
        return f"{n:,.0f} units of the {least:,.0f} that burn-in takes"
    return ""


def _expm1(value: float) -> float:
    return math.expm1(value) if value < 700.0 else math.inf
