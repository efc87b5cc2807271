"""Training on a sequence file and ranking what comes next in another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neonblue.behavior.model_files import ModelFiles, StoredModel
from neonblue.behavior.next_action import NextActionModel, model_from_arrays, rankings
from neonblue.behavior.next_action_training import (
    NextActionScore,
    Progress,
    score_next_action,
    train_next_action,
)
from neonblue.behavior.sequences import Sequences, read_sequences
from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.models.private_file import open_private

KIND = "sequences"
HELD_OUT_SHARE = 0.05
MIN_HELD_OUT = 20
MAX_HELD_OUT = 20_000
SEQUENCES_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """What a training came to; ``score`` and ``previous_score`` are on the same later data."""

    kept: bool
    reason: str
    model: str
    score: NextActionScore
    previous_score: NextActionScore | None

    def as_dict(self) -> dict[str, Any]:
        """The result for a command's or a job's answer."""
        before = self.previous_score
        return {
            "kept": self.kept,
            "reason": self.reason,
            "model": self.model,
            "score": self.score.as_dict(),
            "previous_score": before.as_dict() if before else None,
        }


def train_on_file(path: Path, files: ModelFiles, report: Progress) -> TrainingResult:
    """Train on a sequence file; its last 5 % of sequences measure, they are never learnt from."""
    file = read_sequences(path)
    return train_and_keep(file.sequences, file.names, files, KIND, report)


def train_and_keep(
    sequences: Sequences,
    names: tuple[str, ...],
    files: ModelFiles,
    kind: str,
    report: Progress,
    details: Mapping[str, Any] | None = None,
) -> TrainingResult:
    """Train on the earlier sequences and keep the model if it is better on the later ones."""
    later = _later(sequences)
    model = train_next_action(sequences.select(~later), names, report)
    held_out = sequences.select(later)
    score = score_next_action(model, held_out)
    previous = files.usable(kind)
    before = _previous_score(previous, names, held_out)
    if previous is not None and before is not None and before.log_loss <= score.log_loss:
        return TrainingResult(
            kept=False,
            reason=f"{previous.name} is as good or better on the later data: it stays",
            model=previous.name,
            score=score,
            previous_score=before,
        )
    stored = files.publish(
        kind, model.arrays(), {**(details or {}), "names": names, "score": score.as_dict()}
    )
    reason = "it is better than the one before" if before else _first_reason(previous)
    return TrainingResult(
        kept=True, reason=reason, model=stored.name, score=score, previous_score=before
    )


def _later(sequences: Sequences) -> np.ndarray[Any, np.dtype[np.bool_]]:
    count = len(sequences.lengths)
    held_out = min(max(int(count * HELD_OUT_SHARE), MIN_HELD_OUT), MAX_HELD_OUT)
    if count < 2 * MIN_HELD_OUT:
        raise InvalidInputError(
            f"there are {count} sequences and {2 * MIN_HELD_OUT} are needed, to learn from "
            "some and measure on others: train on a longer period or a larger file"
        )
    return np.arange(count) >= count - held_out


def _previous_score(
    previous: StoredModel | None, names: tuple[str, ...], held_out: Sequences
) -> NextActionScore | None:
    if previous is None or tuple(previous.description.get("names", ())) != names:
        return None
    return score_next_action(model_of(previous), held_out)


def _first_reason(previous: StoredModel | None) -> str:
    if previous is None:
        return "it is the first model"
    return f"{previous.name} knows other categories, so the two cannot be compared"


def model_of(stored: StoredModel) -> NextActionModel:
    """The next-action model in its stored form."""
    return model_from_arrays(stored.arrays, stored.description.get("names", ()))


def predict_file(path: Path, out: Path, files: ModelFiles, *, top: int = 7) -> dict[str, Any]:
    """Write one JSON list a sequence: for each position from the second on, the ranking.

    A ranking is a list of the ``top`` likeliest categories given the steps before, likeliest
    first; sequences of fewer than two steps get an empty list.

    Raises:
        NotFoundError: no model has been trained on a file.
        InvalidInputError: fewer than one category is asked for.
    """
    if top < 1:
        raise InvalidInputError(f"a ranking needs at least 1 category, not {top}: leave --top out")
    stored = files.current(KIND)
    if stored is None:
        raise NotFoundError(
            "there is no model of sequences yet: run neonblue behavior train FILE first"
        )
    sequences = read_sequences(path).sequences
    with open_private(out) as file:
        for line in _ranking_lines(model_of(stored), sequences, top):
            file.write(line)
    predictions = int((sequences.lengths - 1).clip(0).sum())
    return {
        "model": stored.name,
        "sequences": len(sequences.lengths),
        "predictions": predictions,
        "out": str(out),
    }


def _ranking_lines(model: NextActionModel, sequences: Sequences, top: int) -> Iterator[str]:
    block = np.arange(len(sequences.lengths)) // SEQUENCES_AT_ONCE
    for number in np.unique(block):
        part = sequences.select(block == number)
        ranked = rankings(model.probabilities(part), min(top, model.categories)).tolist()
        for start, length in zip(part.starts.tolist(), part.lengths.tolist(), strict=True):
            yield json.dumps(ranked[start + 1 : start + length], separators=(",", ":")) + "\n"
