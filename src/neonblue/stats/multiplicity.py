"""Adjusting p-values for how many questions were asked.

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


def adjusted_p_values(p_values: ArrayLike, *, method: AdjustMethod = "holm") -> np.ndarray:
    """Adjusted p (k,) in the order given; NaN (no test was made) stays NaN and does not count.

    Raises ``InvalidInputError`` for a value outside 0 to 1.

    Holm (1979): max over j <= i of (m - j + 1) p_(j); Benjamini and Hochberg (1995): min over j
    >= i of m p_(j) / j; Benjamini and Yekutieli (2001): that times the sum of 1 / j; Hochberg
    (1988): min over j >= i of (m - j + 1) p_(j); Hommel (1988): the largest Simes p of a set that
    holds i; Bonferroni m p; Sidak (1967) 1 - (1 - p)^m; Holm-Sidak: max over j <= i of 1 - (1 -
    p_(j))^(m - j + 1).
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
    if method == "hochberg":
        return _hochberg(p)
    if method == "hommel":
        return _hommel(p)
    if method == "holm-sidak":
        return _holm_sidak(p)
    if method == "sidak":
        return _any_of(p, p.size)
    if method != "bonferroni":
        raise InvalidInputError(f"method {method!r} is not one of {get_args(AdjustMethod)!r}")
    return np.asarray(np.minimum(p * p.size, 1.0), dtype=float)


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


def _hochberg(p: np.ndarray) -> np.ndarray:
    """Hochberg (1988)."""
    order = np.argsort(p, kind="stable")[::-1]
    return _back(np.minimum.accumulate(p[order] * np.arange(1, p.size + 1)), order)


def _holm_sidak(p: np.ndarray) -> np.ndarray:
    """Holm's steps with Sidak's correction."""
    order = np.argsort(p, kind="stable")
    return _back(np.maximum.accumulate(_any_of(p[order], np.arange(p.size, 0, -1))), order)


def _hommel(p: np.ndarray) -> np.ndarray:
    """Hommel (1988) as a closed test: of the sets of one size that hold p_i, the one with the
    largest others has the largest Simes p."""
    order = np.argsort(p, kind="stable")
    ascending = p[order]
    adjusted = ascending.copy()
    for size in range(2, p.size + 1):
        first = p.size - size
        simes = size * ascending[first:] / np.arange(1, size + 1)
        adjusted[first:] = np.maximum(adjusted[first:], simes.min())
        beside = np.minimum(size * ascending[:first], simes[1:].min())
        adjusted[:first] = np.maximum(adjusted[:first], beside)
    return _back(np.minimum(adjusted, 1.0), order)


def _any_of(p: np.ndarray, tests: int | np.ndarray) -> np.ndarray:
    """1 - (1 - p)^tests, exact also for tiny p."""
    with np.errstate(divide="ignore"):  # the log of 0 where p = 1
        return np.asarray(-np.expm1(tests * np.log1p(-p)), dtype=float)


def _back(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    result = np.empty_like(values)
    result[order] = values
    return result


def _harmonic(k: int) -> float:
    return float((1.0 / np.arange(1, k + 1)).sum())
