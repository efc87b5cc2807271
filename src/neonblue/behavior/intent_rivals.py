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
MIN_AWAY = 50
BANDS = len(BAND_EDGES_HOURS) + 1

# More rows and members take minutes and change little.
MAX_TREE_ROWS, TREE_MEMBERS = 30_000, 2


class Rival(Protocol):
    """Answers with one probability a row of ``user_features``."""

    name: ClassVar[RivalName]

    def probability(self, rows: Float) -> Float: ...

    def arrays(self) -> dict[str, NDArray[Any]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The lowest and highest value of each feature that a model has learnt from (features)."""

    low: Float
    high: Float

    def within(self, rows: Float) -> Float:
        """Rows with what lies beyond taken for the nearest that was seen: nobody knows more."""
        return np.clip(rows, self.low, self.high)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a file."""
        return {"range_low": self.low, "range_high": self.high}


def range_of(rows: Float) -> Range:
    """The range of rows; a time away counts up to where 50 rows are as long away or longer."""
    high = rows.max(axis=0)
    high[AWAY] = np.sort(rows[:, AWAY])[-min(MIN_AWAY, len(rows))]
    return Range(low=rows.min(axis=0), high=high)


def _range_from(arrays: Mapping[str, NDArray[Any]]) -> Range:
    return Range(low=arrays["range_low"], high=arrays["range_high"])


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
    offsets: Float
    range: Range
    name: ClassVar[RivalName] = "logistic"

    def probability(self, rows: Float) -> Float:
        """One a row."""
        rows = self.range.within(rows)
        return _shifted(self.model.predict(logistic_design(rows)), rows, self.offsets)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a file."""
        return {**_outcome_arrays(self.model), "offsets": self.offsets, **self.range.arrays()}


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedTrees:
    """Boosted trees, calibrated for each band of time away on users they had not seen."""

    trees: Trees
    calibration: OutcomeModel
    offsets: Float
    range: Range
    name: ClassVar[RivalName] = "trees"

    def probability(self, rows: Float) -> Float:
        """One a row."""
        rows = self.range.within(rows)
        design = _calibration_design(self.trees.probability(rows), rows)
        return _shifted(self.calibration.predict(design), rows, self.offsets)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a file."""
        own = _outcome_arrays(self.calibration)
        return {**self.trees.arrays(), **own, "offsets": self.offsets, **self.range.arrays()}


def fit_base_rate(moments: Moments) -> BaseRate:
    """The share of the moments that a conversion followed."""
    return BaseRate(rate=float(moments.converted.mean()))


def fit_logistic(moments: Moments) -> SmallLogistic:
    """Fitted by a light ridge, then made right for each band of time away."""
    seen = range_of(moments.rows)
    rows, outcome = seen.within(moments.rows), moments.converted.astype(np.float64)
    design = logistic_design(rows)
    model = fit_outcome(design, outcome)
    offsets = _band_offsets(model.predict(design), rows, moments.converted)
    return SmallLogistic(model=model, offsets=offsets, range=seen)


def fit_trees(moments: Moments) -> CalibratedTrees:
    """Grown on all moments; calibrated by trees of other users.

    Raises:
        InvalidInputError: fewer than 50 moments of one outcome.
    """
    if len(moments) > MAX_TREE_ROWS:
        drawn = np.random.default_rng(4).permutation(len(moments))[:MAX_TREE_ROWS]
        moments = moments.select(np.sort(drawn))
    seen = range_of(moments.rows)
    rows, happened = seen.within(moments.rows), moments.converted
    refuse_too_few(happened)
    scores = held_out_scores(rows, happened, moments.users, members=TREE_MEMBERS)
    design = _calibration_design(scores, rows)
    calibration = fit_outcome(design, happened.astype(np.float64))
    return CalibratedTrees(
        trees=grow_trees(rows, happened, members=TREE_MEMBERS),
        calibration=calibration,
        offsets=_band_offsets(calibration.predict(design), rows, happened),
        range=seen,
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
        return SmallLogistic(
            model=_outcome_from(arrays), offsets=arrays["offsets"], range=_range_from(arrays)
        )
    return CalibratedTrees(
        trees=trees_from_arrays(arrays),
        calibration=_outcome_from(arrays),
        offsets=arrays["offsets"],
        range=_range_from(arrays),
    )


def logistic_design(rows: Float) -> Float:
    """Columns of the small model, from rows of ``user_features``."""
    counts = np.log1p(rows[:, [*range(len(KINDS)), SESSIONS, SESSION_STEPS, AWAY]])
    last = rows[:, [LAST_KIND]] == np.arange(len(KINDS))
    return np.column_stack([counts, last, _bands(rows)])


def _calibration_design(scores: Float, rows: Float) -> Float:
    return np.column_stack([logit(scores), _bands(rows)])


def _bands(rows: Float) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = _band(rows)[:, None] == np.arange(BANDS)
    return found


def _band(rows: Float) -> NDArray[np.int64]:
    return np.searchsorted(BAND_EDGES_HOURS, rows[:, AWAY], side="right").astype(np.int64)


def _band_offsets(probability: Float, rows: Float, happened: NDArray[np.bool_]) -> Float:
    """What to add to each band's log-odds, so that as much happens as is said.

    The ridge draws bands in which little happens towards the others. One conversion more at the
    rate that the model says keeps a band without any from being promised nothing.
    """
    odds, band, offsets = logit(probability), _band(rows), np.zeros(BANDS)
    for number in range(BANDS):
        inside = band == number
        said = float(probability[inside].mean()) if inside.any() else 0.0
        if said <= 0:
            continue
        target = (happened[inside].sum() + 1) / (inside.sum() + 1 / said)
        offsets[number] = _offset(odds[inside], float(target))
    return offsets


def _offset(odds: Float, target: float) -> float:
    """The shift at which the mean probability is ``target``, by bisection."""
    low, high = -10.0, 10.0
    for _ in range(40):
        middle = (low + high) / 2
        if float((1 / (1 + np.exp(-(odds + middle)))).mean()) < target:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _shifted(probability: Float, rows: Float, offsets: Float) -> Float:
    return np.asarray(1 / (1 + np.exp(-(logit(probability) + offsets[_band(rows)]))))


def _outcome_arrays(model: OutcomeModel) -> dict[str, NDArray[Any]]:
    return {"weights": model.weights, "mean": model.columns_mean, "spread": model.columns_spread}


def _outcome_from(arrays: Mapping[str, NDArray[Any]]) -> OutcomeModel:
    return OutcomeModel(
        weights=arrays["weights"],
        binary=True,
        columns_mean=arrays["mean"],
        columns_spread=arrays["spread"],
    )
