"""Normal-mixture confidence sequences and e-values: valid at every look, at any number of them.

Sources: Robbins (1970); Howard, Ramdas, McAuliffe, Sekhon (2021) "Time-uniform, nonparametric,
nonasymptotic confidence sequences", section 3.2 on conjugate mixtures; Waudby-Smith et al. (2024)
"Time-uniform central limit theory and asymptotic confidence sequences", section 2.

``information_ratio`` below is n times rho squared: how much has been seen, in units of the
mixture. Every function takes floats or numpy arrays of one shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_ndtr, ndtri

Numbers = Any
"""A float or a numpy array of floats."""

NEWTON_STEPS = 60


def tuned_variance(*, planned_n: Numbers, alpha: float) -> Numbers:
    """rho squared that makes the boundary narrowest when ``planned_n`` units have come.

    Waudby-Smith et al. (2024), appendix on tuning Robbins' mixture for one time, with the usual
    approximation of Lambert's W.

    rho^2 = (-2 ln alpha + ln(1 - 2 ln alpha)) / planned_n.
    """
    reach = -2.0 * math.log(alpha)
    return (reach + math.log1p(reach)) / planned_n


def critical_value(information_ratio: Numbers, *, alpha: float) -> Numbers:
    """Half-width of the two-sided sequence in standard errors: Waudby-Smith et al., section 2.

    Robbins (1970); Waudby-Smith et al. (2024): sqrt((1 + 1 / r) (ln(1 + r) - 2 ln alpha)), r =
    n rho^2, which is sqrt(n) times their margin sqrt(2 (n rho^2 + 1) / (n^2 rho^2) ln(sqrt(n
    rho^2 + 1) / alpha)).
    """
    r = information_ratio
    return np.sqrt((1.0 + 1.0 / r) * (np.log1p(r) - 2.0 * math.log(alpha)))


def log_e_value(z: Numbers, information_ratio: Numbers) -> Numbers:
    """Log of the two-sided mixture e-value of ``estimate / standard_error``.

    Robbins (1970): log e = z^2 r / (2 (1 + r)) - ln(1 + r) / 2.
    """
    r = information_ratio
    return z * z * r / (2.0 * (1.0 + r)) - 0.5 * np.log1p(r)


def one_sided_log_e_value(z: Numbers, information_ratio: Numbers) -> Numbers:
    """As ``log_e_value`` with the mixture folded onto positive effects: Howard et al., 3.2.

    Howard et al. (2021): log e = two-sided log e + ln 2 + ln Phi(z sqrt(r / (1 + r))).
    """
    r = information_ratio
    return log_e_value(z, r) + math.log(2.0) + log_ndtr(z * np.sqrt(r / (1.0 + r)))


def one_sided_critical_value(information_ratio: Numbers, *, alpha: float) -> Numbers:
    """The z above which the one-sided e-value passes 1 / alpha.

    Newton from above on a convex, increasing function: it cannot overshoot.

    Howard et al. (2021): the root z of ``one_sided_log_e_value`` = ln(1 / alpha).
    """
    r = np.asarray(information_ratio, dtype=float)
    shrink = r / (1.0 + r)
    target = 0.5 * np.log1p(r) - math.log(2.0 * alpha)
    u = np.sqrt(2.0 * np.maximum(target, 0.0) + 2.0 * math.log(2.0))
    for _ in range(NEWTON_STEPS):
        log_cdf = log_ndtr(u)
        slope = u + np.exp(-0.5 * u * u - log_cdf) / math.sqrt(2.0 * math.pi)
        step = (0.5 * u * u + log_cdf - target) / slope
        u = u - step
        if np.max(np.abs(step)) < 1e-13:
            break
    return u / np.sqrt(shrink)


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureSequence:
    """One look of the asymptotic confidence sequence; ``p_value`` is this look's alone."""

    ci_lower: Numbers
    ci_upper: Numbers
    half_width: Numbers
    p_value: Numbers
    log_e_value: Numbers
    information_ratio: Numbers


def mixture_sequence(
    estimate: Numbers,
    standard_error: Numbers,
    *,
    n: Numbers,
    planned_n: Numbers,
    alpha: float = 0.05,
    one_sided: bool = False,
) -> MixtureSequence:
    """The asymptotic confidence sequence alone, tuned to ``planned_n`` (total units).

    ``one_sided`` bounds the effect from below: the upper limit is infinite. It is tuned for
    2 alpha, as Howard et al. advise.

    Waudby-Smith et al. (2024): estimate -+ ``critical_value`` se; p = 1 / e.
    """
    tuning_alpha = min(2.0 * alpha, 0.5) if one_sided else alpha
    r = n * tuned_variance(planned_n=planned_n, alpha=tuning_alpha)
    z = estimate / standard_error
    if one_sided:
        half = standard_error * one_sided_critical_value(r, alpha=alpha)
        log_e, upper = one_sided_log_e_value(z, r), estimate * 0.0 + np.inf
    else:
        half = standard_error * critical_value(r, alpha=alpha)
        log_e, upper = log_e_value(z, r), estimate + half
    return MixtureSequence(
        ci_lower=estimate - half,
        ci_upper=upper,
        half_width=half,
        p_value=np.exp(-np.maximum(log_e, 0.0)),
        log_e_value=log_e,
        information_ratio=r,
    )


def fixed_critical_value(*, alpha: float) -> float:
    """The z of one look planned in advance, two-sided: for comparison only.

    Definition: z = the 1 - alpha / 2 quantile of the normal.
    """
    return float(-ndtri(alpha / 2.0))
