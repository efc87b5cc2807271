"""How far stated probabilities are from what happens, and a map that mends it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.floating]


def calibration_error(probability: Float, happened: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error over ``bins`` equally filled bins (Naeini et al. 2015, eq. 1).

    The mean distance between a bin's mean probability and its share of events, weighted by size.
    """
    if len(probability) == 0:
        return float("nan")
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [abs(float(probability[one].mean() - happened[one].mean())) for one in parts]
    return float(np.average(gaps, weights=[len(one) for one in parts]))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticMap:
    """Platt scaling: probability = sigmoid(slope · logit(score) + intercept)."""

    slope: float
    intercept: float

    def apply(self, score: Float) -> NDArray[np.float64]:
        """Calibrated probabilities of scores in (0, 1)."""
        mapped: NDArray[np.float64] = _sigmoid(self.slope * logit(score) + self.intercept)
        return mapped


def fit_logistic_map(score: Float, happened: NDArray[np.bool_]) -> LogisticMap:
    """Fit by Newton's method on the log loss, with a light ridge that keeps it finite."""
    design = np.column_stack([logit(score), np.ones(len(score))])
    weights = np.array([1.0, 0.0])
    ridge = np.eye(2) * 1e-3
    for _ in range(25):
        mean = _sigmoid(design @ weights)
        gradient = design.T @ (mean - happened) + ridge @ (weights - [1.0, 0.0])
        curvature = (design * (mean * (1 - mean))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step
        if float(np.abs(step).max()) < 1e-8:
            break
    return LogisticMap(slope=float(weights[0]), intercept=float(weights[1]))


def logit(score: Float) -> NDArray[np.float64]:
    """Log-odds, kept within ±14."""
    clipped = np.clip(np.asarray(score, dtype=np.float64), 1e-6, 1 - 1e-6)
    odds: NDArray[np.float64] = np.log(clipped) - np.log1p(-clipped)
    return odds


def _sigmoid(value: NDArray[np.float64]) -> NDArray[np.float64]:
    bounded = np.clip(value, -500, 500)
    return np.asarray(1 / (1 + np.exp(-bounded)), dtype=np.float64)
