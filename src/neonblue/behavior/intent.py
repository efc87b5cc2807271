"""The probability of a conversion, from a row of numbers about a session or a user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.calibration import (
    LogisticMap,
    calibration_error,
    fit_logistic_map,
)
from neonblue.behavior.trees import MEMBERS, Trees, grow_trees, trees_from_arrays
from neonblue.errors import InvalidInputError

Float = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]
MIN_OF_EACH = 50
CALIBRATION_FOLDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentModel:
    """Boosted trees and the map that makes their answer a calibrated probability."""

    trees: Trees
    calibration: LogisticMap

    def probability(self, rows: Float) -> Float:
        """One calibrated probability a row."""
        return self.calibration.apply(self.trees.probability(rows))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The model as named arrays, for a file."""
        calibration = np.array([self.calibration.slope, self.calibration.intercept])
        return {**self.trees.arrays(), "calibration": calibration}


def intent_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> IntentModel:
    """The model that ``IntentModel.arrays`` wrote."""
    slope, intercept = arrays["calibration"].tolist()
    return IntentModel(
        trees=trees_from_arrays(arrays), calibration=LogisticMap(slope=slope, intercept=intercept)
    )


def train_intent(
    rows: Float, happened: Flags, users: Whole | None = None, *, calibrate: bool = True
) -> IntentModel:
    """Grow trees on all rows; the calibration is fitted on users held out from other trees.

    ``users`` (rows) numbers whose row each is; without it every row is a user of its own.

    Raises:
        InvalidInputError: fewer than 50 rows with or without a conversion.
    """
    refuse_too_few(happened)
    calibration = LogisticMap(slope=1.0, intercept=0.0)
    if calibrate:
        calibration = fit_logistic_map(held_out_scores(rows, happened, users), happened)
    return IntentModel(trees=grow_trees(rows, happened), calibration=calibration)


def refuse_too_few(happened: Flags) -> None:
    """Raise ``InvalidInputError`` unless there are 50 rows of each outcome."""
    fewest = int(min(happened.sum(), (~happened).sum()))
    if fewest < MIN_OF_EACH:
        raise InvalidInputError(
            f"only {fewest} rows of one outcome are there and {MIN_OF_EACH} are needed to "
            "learn intent: train on a longer period"
        )


def held_out_scores(
    rows: Float, happened: Flags, users: Whole | None = None, *, members: int = MEMBERS
) -> Float:
    """Each row's score by trees that have seen no row of its user."""
    whose = np.arange(len(rows)) if users is None else np.unique(users, return_inverse=True)[1]
    order = np.random.default_rng(1).permutation(int(whose.max(initial=-1)) + 1)
    fold = order[whose] % CALIBRATION_FOLDS
    score = np.zeros(len(rows))
    for number in range(CALIBRATION_FOLDS):
        inside = fold == number
        score[inside] = grow_trees(rows[~inside], happened[~inside], members=members).probability(
            rows[inside]
        )
    return score


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentScore:
    """How well conversions were foreseen: areas under the ROC and precision-recall curves."""

    n: int
    conversions: int
    roc_auc: float
    pr_auc: float
    log_loss: float
    calibration_error: float

    def as_dict(self) -> dict[str, float]:
        """The figures for a model's description."""
        return asdict(self)


def score_intent(probability: Float, happened: Flags) -> IntentScore:
    """Score probabilities against what happened; needs both outcomes."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    clipped = np.clip(probability, 1e-9, 1 - 1e-9)
    both = 0 < happened.sum() < len(happened)
    return IntentScore(
        n=len(happened),
        conversions=int(happened.sum()),
        roc_auc=float(roc_auc_score(happened, probability)) if both else float("nan"),
        pr_auc=float(average_precision_score(happened, probability)) if both else float("nan"),
        log_loss=float(-np.log(np.where(happened, clipped, 1 - clipped)).mean()),
        calibration_error=calibration_error(probability, happened),
    )
