"""Training the next-action model and measuring it on users that it never saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.calibration import LogisticMap, calibration_error, fit_logistic_map
from neonblue.behavior.contexts import EXPERTS, SHOWN_ORDERS, count_contexts
from neonblue.behavior.history import code_sizes, level_count
from neonblue.behavior.network import (
    Float,
    Inputs,
    Network,
    Shape,
    Training,
    start_network,
)
from neonblue.behavior.next_action import NextActionModel, PreparedSequences, prepare
from neonblue.behavior.sequences import MAXIMUM_CATEGORIES, Sequences
from neonblue.behavior.windows import cut
from neonblue.errors import InvalidInputError

FOLDS = 4
MEMBERS = 2
# Little data needs more and smaller steps to get anywhere: (rows from, rows a batch, epochs).
PACES = ((200_000, 1024, 5), (20_000, 256, 6), (0, 64, 10))
MIN_STEPS = 200

Progress = Callable[[float, float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class NextActionScore:
    """How well the steps from the second on were foreseen; accuracies are shares from 0 to 1.

    ``change_*``: only where the page changes, the current page taken off the candidates.
    ``calibration_error`` is that of the top category's probability.
    """

    steps: int
    log_loss: float
    accuracy_at_1: float
    accuracy_at_3: float
    changes: int
    change_accuracy_at_1: float
    change_accuracy_at_3: float
    calibration_error: float

    def as_dict(self) -> dict[str, float]:
        """The figures for a model's description."""
        return asdict(self)


def train_next_action(
    sequences: Sequences, names: tuple[str, ...], report: Progress, *, seed: int = 1
) -> NextActionModel:
    """Fit the tables on everything and the networks on tables that have not seen their row's user.

    Raises:
        InvalidInputError: fewer than 200 steps to predict, or more than 127 categories.
    """
    windows = cut(sequences).sequences
    categories = _categories(windows, names)
    prepared = prepare(windows, categories)
    rows = (windows.positions > 0) & (windows.steps > 0)
    report(1, 10, "reading contexts of held-out users")
    inputs = _held_out_inputs(prepared, categories, rows)
    target = windows.steps[rows] - 1
    shape = _shape(categories)
    networks = []
    for member in range(MEMBERS):
        report(3 + 3 * member, 10, f"training network {member + 1} of {MEMBERS}")
        networks.append(_fit(shape, inputs, target, seed + member))
    report(9, 10, "counting contexts of all users")
    return NextActionModel(
        categories=categories,
        names=names,
        tables=count_contexts(prepared.keys, windows.steps, categories),
        networks=tuple(networks),
        plain_map=_plain_map(inputs, target),
    )


def _plain_map(inputs: Inputs, target: NDArray[np.int64]) -> LogisticMap:
    """What makes the top of the deepest plain context a probability for users not counted."""
    deepest = inputs.experts[:, :, len(SHOWN_ORDERS["plain"]) - 1]
    return fit_logistic_map(np.exp(deepest.max(axis=1)), deepest.argmax(axis=1) == target)


def _categories(sequences: Sequences, names: tuple[str, ...]) -> int:
    predicted = int((sequences.lengths - 1).clip(0).sum())
    if predicted < MIN_STEPS:
        raise InvalidInputError(
            f"there are {predicted} steps to learn from and {MIN_STEPS} are needed: "
            "train on a longer period or a larger file"
        )
    categories = max(int(sequences.steps.max()), len(names), 2)
    if categories > MAXIMUM_CATEGORIES:
        raise InvalidInputError(
            f"category {categories} is above {MAXIMUM_CATEGORIES}: "
            "number the commonest categories from 1 and give the rest one number together"
        )
    return categories


def _shape(categories: int) -> Shape:
    return Shape(
        columns=sum(code_sizes(categories)),
        levels=level_count(categories),
        categories=categories,
        experts=EXPERTS,
    )


def _held_out_inputs(
    prepared: PreparedSequences, categories: int, rows: NDArray[np.bool_]
) -> Inputs:
    """Inputs whose experts were counted without the user, as they are for a new user."""
    sequences = prepared.sequences
    fold = np.repeat(np.arange(len(sequences.lengths)) % FOLDS, sequences.lengths)
    experts = np.zeros((int(rows.sum()), categories, EXPERTS), dtype=np.float32)
    for number in range(FOLDS):
        tables = count_contexts(prepared.keys, sequences.steps, categories, fold != number)
        inside = rows & (fold == number)
        experts[inside[rows]] = tables.log_probabilities(prepared.keys, inside)
    return Inputs(
        codes=prepared.columns[rows], levels=prepared.features.levels[rows], experts=experts
    )


def _fit(shape: Shape, inputs: Inputs, target: NDArray[np.int64], seed: int) -> Network:
    network = start_network(shape, seed)
    random = np.random.default_rng(seed)
    rows, epochs = next((rows, epochs) for least, rows, epochs in PACES if len(inputs) >= least)
    batches = -(-len(inputs) // rows)
    training = Training(network, epochs * batches)
    for _ in range(epochs):
        for batch in np.array_split(random.permutation(len(inputs)), batches):
            training.learn(inputs.rows(batch), target[batch])
    return network


def score_next_action(model: NextActionModel, sequences: Sequences) -> NextActionScore:
    """Score every step from a sequence's second on; unknown categories count as missed."""
    probabilities = model.probabilities(sequences)
    later = sequences.positions > 0
    truth = np.where(sequences.steps <= model.categories, sequences.steps, 0)[later]
    page = np.roll(sequences.steps, 1)[later]
    return score_probabilities(probabilities[later], truth, page)


def score_probabilities(
    probabilities: Float, truth: NDArray[np.int64], page: NDArray[np.int64]
) -> NextActionScore:
    """Score one row a step: what came (from 1, 0 unknown) and the page it came from."""
    rows = np.arange(len(truth))
    padded = np.hstack([np.full((len(truth), 1), 1e-9, np.float32), probabilities])
    at_1, at_3 = _accuracies(padded, truth)
    changed = truth != page
    others = padded[changed]
    others[np.arange(len(others)), np.minimum(page[changed], others.shape[1] - 1)] = 0
    change_at_1, change_at_3 = _accuracies(others, truth[changed])
    top = probabilities.argmax(axis=1)
    return NextActionScore(
        steps=len(truth),
        log_loss=float(-np.log(np.maximum(padded[rows, truth], 1e-9)).mean()),
        accuracy_at_1=at_1,
        accuracy_at_3=at_3,
        changes=int(changed.sum()),
        change_accuracy_at_1=change_at_1,
        change_accuracy_at_3=change_at_3,
        calibration_error=calibration_error(probabilities[rows, top], top + 1 == truth),
    )


def _accuracies(padded: Float, truth: NDArray[np.int64]) -> tuple[float, float]:
    if len(truth) == 0:
        return float("nan"), float("nan")
    ranked = np.argsort(-padded, axis=1, kind="stable")[:, :3]
    hits = (ranked == truth[:, None]) & (truth[:, None] > 0)
    return float(hits[:, 0].mean()), float(hits.any(axis=1).mean())
