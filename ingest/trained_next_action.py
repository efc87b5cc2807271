"""The trained next-action model in the place of the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neonblue.behavior.quick_next_action import (
    QuickNextAction,
    codes_of_recent,
    quick_next_action,
)
from neonblue.ingest.activity import Features
from neonblue.ingest.transitions import NextActions

if TYPE_CHECKING:
    from neonblue.behavior.model_files import ModelFiles

MODEL = "next_action"


class TrainedNextAction:
    """The likeliest next action by the newest model; a newer one is taken up within a batch."""

    def __init__(self, files: ModelFiles) -> None:
        self._files = files
        self._version = 0
        self._model: QuickNextAction | None = None

    def predict(self, features: Features) -> NextActions | None:
        """An answer a row, or None until ``neonblue behavior train`` has made a model."""
        stored = self._files.current(MODEL)
        if stored is None:
            return None
        if self._model is None or stored.version != self._version:
            self._model = quick_next_action(stored)
            self._version = stored.version
        codes = self._model.codes_of(features.type_names)
        answers = self._model.after(codes_of_recent(features.steps, codes))
        names = self._model.names
        return NextActions(
            names=[names[action] for action in answers.actions.tolist()],
            probabilities=answers.probabilities,
            made_by=stored.name,
        )
