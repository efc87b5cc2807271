"""The behaviour models in the rules' place, as far as they are trained."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from neonblue.behavior.quick_intent import QuickIntent, quick_intent_from_arrays
from neonblue.ingest.activity import Features
from neonblue.ingest.scorer import INTENTS, RuleScorer, Scores

if TYPE_CHECKING:
    from neonblue.behavior.model_files import ModelFiles

MODEL = "intent"
BUY = INTENTS.index("buy")
LIKELY = 0.5


class TrainedScorer:
    """The score is the calibrated probability of a conversion by the newest intent model.

    The intent is ``buy`` when that is likely, with its probability; else the rules' other intents,
    with the probability that no conversion follows. Stage and segment stay with the rules, and so
    does everything until ``neonblue behavior train`` has made a model; a newer one is taken up
    within a batch.
    """

    def __init__(self, files: ModelFiles) -> None:
        self._files = files
        self._rules = RuleScorer()
        self._version = 0
        self._model: QuickIntent | None = None

    def score(self, features: Features) -> Scores:
        """Scores of a batch."""
        by_rules = self._rules.score(features)
        stored = self._files.current(MODEL)
        if stored is None:
            return by_rules
        if self._model is None or stored.version != self._version:
            self._model = quick_intent_from_arrays(stored.arrays)
            self._version = stored.version
        chance = self._model.probability(features.counts, features.sessions).astype(np.float32)
        likely = chance >= LIKELY
        other = np.where(by_rules.intent == BUY, BUY - 1, by_rules.intent)
        made_by = {"behavioral_score": stored.name, "intent_prediction": stored.name}
        return replace(
            by_rules,
            score=chance,
            intent=np.where(likely, BUY, other),
            intent_probability=np.where(likely, chance, 1 - chance),
            made_by={**by_rules.made_by, **made_by},
        )
