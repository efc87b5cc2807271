"""Adjusting p-values for how many questions were asked (statsmodels, imported on first use).

Holm across the success metrics of an experiment, because any of them can ship it; none across
guardrails, because every one of them must pass; Benjamini-Hochberg across disjoint segments,
Benjamini-Yekutieli where segments overlap.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from neonblue.errors import InvalidInputError

AdjustMethod = Literal[
    "bonferroni", "sidak", "holm", "holm-sidak", "hochberg", "hommel", "bh", "by", "none"
]

STATSMODELS_NAMES = {
    "bonferroni": "bonferroni",
    "sidak": "sidak",
    "holm-sidak": "holm-sidak",
    "hochberg": "simes-hochberg",
    "hommel": "hommel",
}


def adjusted_p_values(p_values: ArrayLike, *, method: AdjustMethod = "holm") -> np.ndarray:
    """Adjusted p (k,) in the order given; NaN (no test was made) stays NaN and does not count.

    Holm, BH and BY are computed here, as they run in every analysis; the rest by statsmodels.
    Raises ``InvalidInputError`` for a value outside 0 to 1.

    Holm (1979): max over j <= i of (m - j + 1) p_(j); Benjamini and Hochberg (1995): min over j
    >= i of m p_(j) / j; Benjamini and Yekutieli (2001): that times the sum of 1 / j; Hochberg
    (1988): min over j >= i of (m - j + 1) p_(j); Hommel (1988), Bonferroni m p and Sidak 1 - (1
    - p)^m by statsmodels.
    """
    p = np.asarray(p_values, dtype=float)
    made = ~np.isnan(p)
    if ((p[made] < 0.0) | (p[made] > 1.0)).any():
        raise InvalidInputError(f"p-values {p.tolist()!r} must lie between 0 and 1")
    adjusted = np.full(p.shape, np.nan)
    if made.any():
        adjusted[made] = _adjusted(p[made], method)
    return adjusted


def _adjusted(p: np.ndarray, method: AdjustMethod) -> np.ndarray:
    if method == "none":
        return p.copy()
    if method == "holm":
        return _step_down(p)
    if method in ("bh", "by"):
        return _step_up(p, penalty=_harmonic(p.size) if method == "by" else 1.0)
    if method not in STATSMODELS_NAMES:
        raise InvalidInputError(f"method {method!r} is not one of {get_args(AdjustMethod)!r}")
    from statsmodels.stats.multitest import multipletests

    with np.errstate(divide="ignore"):  # Sidak takes the log of 1 - p, also of p = 1.
        corrected = multipletests(p, method=STATSMODELS_NAMES[method])[1]
    return np.asarray(np.minimum(corrected, 1.0), dtype=float)


def _step_down(p: np.ndarray) -> np.ndarray:
    """Holm (1979)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    return _back(np.minimum(stepped, 1.0), order)


def _step_up(p: np.ndarray, *, penalty: float) -> np.ndarray:
    """Benjamini and Hochberg (1995); with the harmonic penalty Benjamini and Yekutieli (2001)."""
    order = np.argsort(p, kind="stable")[::-1]
    stepped = np.minimum.accumulate(p[order] * penalty * p.size / np.arange(p.size, 0, -1))
    return _back(np.minimum(stepped, 1.0), order)


def _back(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    result = np.empty_like(values)
    result[order] = values
    return result


def _harmonic(k: int) -> float:
    return float((1.0 / np.arange(1, k + 1)).sum())
