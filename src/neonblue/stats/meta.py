"""Random-effects meta-analysis: what past experiments say about the next, and shrunken lifts.

The winner's curse makes the raw lift of a shipped experiment too large on average; its best
linear unbiased prediction, which borrows from the organisation's other experiments, is not
(Deng 2015; van Zwet, Schwab, Senn 2021). Shown beside the raw lift, labelled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from neonblue.errors import InvalidInputError

TauMethod = Literal["REML", "DL", "PM", "ML", "HE", "FE"]
MAX_STEPS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomEffects:
    """Effects ~ N(mean, tau_squared) over experiments, each seen with its own noise.

    ``shrunk`` (k,) are the BLUPs of the true effects, ``shrunk_standard_errors`` include the
    uncertainty of the mean but not that of tau. ``q`` is Cochran's heterogeneity statistic.
    """

    mean: float
    standard_error: float
    tau_squared: float
    q: float
    q_p_value: float
    i_squared: float
    shrunk: np.ndarray
    shrunk_standard_errors: np.ndarray


def random_effects(
    effects: ArrayLike, variances: ArrayLike, *, method: TauMethod = "REML"
) -> RandomEffects:
    """Pools effects (k,) with sampling variances (k,); raises ``InvalidInputError`` if k < 2.

    REML and ML by Fisher scoring (Viechtbauer 2005, eq. 12), DerSimonian-Laird (1986),
    Paule-Mandel (1982), Hedges (1983).

    mean = sum of w y / sum of w with w = 1 / (v + tau^2); shrunk = mean + tau^2 / (tau^2 + v)
    (y - mean).
    """
    y, v = _checked(effects, variances)
    tau2 = between_variance(y, v, method=method)
    weights = 1.0 / (v + tau2)
    total = float(weights.sum())
    mean = float(weights @ y) / total
    kept = tau2 / (tau2 + v)
    q, fixed = _cochran(y, v)
    k = y.size
    typical = (k - 1) * fixed.sum() / (fixed.sum() ** 2 - (fixed**2).sum())
    return RandomEffects(
        mean=mean,
        standard_error=1.0 / math.sqrt(total),
        tau_squared=tau2,
        q=q,
        q_p_value=float(chdtrc(k - 1, q)),
        i_squared=tau2 / (tau2 + float(typical)),
        shrunk=mean + kept * (y - mean),
        shrunk_standard_errors=np.sqrt(kept * v + (1.0 - kept) ** 2 / total),
    )


def between_variance(y: np.ndarray, v: np.ndarray, *, method: TauMethod = "REML") -> float:
    """tau squared: how much true effects differ; 0 when noise explains all differences.

    DerSimonian and Laird (1986): tau^2 = (Q - (k - 1)) / (sum of w - sum of w^2 / sum of w), w
    = 1 / v; REML (Viechtbauer 2005) by steps (y' P P y - tr P) / tr(P P); Paule and Mandel
    (1982): the tau^2 with sum of w (y - mean)^2 = k - 1; Hedges (1983): var(y) - mean(v).
    """
    start = _dersimonian_laird(y, v)
    if method == "FE":
        return 0.0
    if method == "DL":
        return start
    if method == "HE":
        return max(0.0, float(np.var(y, ddof=1) - v.mean()))
    if method == "PM":
        return _paule_mandel(y, v)
    return _likelihood(y, v, start, restricted=method == "REML")


def _likelihood(y: np.ndarray, v: np.ndarray, start: float, *, restricted: bool) -> float:
    """Fisher scoring with steps halved while they would leave tau squared >= 0."""
    tau2 = max(start, 0.0) if start > 0.0 else float(np.var(y, ddof=1))
    for _ in range(MAX_STEPS):
        w = 1.0 / (v + tau2)
        mean = (w @ y) / w.sum()
        projected = w * (y - mean)
        # With P = W - W 1 1' W / sum(W): y'PPy, tr(P) and tr(PP).
        trace, information = w.sum(), (w**2).sum()
        if restricted:
            trace = w.sum() - (w**2).sum() / w.sum()
            information = (
                (w**2).sum() - 2.0 * (w**3).sum() / w.sum() + ((w**2).sum() / w.sum()) ** 2
            )
        step = (projected @ projected - trace) / information
        following = max(tau2 + step, 0.0)
        if abs(following - tau2) <= 1e-12 * (tau2 + v.mean() * 1e-6):
            return float(following)
        tau2 = following
    return float(tau2)


def _paule_mandel(y: np.ndarray, v: np.ndarray) -> float:
    def excess(tau2: float) -> float:
        w = 1.0 / (v + tau2)
        mean = (w @ y) / w.sum()
        return float(w @ (y - mean) ** 2) - (y.size - 1)

    if excess(0.0) <= 0.0:
        return 0.0
    low, high = 0.0, float(np.var(y, ddof=1)) + float(v.max())
    while excess(high) > 0.0:
        high *= 2.0
    for _ in range(MAX_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if excess(middle) > 0.0 else (low, middle)
    return (low + high) / 2.0


def _dersimonian_laird(y: np.ndarray, v: np.ndarray) -> float:
    q, w = _cochran(y, v)
    return max(0.0, float((q - (y.size - 1)) / (w.sum() - (w**2).sum() / w.sum())))


def _cochran(y: np.ndarray, v: np.ndarray) -> tuple[float, np.ndarray]:
    w = 1.0 / v
    mean = (w @ y) / w.sum()
    return float(w @ (y - mean) ** 2), w


def _checked(effects: ArrayLike, variances: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    y, v = np.asarray(effects, dtype=float), np.asarray(variances, dtype=float)
    if y.shape != v.shape or y.ndim != 1 or y.size < 2:
        raise InvalidInputError(
            f"{y.size} effects and {v.size} variances: give one of each, of two experiments or more"
        )
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0.0).all()):
        raise InvalidInputError("every effect must be a number and every variance above 0")
    return y, v
