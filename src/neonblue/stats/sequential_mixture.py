"""Normal-mixture confidence sequences and e-values: valid at every look, at any number of them.

Sources: Robbins (1970); Howard, Ramdas, McAuliffe, Sekhon (2021) "Time-uniform, nonparametric,
nonasymptotic confidence sequences", section 3.2 on conjugate mixtures; Waudby-Smith et al. (2024)
"Time-uniform central limit theory and asymptotic confidence sequences", section 2; Johari et
al. (2022) "Always valid inference"; Lindon et al. (2022) "Anytime-valid linear models".

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


def approximate_one_sided_half_width(
    standard_error: Numbers, *, n: Numbers, rho_squared: Numbers, alpha: float
) -> Numbers:
    """One-sided closed form of Waudby-Smith et al. (2024): a little wider than the exact bound.

    se sqrt(2 (1 + 1 / r) ln(1 + sqrt(1 + r) / (2 alpha))), r = n rho^2.
    """
    r = n * rho_squared
    inner = np.log1p(np.sqrt(1.0 + r) / (2.0 * alpha))
    return standard_error * np.sqrt(2.0 * (1.0 + 1.0 / r) * inner)


def howard_rho(*, v_opt: float, alpha_opt: float, one_sided: bool = False) -> float:
    """Mixture precision that is best at intrinsic time ``v_opt``: Howard et al. (2021).

    rho = v_opt / (-2 ln alpha + ln(1 - 2 ln alpha)), one-sided with 2 alpha.
    """
    reach = -2.0 * math.log(min(1.0, 2.0 * alpha_opt) if one_sided else alpha_opt)
    return v_opt / (reach + math.log1p(reach))


def howard_bound(
    v: Numbers, *, alpha: float, v_opt: float, alpha_opt: float = 0.05, one_sided: bool = False
) -> Numbers:
    """Boundary for the sum S_t at intrinsic time ``v``: Howard et al. (2021), section 3.2.

    u(v) = sqrt((v + rho) (ln((v + rho) / rho) - 2 ln alpha)).
    """
    r = v / howard_rho(v_opt=v_opt, alpha_opt=alpha_opt, one_sided=one_sided)
    z = one_sided_critical_value(r, alpha=alpha) if one_sided else critical_value(r, alpha=alpha)
    return np.sqrt(v) * z


def howard_log_e(
    s: Numbers, v: Numbers, *, v_opt: float, alpha_opt: float = 0.05, one_sided: bool = False
) -> Numbers:
    """Log of the mixture supermartingale at sum ``s`` and intrinsic time ``v``.

    Howard et al. (2021): log e = s^2 / (2 (v + rho)) + ln(rho / (v + rho)) / 2.
    """
    r = v / howard_rho(v_opt=v_opt, alpha_opt=alpha_opt, one_sided=one_sided)
    z = s / np.sqrt(v)
    return one_sided_log_e_value(z, r) if one_sided else log_e_value(z, r)


def msprt_log_e(estimate: Numbers, standard_error: Numbers, *, prior_sd: Numbers) -> Numbers:
    """Mixture sequential probability ratio test with a normal prior on the effect.

    Johari et al. (2022), normal mixture: the same family with an information ratio of
    (prior_sd / standard_error) squared; p = exp(-log e).

    log e = z^2 r / (2 (1 + r)) - ln(1 + r) / 2 with r = (prior_sd / se)^2.
    """
    return log_e_value(estimate / standard_error, (prior_sd / standard_error) ** 2)


def anytime_t_log_e(
    t_squared: Numbers, *, degrees_of_freedom: float, phi: float, z_squared: Numbers
) -> Numbers:
    """Log Bayes factor of the anytime-valid t-test: Lindon et al. (2022), one coefficient.

    ``z_squared`` is (residual sd / standard error) squared, ``phi`` the prior's precision in
    units of the residual variance.

    log B = ln(k) / 2 + (nu + 1) / 2 (ln(1 + t^2 / nu) - ln(1 + k t^2 / nu)), k = phi / (phi +
    z^2).
    """
    keep = phi / (phi + z_squared)
    scaled = t_squared / degrees_of_freedom
    growth = np.log1p(scaled) - np.log1p(keep * scaled)
    return 0.5 * np.log(keep) + 0.5 * (degrees_of_freedom + 1.0) * growth


def anytime_t_half_width(
    standard_error: float, *, degrees_of_freedom: float, phi: float, z_squared: float, alpha: float
) -> float:
    """Half-width of the sequence that inverts ``anytime_t_log_e``; infinite while too early.

    Lindon et al. (2022), inverted: se sqrt(nu (1 - a) / (a - k)), a = (alpha^2 k)^(1 / (nu +
    1)).
    """
    keep = phi / (phi + z_squared)
    power = (alpha * alpha * keep) ** (1.0 / (degrees_of_freedom + 1.0))
    if power <= keep:
        return math.inf
    return standard_error * math.sqrt(degrees_of_freedom * (1.0 - power) / (power - keep))


def fixed_critical_value(*, alpha: float) -> float:
    """The z of one look planned in advance, two-sided: for comparison only.

    Definition: z = the 1 - alpha / 2 quantile of the normal.
    """
    return float(-ndtri(alpha / 2.0))
