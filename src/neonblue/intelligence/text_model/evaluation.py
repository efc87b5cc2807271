"""How good predictions of pairs were, with intervals that respect tests.

Pairs of one test are not independent, so intervals come from resampling whole tests (Cameron,
Gelbach and Miller 2008, "Bootstrap-based improvements for inference with clustered errors").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.intelligence.text_model.arms import Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 2000
BINS = 10
SIGNIFICANT_Z = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A share with its 95 % interval clustered by test; None where there are no pairs."""

    value: float | None
    ci_lower: float | None
    ci_upper: float | None
    pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """Predictions of the likelier side between two bounds, and how often it won."""

    lower: float
    upper: float
    pairs: int
    mean_predicted: float
    share_won: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Ties are left out. Skill is one minus the ratio to the base rate's score."""

    accuracy: Rate
    accuracy_significant: Rate
    log_loss: float
    brier: float
    base_rate: float
    log_skill: float
    brier_skill: float
    calibration_error: float
    calibration: tuple[CalibrationBin, ...]
    pairs: int
    tests: int


def evaluate(
    pairs: Sequence[Pair], probabilities: NDArray[np.float64], *, seed: int = 0
) -> Evaluation:
    """Judge ``probabilities[i]`` that the first text of pair i wins."""
    import numpy as np

    decided = np.array([not pair.tied for pair in pairs], dtype=bool)
    kept = [pair for pair in pairs if not pair.tied]
    predicted = np.clip(np.asarray(probabilities)[decided], 1e-9, 1 - 1e-9)
    won = np.array([pair.a_wins for pair in kept], dtype=np.float64)
    right = np.where(predicted == 0.5, 0.5, (predicted > 0.5) == (won == 1)).astype(np.float64)
    significant = np.array([_is_significant(pair) for pair in kept], dtype=bool)
    tests = np.unique([pair.a.test for pair in kept], return_inverse=True)[1]
    losses = -np.log(np.where(won == 1, predicted, 1 - predicted))
    base = float(won.mean())
    bins = _calibration(predicted, won)
    return Evaluation(
        accuracy=_rate(right, tests, seed),
        accuracy_significant=_rate(right[significant], tests[significant], seed),
        log_loss=float(losses.mean()),
        brier=float(np.mean((predicted - won) ** 2)),
        base_rate=base,
        log_skill=1 - float(losses.mean()) / max(_entropy(base), 1e-12),
        brier_skill=1 - float(np.mean((predicted - won) ** 2)) / max(base * (1 - base), 1e-12),
        calibration_error=sum(one.pairs * abs(one.mean_predicted - one.share_won) for one in bins)
        / len(kept),
        calibration=bins,
        pairs=len(kept),
        tests=int(tests.max()) + 1,
    )


def _rate(right: NDArray[np.float64], tests: NDArray[np.int64], seed: int) -> Rate:
    import numpy as np

    if len(right) == 0:
        return Rate(value=None, ci_lower=None, ci_upper=None, pairs=0)
    codes = np.unique(tests, return_inverse=True)[1]
    sums, counts = np.bincount(codes, right), np.bincount(codes)
    random = np.random.default_rng(seed)
    weights = random.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=RESAMPLES)
    resampled = (weights @ sums) / np.maximum(weights @ counts, 1)
    lower, upper = np.quantile(resampled, [0.025, 0.975])
    return Rate(
        value=float(right.mean()), ci_lower=float(lower), ci_upper=float(upper), pairs=len(right)
    )


def _calibration(
    predicted: NDArray[np.float64], won: NDArray[np.float64]
) -> tuple[CalibrationBin, ...]:
    """Bins of the likelier side's probability: a pair and its mirror are one observation."""
    import numpy as np

    likelier = np.maximum(predicted, 1 - predicted)
    likelier_won = np.where(predicted >= 0.5, won, 1 - won)
    edges = np.linspace(0.5, 1, BINS + 1)
    place = np.clip(np.digitize(likelier, edges) - 1, 0, BINS - 1)
    return tuple(
        CalibrationBin(
            lower=float(edges[bin_]),
            upper=float(edges[bin_ + 1]),
            pairs=int(inside.sum()),
            mean_predicted=float(likelier[inside].mean()),
            share_won=float(likelier_won[inside].mean()),
        )
        for bin_ in range(BINS)
        if (inside := place == bin_).any()
    )


def _is_significant(pair: Pair) -> bool:
    """Two-sided pooled z test of two proportions at 5 %."""
    a, b = pair.a, pair.b
    pooled = (a.successes + b.successes) / (a.shown + b.shown)
    variance = pooled * (1 - pooled) * (1 / a.shown + 1 / b.shown)
    difference = a.successes / a.shown - b.successes / b.shown
    return variance > 0 and abs(difference) > SIGNIFICANT_Z * math.sqrt(variance)


def _entropy(rate: float) -> float:
    return -sum(share * math.log(share) for share in (rate, 1 - rate) if share > 0)
