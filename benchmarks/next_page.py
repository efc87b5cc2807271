"""Next page on msnbc: accuracy, calibration and speed on users that were never learnt from.

    python -m benchmarks.next_page

Trains on 90 % of the users in ``../shared/data/msnbc`` and scores the rest (2 to 500 steps), beside
a plain back-off mixture over the last pages. The last line is the form that answers a stream.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks.public_data import public_data
from neonblue.behavior.calibration import calibration_error
from neonblue.behavior.contexts import context_keys, count_contexts
from neonblue.behavior.model_files import StoredModel
from neonblue.behavior.next_action import NextActionModel
from neonblue.behavior.next_action_training import (
    NextActionScore,
    score_next_action,
    score_probabilities,
    train_next_action,
)
from neonblue.behavior.sequences import Sequences, read_sequences
from neonblue.behavior.streaming_next_action import NONE, STEPS, recent_steps, streaming_next_action

STREAM_ROWS = 10_000


def held_out(sequences: Sequences, *, share: float = 0.1, seed: int = 1) -> np.ndarray:
    """Flags of the users that only measure."""
    return np.random.default_rng(seed).random(len(sequences.lengths)) < share


def back_off(learnt: Sequences, asked: Sequences, categories: int) -> NextActionScore:
    """The deepest table of plain contexts alone: what a mixture without a network reaches."""
    tables = count_contexts(context_keys(learnt, categories), learnt.steps, categories)
    log_probabilities = tables.log_probabilities(context_keys(asked, categories))[:, :, 1]
    later = asked.positions > 0
    page = np.roll(asked.steps, 1)[later]
    return score_probabilities(np.exp(log_probabilities[later]), asked.steps[later], page)


def in_a_stream(model: NextActionModel, asked: Sequences) -> str:
    """Accuracy, calibration and speed of the form that the ingest worker asks, batch by batch."""
    arrays, names = model.arrays(), {"names": list(model.names)}
    quick = streaming_next_action(
        StoredModel(kind="x", version=1, arrays=arrays, description=names)
    )
    opens, answers, started = asked.positions == 0, [], time.perf_counter()
    for first in range(0, len(asked.steps), STREAM_ROWS):
        steps = asked.steps[first : first + STREAM_ROWS]
        before = np.full((len(steps), STEPS), NONE)
        recent = recent_steps(before, opens[first : first + STREAM_ROWS], steps)
        answers.append(quick.after(np.maximum(recent, 0)))
    seconds = time.perf_counter() - started
    follows = ~np.roll(opens, -1)
    actions = np.concatenate([one.actions for one in answers])[follows]
    probability = np.concatenate([one.probabilities for one in answers])[follows]
    came = actions + 1 == np.roll(asked.steps, -1)[follows]
    return (
        f"in a stream: all @1 {came.mean():.3f}, ECE {calibration_error(probability, came):.4f}, "
        f"{len(asked.steps) / seconds:,.0f} answers/s"
    )


def line(name: str, score: NextActionScore) -> str:
    """One row of the table."""
    return (
        f"{name:16} {score.accuracy_at_1:.3f}/{score.accuracy_at_3:.3f}   "
        f"{score.change_accuracy_at_1:.3f}/{score.change_accuracy_at_3:.3f}   "
        f"{score.log_loss:.3f}   {score.calibration_error:.4f}"
    )


def main(path: Path | None = None) -> None:
    """Print the table and the speed."""
    file = read_sequences(path or public_data("msnbc") / "train.seq.gz")
    chosen = held_out(file.sequences)
    lengths = file.sequences.lengths
    asked = file.sequences.select(chosen & (lengths >= 2) & (lengths <= 500))
    learnt = file.sequences.select(~chosen)
    started = time.perf_counter()
    model = train_next_action(learnt, file.names, lambda *_: None)
    trained = time.perf_counter()
    score = score_next_action(model, asked)
    seconds = time.perf_counter() - trained
    print("                 all @1/@3     changes @1/@3   log loss  ECE")
    print(line("plain back-off", back_off(learnt, asked, model.categories)))
    print(line("this model", score))
    print(f"trained in {trained - started:.0f} s; {score.steps / seconds:,.0f} predictions/s")
    print(in_a_stream(model, asked))


if __name__ == "__main__":
    main()
