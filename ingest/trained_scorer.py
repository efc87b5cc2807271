"""The behaviour models in the rules' place, as far as they are trained."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from neonblue.behavior.event_kinds import KINDS
from neonblue.behavior.streaming_intent import StreamingIntent, streaming_intent_from_arrays
from neonblue.ingest.activity import Features
from neonblue.ingest.optional_model import OptionalModel
from neonblue.ingest.scorer import INTENTS, RuleScorer, Scores

if TYPE_CHECKING:
    from neonblue.behavior.model_files import ModelFiles, StoredModel

MODEL = "intent"
BUY = INTENTS.index("buy")
LIKELY = 0.5


class TrainedScorer:
    """The score is the calibrated probability of a conversion by the newest intent model.

    The intent is ``buy`` when that is likely, with its probability; else the rules' other intents,
    with the probability that no conversion follows. Stage and segment stay with the rules, and so
    does everything until ``neonblue behavior train`` has made a model, or while its files cannot be
    used; a newer one is taken up within a batch.
    """

    def __init__(self, files: ModelFiles) -> None:
        self._rules = RuleScorer()
        self._model = OptionalModel(files, MODEL, _tried)

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


def _tried(stored: StoredModel) -> StreamingIntent:
    """The model, once it has answered for a unit that did nothing."""
    model = streaming_intent_from_arrays(stored.arrays)
    (chance,) = model.probability(np.zeros((1, len(KINDS))), np.ones(1))
    if not 0 <= chance <= 1:
        raise ValueError(f"it answers with the probability {chance!r}")
    return model
