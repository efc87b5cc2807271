"""Who may say how likely a conversion is: the base rate, a small logistic model, boosted trees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.calibration import logit
from neonblue.behavior.event_kinds import KINDS
from neonblue.behavior.intent import held_out_scores, refuse_too_few
from neonblue.behavior.intent_moments import Moments
from neonblue.behavior.trees import Trees, grow_trees, trees_from_arrays
from neonblue.behavior.uplift import OutcomeModel, fit_outcome
from neonblue.behavior.user_features import NAMES

RivalName = Literal["base_rate", "logistic", "trees"]
Float = NDArray[np.float64]
AWAY, LAST_KIND = NAMES.index("hours_away"), NAMES.index("last_kind")
SESSIONS, SESSION_STEPS = NAMES.index("sessions"), NAMES.index("session_steps")
# Within a band the log of the hours goes on telling; the last one is open.
BAND_EDGES_HOURS = 24.0 * np.array([1, 3, 7, 14, 28, 60])

# More rows and members take minutes and change little.
MAX_TREE_ROWS, TREE_MEMBERS = 30_000, 2


class Rival(Protocol):
    """Answers with one probability a row of ``user_features``."""

    name: ClassVar[RivalName]

    def probability(self, rows: Float) -> Float: ...

    def arrays(self) -> dict[str, NDArray[Any]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRate:
    """The same for everybody."""

    rate: float
    name: ClassVar[RivalName] = "base_rate"

    def probability(self, rows: Float) -> Float:
        """The rate, once a row."""
        return np.full(len(rows), self.rate)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a file."""
        return {"rate": np.array([self.rate])}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallLogistic:
    """A logistic model of counts, of the last kind of event and of the time away."""

    model: OutcomeModel
    name: ClassVar[RivalName] = "logistic"

    def probability(self, rows: Float) -> Float:
        """One a row."""
        return self.model.predict(logistic_design(rows))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a file."""
        return _outcome_arrays(self.model)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedTrees:
    """Boosted trees, calibrated for each band of time away on users they had not seen."""

    trees: Trees
    calibration: OutcomeModel
    name: ClassVar[RivalName] = "trees"

    def probability(self, rows: Float) -> Float:
        """One a row."""
        return self.calibration.predict(_calibration_design(self.trees.probability(rows), rows))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a file."""
        return {**self.trees.arrays(), **_outcome_arrays(self.calibration)}


def fit_base_rate(moments: Moments) -> BaseRate:
    """The share of the moments that a conversion followed."""
    return BaseRate(rate=float(moments.converted.mean()))


def fit_logistic(moments: Moments) -> SmallLogistic:
    """Fitted by a light ridge."""
    outcome = moments.converted.astype(np.float64)
    return SmallLogistic(model=fit_outcome(logistic_design(moments.rows), outcome))


def fit_trees(moments: Moments) -> CalibratedTrees:
    """Grown on all moments; calibrated by trees of other users.

    Raises:
        InvalidInputError: fewer than 50 moments of one outcome.
    """
    if len(moments) > MAX_TREE_ROWS:
        drawn = np.random.default_rng(4).permutation(len(moments))[:MAX_TREE_ROWS]
        moments = moments.select(np.sort(drawn))
    rows, happened = moments.rows, moments.converted
    refuse_too_few(happened)
    scores = held_out_scores(rows, happened, moments.users, members=TREE_MEMBERS)
    design = _calibration_design(scores, rows)
    return CalibratedTrees(
        trees=grow_trees(rows, happened, members=TREE_MEMBERS),
        calibration=fit_outcome(design, happened.astype(np.float64)),
    )


FITS: Mapping[RivalName, Callable[[Moments], Rival]] = {
    "base_rate": fit_base_rate,
    "logistic": fit_logistic,
    "trees": fit_trees,
}


def rival_from_arrays(name: RivalName, arrays: Mapping[str, NDArray[Any]]) -> Rival:
    """The rival that wrote ``arrays``."""
    if name == "base_rate":
        return BaseRate(rate=float(arrays["rate"][0]))
    if name == "logistic":
        return SmallLogistic(model=_outcome_from(arrays))
    return CalibratedTrees(trees=trees_from_arrays(arrays), calibration=_outcome_from(arrays))


def logistic_design(rows: Float) -> Float:
    """Columns of the small model, from rows of ``user_features``."""
    counts = np.log1p(rows[:, [*range(len(KINDS)), SESSIONS, SESSION_STEPS, AWAY]])
    last = rows[:, [LAST_KIND]] == np.arange(len(KINDS))
    return np.column_stack([counts, last, _bands(rows)])


def _calibration_design(scores: Float, rows: Float) -> Float:
    return np.column_stack([logit(scores), _bands(rows)])


def _bands(rows: Float) -> NDArray[np.bool_]:
    band = np.searchsorted(BAND_EDGES_HOURS, rows[:, AWAY], side="right")
    found: NDArray[np.bool_] = band[:, None] == np.arange(len(BAND_EDGES_HOURS) + 1)
    return found


def _outcome_arrays(model: OutcomeModel) -> dict[str, NDArray[Any]]:
    return {"weights": model.weights, "mean": model.columns_mean, "spread": model.columns_spread}


def _outcome_from(arrays: Mapping[str, NDArray[Any]]) -> OutcomeModel:
    return OutcomeModel(
        weights=arrays["weights"],
        binary=True,
        columns_mean=arrays["mean"],
        columns_spread=arrays["spread"],
    )
