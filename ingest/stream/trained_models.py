"""The trained behaviour models in the place of rules and counts, as far as there are any.

What is damaged never stops the stream.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from neonblue.behavior.event_kinds import KINDS
from neonblue.behavior.streaming_intent import StreamingIntent, streaming_intent_from_arrays
from neonblue.behavior.streaming_next_action import (
    NONE,
    STEPS,
    StreamingNextAction,
    codes_of_recent,
    streaming_next_action,
)
from neonblue.ingest.stream.activity import Features
from neonblue.ingest.stream.scorer import INTENTS, NextActions, RuleScorer, Scores

if TYPE_CHECKING:
    from neonblue.behavior.model_files import ModelFiles, StoredModel

INTENT_MODEL = "intent"
NEXT_ACTION_MODEL = "next_action"
BUY = INTENTS.index("buy")
LIKELY = 0.5
# A file that could not be used is tried again after so long: it may be mended under its name.
RETRY_SECONDS = 30.0

logger = logging.getLogger(__name__)

Model = TypeVar("Model")


class OptionalModel(Generic[Model]):
    """The newest model of a kind, ready to use; used by one thread.

    ``build`` makes it from its files and tries it out: whatever it raises is the files' fault.
    """

    def __init__(
        self,
        files: ModelFiles,
        kind: str,
        build: Callable[[StoredModel], Model],
        *,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._files = files
        self._kind = kind
        self._build = build
        self._retry_seconds = retry_seconds
        self._version = 0
        self._model: Model | None = None
        self._rest_until = 0.0

    def current(self) -> tuple[str, Model] | None:
        """The model's name and the model; None without one, or with one that cannot be used."""
        if time.monotonic() < self._rest_until:
            return None
        try:
            return self._newest()
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is in a file
            self._rest_until = time.monotonic() + self._retry_seconds
            logger.warning(
                "the %s model cannot be used, the rules take its place: %s", self._kind, error
            )
            return None

    def _newest(self) -> tuple[str, Model] | None:
        stored = self._files.current(self._kind)
        if stored is None:
            return None
        if self._model is None or stored.version != self._version:
            self._model, self._version = self._build(stored), stored.version
        return stored.name, self._model


class TrainedScorer:
    """The score is the calibrated probability of a conversion by the newest intent model.

    The intent is ``buy`` when that is likely, with its probability; else the rules' other intents,
    with the probability that no conversion follows. Stage and segment stay with the rules, and so
    does everything until ``neonblue behavior train`` has made a model, or while its files cannot be
    used; a newer one is taken up within a batch.
    """

    def __init__(self, files: ModelFiles) -> None:
        self._rules = RuleScorer()
        self._model = OptionalModel(files, INTENT_MODEL, _tried_intent)

    def score(self, features: Features) -> Scores:
        """Scores of a batch."""
        by_rules = self._rules.score(features)
        found = self._model.current()
        if found is None:
            return by_rules
        name, model = found
        chance = model.probability(features.counts, features.sessions).astype(np.float32)
        likely = chance >= LIKELY
        other = np.where(by_rules.intent == BUY, BUY - 1, by_rules.intent)
        made_by = {"behavioral_score": name, "intent_prediction": name}
        return replace(
            by_rules,
            score=chance,
            intent=np.where(likely, BUY, other),
            intent_probability=np.where(likely, chance, 1 - chance),
            made_by={**by_rules.made_by, **made_by},
        )


def _tried_intent(stored: StoredModel) -> StreamingIntent:
    """The model, once it has answered for a unit that did nothing."""
    model = streaming_intent_from_arrays(stored.arrays)
    (chance,) = model.probability(np.zeros((1, len(KINDS))), np.ones(1))
    if not 0 <= chance <= 1:
        raise ValueError(f"it answers with the probability {chance!r}")
    return model


class TrainedNextAction:
    """The likeliest next action by the newest model; a newer one is taken up within a batch."""

    def __init__(self, files: ModelFiles) -> None:
        self._model = OptionalModel(files, NEXT_ACTION_MODEL, _tried_next_action)

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


def _tried_next_action(stored: StoredModel) -> StreamingNextAction:
    """The model, once it has answered for a unit of which nothing is known."""
    model = streaming_next_action(stored)
    recent = np.full((1, STEPS), NONE)
    answers = model.after(codes_of_recent(recent, model.codes_of(model.names)))
    model.names[int(answers.actions[0])]
    return model
