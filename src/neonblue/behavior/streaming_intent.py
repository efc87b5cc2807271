"""Intent for a stream: a logistic model over counts alone, a dot product an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.calibration import logit
from neonblue.behavior.event_kinds import KINDS
from neonblue.behavior.uplift import OutcomeModel, fit_outcome

Float = NDArray[np.floating]
SESSIONS_COLUMN = 2 * len(KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamingIntent:
    """Probability of a conversion from counts of recent events by kind and of sessions."""

    model: OutcomeModel

    def probability(self, counts: Float, sessions: NDArray[Any]) -> NDArray[np.float64]:
        """One a row: ``counts`` (rows, kinds) of recent events, ``sessions`` (rows)."""
        return self.model.predict(np.log1p(np.column_stack([counts, sessions])))

    def of_rows(self, rows: Float) -> NDArray[np.float64]:
        """The same from rows of ``user_features``."""
        return self.probability(rows[:, : len(KINDS)], rows[:, SESSIONS_COLUMN])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The model as named arrays, for a file."""
        return {
            "quick_weights": self.model.weights,
            "quick_mean": self.model.columns_mean,
            "quick_spread": self.model.columns_spread,
        }


def fit_streaming_intent(rows: Float, converted: NDArray[np.bool_]) -> StreamingIntent:
    """Fit on rows of ``user_features``."""
    counts = np.column_stack([rows[:, : len(KINDS)], rows[:, SESSIONS_COLUMN]])
    return StreamingIntent(model=fit_outcome(np.log1p(counts), converted.astype(np.float64)))


def flat_streaming_intent(rate: float) -> StreamingIntent:
    """The same probability for everybody: where counts foretell nothing."""
    columns = len(KINDS) + 1
    weights = np.zeros(columns + 1)
    weights[-1] = logit(np.array([rate]))[0]
    model = OutcomeModel(
        weights=weights,
        binary=True,
        columns_mean=np.zeros(columns),
        columns_spread=np.ones(columns),
    )
    return StreamingIntent(model=model)


def streaming_intent_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> StreamingIntent:
    """The model that ``StreamingIntent.arrays`` wrote."""
    return StreamingIntent(
        model=OutcomeModel(
            weights=arrays["quick_weights"],
            binary=True,
            columns_mean=arrays["quick_mean"],
            columns_spread=arrays["quick_spread"],
        )
    )
