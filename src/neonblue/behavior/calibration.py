"""How far stated probabilities are from what happens, and a map that mends it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.floating]
FIRST_GUESS = np.array([1.0, 0.0])
RIDGE = 1e-3
MIN_STEP = 1e-8


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
    """Fit by Newton's method on the log loss, with a light ridge that keeps it finite.

    A step that would raise the loss is halved: from far away, Newton's own overshoots for good.
    """
    design = np.column_stack([logit(score), np.ones(len(score))])
    weights = FIRST_GUESS
    for _ in range(50):
        step = _newton_step(design, weights, happened)
        step = _shortened(design, weights, step, happened)
        weights = weights - step
        if float(np.abs(step).max()) < MIN_STEP:
            break
    return LogisticMap(slope=float(weights[0]), intercept=float(weights[1]))


def _newton_step(
    design: NDArray[np.float64], weights: NDArray[np.float64], happened: NDArray[np.bool_]
) -> NDArray[np.float64]:
    mean = _sigmoid(design @ weights)
    gradient = design.T @ (mean - happened) + RIDGE * (weights - FIRST_GUESS)
    curvature = (design * (mean * (1 - mean))[:, None]).T @ design + RIDGE * np.eye(2)
    return np.linalg.solve(curvature, gradient)


def _shortened(
    design: NDArray[np.float64],
    weights: NDArray[np.float64],
    step: NDArray[np.float64],
    happened: NDArray[np.bool_],
) -> NDArray[np.float64]:
    before = _map_loss(design, weights, happened)
    while np.abs(step).max() > MIN_STEP and (_map_loss(design, weights - step, happened) > before):
        step = step / 2
    return step


def _map_loss(
    design: NDArray[np.float64], weights: NDArray[np.float64], happened: NDArray[np.bool_]
) -> float:
    odds = design @ weights
    ridge = RIDGE * float(((weights - FIRST_GUESS) ** 2).sum()) / 2
    return float((np.logaddexp(0, odds) - happened * odds).sum()) + ridge


def logit(score: Float) -> NDArray[np.float64]:
    """Log-odds, kept within ±14."""
    clipped = np.clip(np.asarray(score, dtype=np.float64), 1e-6, 1 - 1e-6)
    odds: NDArray[np.float64] = np.log(clipped) - np.log1p(-clipped)
    return odds


def _sigmoid(value: NDArray[np.float64]) -> NDArray[np.float64]:
    bounded = np.clip(value, -500, 500)
    return np.asarray(1 / (1 + np.exp(-bounded)), dtype=np.float64)
