"""Drift of the models in use against what users do now."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.conversion_events import BY_WORDS, EventKinds
from neonblue.behavior.drift import (
    drift_verdict,
    snapshot,
    snapshot_from_arrays,
    stability_index,
)
from neonblue.behavior.intent_training import AWAY, HERE, INTENT
from neonblue.behavior.model_files import ModelFiles, StoredModel
from neonblue.behavior.training_on_events import NEXT_ACTION, RecentUse, recent_use
from neonblue.behavior.user_features import NAMES
from neonblue.errors import NotFoundError
from neonblue.stores.sessions import Sessions

SHOWN_FEATURES = 5


def check_drift(
    sessions: Sessions, files: ModelFiles, kinds: EventKinds = BY_WORDS
) -> dict[str, Any]:
    """The stability index of each model in use, and what to do about it.

    Raises:
        NotFoundError: nothing has been trained on events yet.
    """
    actions, intent = files.current(NEXT_ACTION), files.current(INTENT)
    if actions is None and intent is None:
        raise NotFoundError("no model of events is trained yet: run neonblue behavior train")
    use = recent_use(sessions, kinds)
    result = {}
    if actions is not None:
        result[NEXT_ACTION] = _next_action_drift(actions, use)
    if intent is not None:
        result[INTENT] = _intent_drift(intent, use.rows)
    return result


def _next_action_drift(stored: StoredModel, use: RecentUse) -> dict[str, Any]:
    names = list(stored.description["names"])
    shares = stored.description["shares"]
    before, now = np.zeros(len(names) + 1), np.zeros(len(names) + 1)
    before[: len(shares)] = shares
    now[:-1] = [use.counts[name] for name in names]
    now[-1] = use.counts.total() - now.sum()
    return _answer(stored, stability_index(before, now))


def _intent_drift(stored: StoredModel, rows: NDArray[np.float64]) -> dict[str, Any]:
    before = snapshot_from_arrays(stored.arrays)
    if len(before.edges) != len(NAMES):
        return {
            "model": stored.name,
            "trained_at": stored.description["made_at"],
            "next_step": "it is of an older form: run neonblue behavior train",
        }
    now = snapshot(rows, before.edges)
    indices = [stability_index(p, q) for p, q in zip(before.shares, now.shares, strict=True)]
    worst = sorted(zip(indices, NAMES, strict=True), reverse=True)[:SHOWN_FEATURES]
    return {
        **_answer(stored, max(indices)),
        "answered_by": {
            moment: {name: stored.description[moment][name] for name in ("winner", "reason")}
            for moment in (AWAY, HERE)
            if moment in stored.description
        },
        "features": [{"feature": name, "stability_index": index} for index, name in worst],
    }


def _answer(stored: StoredModel, index: float) -> dict[str, Any]:
    verdict = drift_verdict(index)
    return {
        "model": stored.name,
        "trained_at": stored.description["made_at"],
        "stability_index": index,
        "verdict": verdict,
        "next_step": "none" if verdict == "stable" else "run neonblue behavior train",
    }
