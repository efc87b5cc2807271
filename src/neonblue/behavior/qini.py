"""How well a ranking of units by expected uplift sorts them (Radcliffe 2007).

The Qini coefficient is the area between a ranking's incremental-gain curve and a random one's,
over that of the best ranking that knows each outcome; 0 is no better than random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
BOOTSTRAPS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Qini:
    """The coefficient with its 95 % bootstrap interval over units."""

    value: float
    ci_lower: float
    ci_upper: float
    n: int


def qini(uplift: Float, outcome: Float, treated: NDArray[np.bool_], *, seed: int = 1) -> Qini:
    """The Qini coefficient of ``uplift`` for binary outcomes of randomised units."""
    random = np.random.default_rng(seed)
    count = len(uplift)
    samples = [
        qini_coefficient(uplift[rows], outcome[rows], treated[rows])
        for rows in (random.integers(count, size=count) for _ in range(BOOTSTRAPS))
    ]
    lower, upper = np.quantile(samples, [0.025, 0.975])
    return Qini(
        value=qini_coefficient(uplift, outcome, treated),
        ci_lower=float(lower),
        ci_upper=float(upper),
        n=count,
    )


def qini_coefficient(uplift: Float, outcome: Float, treated: NDArray[np.bool_]) -> float:
    """The point estimate; NaN where no ranking could do better than another."""
    best = np.where(treated, 2 * outcome, -outcome)
    perfect = _area(best, outcome, treated)
    return _area(uplift, outcome, treated) / perfect if perfect > 0 else float("nan")


def _area(score: Float, outcome: Float, treated: NDArray[np.bool_]) -> float:
    order = np.argsort(-score, kind="stable")
    outcome, treated = outcome[order], treated[order]
    n_treated, n_control = np.cumsum(treated), np.cumsum(~treated)
    gained = np.cumsum(outcome * treated)
    otherwise = np.cumsum(outcome * ~treated) * n_treated / np.maximum(n_control, 1)
    gain = np.concatenate([[0.0], gained - otherwise])
    return float((gain - np.linspace(0, gain[-1], len(gain))).mean())
