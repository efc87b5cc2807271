"""The trained next-action model in the place of the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neonblue.behavior.streaming_next_action import (
    NONE,
    STEPS,
    StreamingNextAction,
    codes_of_recent,
    streaming_next_action,
)
from neonblue.ingest.activity import Features
from neonblue.ingest.optional_model import OptionalModel
from neonblue.ingest.transitions import NextActions

if TYPE_CHECKING:
    from neonblue.behavior.model_files import ModelFiles, StoredModel

MODEL = "next_action"


class TrainedNextAction:
    """The likeliest next action by the newest model; a newer one is taken up within a batch."""

    def __init__(self, files: ModelFiles) -> None:
        self._model = OptionalModel(files, MODEL, _tried)

    def predict(self, features: Features) -> NextActions | None:
        """An answer a row, or None until ``neonblue behavior train`` has made a model that can be
        used."""
        found = self._model.current()
        if found is None:
            return None
        name, model = found
        codes = model.codes_of(features.type_names)
        answers = model.after(codes_of_recent(features.steps, codes))
        names = model.names
        return NextActions(
            names=[names[action] for action in answers.actions.tolist()],
            probabilities=answers.probabilities,
            made_by=name,
        )


def _tried(stored: StoredModel) -> StreamingNextAction:
    """The model, once it has answered for a unit of which nothing is known."""
    model = streaming_next_action(stored)
    recent = np.full((1, STEPS), NONE)
    answers = model.after(codes_of_recent(recent, model.codes_of(model.names)))
    model.names[int(answers.actions[0])]
    return model
