"""A small feed-forward network in numpy: sparse codes and levels in, category probabilities out.

Two hidden layers of rectified units; the context tables' log-probabilities enter the last layer
with a weight each, so the network starts as their geometric mixture and learns what they miss.
Trained with Adam (Kingma & Ba 2015, algorithm 1) on the log loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
LEARNING_RATE = 2e-3
WARM_UP_SHARE = 0.03
FIRST_MOMENT, SECOND_MOMENT = 0.9, 0.999
PREDICT_ROWS = 8192
PARAMETERS = ("codes", "levels", "bias", "hidden", "hidden_bias", "output", "output_bias", "mix")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """One row a prediction.

    ``codes``: column numbers of the sparse layer (rows, fields); ``levels`` (rows, values);
    ``experts``: log-probabilities (rows, categories, experts).
    """

    codes: NDArray[np.int32]
    levels: Float
    experts: Float

    def __len__(self) -> int:
        return len(self.codes)

    def rows(self, chosen: Any) -> Inputs:
        """The chosen rows."""
        return Inputs(
            codes=self.codes[chosen], levels=self.levels[chosen], experts=self.experts[chosen]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes: sparse columns, levels, hidden units of both layers, categories, experts."""

    columns: int
    levels: int
    categories: int
    experts: int
    hidden: int = 128
    second: int = 64


class Network:
    """The parameters and what they compute."""

    def __init__(self, parameters: Mapping[str, Float]) -> None:
        self.parameters = {name: parameters[name] for name in PARAMETERS}

    def probabilities(self, inputs: Inputs) -> Float:
        """Category probabilities, (rows, categories)."""
        blocks = [
            self._forward(inputs.rows(slice(first, first + PREDICT_ROWS)))[2]
            for first in range(0, len(inputs), PREDICT_ROWS)
        ]
        width = len(self.parameters["output_bias"])
        return np.concatenate(blocks) if blocks else np.zeros((0, width), np.float32)

    def _forward(self, inputs: Inputs) -> tuple[Float, Float, Float]:
        p = self.parameters
        sparse = _one_hot(inputs.codes, len(p["codes"]))
        first = np.maximum(sparse @ p["codes"] + inputs.levels @ p["levels"] + p["bias"], 0)
        second = np.maximum(first @ p["hidden"] + p["hidden_bias"], 0)
        score = second @ p["output"] + p["output_bias"] + inputs.experts @ p["mix"]
        score -= score.max(axis=1, keepdims=True)
        np.exp(score, out=score)
        score /= score.sum(axis=1, keepdims=True)
        return first, second, score

    def gradients(self, inputs: Inputs, target: NDArray[np.int64]) -> dict[str, Float]:
        """The log loss's gradient for each parameter, averaged over the rows."""
        p = self.parameters
        first, second, error = self._forward(inputs)
        error[np.arange(len(target)), target] -= 1
        error /= len(target)
        at_second = (error @ p["output"].T) * (second > 0)
        at_first = (at_second @ p["hidden"].T) * (first > 0)
        sparse = _one_hot(inputs.codes, len(p["codes"]))
        return {
            "codes": sparse.T @ at_first,
            "levels": inputs.levels.T @ at_first,
            "bias": at_first.sum(axis=0),
            "hidden": first.T @ at_second,
            "hidden_bias": at_second.sum(axis=0),
            "output": second.T @ error,
            "output_bias": error.sum(axis=0),
            "mix": np.tensordot(error, inputs.experts, axes=([0, 1], [0, 1])),
        }


def start_network(shape: Shape, seed: int) -> Network:
    """A network with random weights that already trusts the experts a little."""
    random = np.random.default_rng(seed)

    def normal(rows: int, columns: int, scale: float) -> Float:
        return (random.normal(size=(rows, columns)) * scale).astype(np.float32)

    return Network(
        {
            "codes": normal(shape.columns, shape.hidden, 0.1),
            "levels": normal(shape.levels, shape.hidden, 0.1),
            "bias": np.zeros(shape.hidden, np.float32),
            "hidden": normal(shape.hidden, shape.second, (2 / shape.hidden) ** 0.5),
            "hidden_bias": np.zeros(shape.second, np.float32),
            "output": normal(shape.second, shape.categories, 0.05),
            "output_bias": np.zeros(shape.categories, np.float32),
            "mix": np.full(shape.experts, 0.2, np.float32),
        }
    )


class Training:
    """Adam over shuffled batches, with a warm-up and a linear decay of the learning rate."""

    def __init__(self, network: Network, batches: int) -> None:
        self._network = network
        self._planned = batches
        self._done = 0
        self._mean = {name: np.zeros_like(value) for name, value in network.parameters.items()}
        self._square = {name: np.zeros_like(value) for name, value in network.parameters.items()}

    def learn(self, inputs: Inputs, target: NDArray[np.int64]) -> None:
        """One step down the gradient of a batch."""
        self._done += 1
        rate = self._rate()
        for name, gradient in self._network.gradients(inputs, target).items():
            mean, square = self._mean[name], self._square[name]
            mean += (1 - FIRST_MOMENT) * (gradient - mean)
            square += (1 - SECOND_MOMENT) * (gradient**2 - square)
            self._network.parameters[name] -= rate * mean / (np.sqrt(square) + 1e-8)

    def _rate(self) -> np.float32:
        left = 1 - self._done / (self._planned + 1)
        rate = LEARNING_RATE * min(self._done / (WARM_UP_SHARE * self._planned), 1) * left
        unbiased = (1 - SECOND_MOMENT**self._done) ** 0.5 / (1 - FIRST_MOMENT**self._done)
        return np.float32(rate * unbiased)


def _one_hot(columns: NDArray[np.int32], width: int) -> Any:
    from scipy.sparse import csr_matrix

    rows, fields = columns.shape
    ones = np.ones(rows * fields, np.float32)
    row_ends = np.arange(0, rows * fields + 1, fields)
    return csr_matrix((ones, columns.ravel(), row_ends), shape=(rows, width))
