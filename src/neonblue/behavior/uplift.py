"""Who gains most from a variant: one ridge model a variant, cross-fitted on randomised units.

A T-learner (Künzel et al. 2019, section 2): the uplift of a variant is the difference of two
models' answers. Logistic for outcomes of 0 and 1, linear otherwise. Cross-fitting keeps a unit's
own outcome out of its prediction; repeats average the luck of the folds out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
FOLDS = 5
REPEATS = 4
RIDGE = 1.0
LONGEST_STEP = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeModel:
    """Expected outcome from encoded properties; ``weights`` end with the intercept."""

    weights: Float
    binary: bool
    columns_mean: Float
    columns_spread: Float

    def predict(self, rows: Float) -> Float:
        """Expected outcomes, one a row."""
        score = _design((rows - self.columns_mean) / self.columns_spread) @ self.weights
        return np.asarray(1 / (1 + np.exp(-np.clip(score, -500, 500))) if self.binary else score)


def fit_outcome(rows: Float, outcome: Float) -> OutcomeModel:
    """A ridge model of the outcome; the intercept is not shrunk."""
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    # Rounding gives a constant column a spread of its own, which would blow up any other value.
    spread = np.where(spread > 1e-9 * np.maximum(np.abs(mean), 1.0), spread, 1.0)
    design = _design((rows - mean) / spread)
    binary = bool(np.isin(outcome, (0.0, 1.0)).all())
    weights = _logistic(design, outcome) if binary else _linear(design, outcome)
    return OutcomeModel(weights=weights, binary=binary, columns_mean=mean, columns_spread=spread)


def cross_fitted(
    rows: Float, outcome: Float, variant: NDArray[np.int64], variants: int, *, seed: int = 1
) -> Float:
    """Each unit's expected outcome in every variant, by models that have not seen the unit.

    ``variant`` (units) counts from 0. Returns (units, variants).
    """
    expected = np.zeros((len(rows), variants))
    random = np.random.default_rng(seed)
    for _ in range(REPEATS):
        fold = random.permutation(len(rows)) % FOLDS
        for number in range(FOLDS):
            inside, outside = fold == number, fold != number
            for index in range(variants):
                learnt = outside & (variant == index)
                model = fit_outcome(rows[learnt], outcome[learnt])
                expected[inside, index] += model.predict(rows[inside]) / REPEATS
    return expected


def _design(rows: Float) -> Float:
    return np.column_stack([rows, np.ones(len(rows))])


def _penalty(columns: int) -> Float:
    penalty = np.eye(columns) * RIDGE
    penalty[-1, -1] = 1e-9
    return penalty


def _linear(design: Float, outcome: Float) -> Float:
    square = design.T @ design + _penalty(design.shape[1])
    return np.asarray(np.linalg.solve(square, design.T @ outcome))


def _logistic(design: Float, outcome: Float) -> Float:
    """Newton's method; the penalty keeps it finite when the outcome is always the same.

    Columns are standardised, so a step longer than ``LONGEST_STEP`` is an overshoot: it is cut.
    """
    penalty = _penalty(design.shape[1]) + np.eye(design.shape[1]) * 1e-6
    share = np.clip(outcome.mean(), 1e-4, 1 - 1e-4)
    weights = np.zeros(design.shape[1])
    weights[-1] = np.log(share / (1 - share))
    for _ in range(30):
        mean = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        curvature = (design * np.maximum(mean * (1 - mean), 1e-6)[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature, design.T @ (outcome - mean) - penalty @ weights)
        step *= min(1.0, LONGEST_STEP / max(float(np.abs(step).max()), 1e-12))
        weights = weights + step
        if float(np.abs(step).max()) < 1e-6:
            break
    return weights
