"""Boosted trees as plain arrays: trained by scikit-learn, kept and evaluated without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
ROWS_AT_ONCE = 4096
PARTS = ("feature", "threshold", "left", "right", "value", "missing_left", "roots", "depths")
MEMBERS = 4
SETTINGS: Mapping[str, Any] = {
    "learning_rate": 0.02,
    "max_iter": 240,
    "max_leaf_nodes": 18,
    "min_samples_leaf": 40,
    "l2_regularization": 5.0,
    "max_features": 0.4,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """Nodes of all trees in one row of arrays; a leaf's children are itself.

    ``value`` adds to the log-odds at leaves; ``roots`` and ``depths`` are one a tree.
    ``baselines`` is one a member; the members' probabilities are averaged.
    """

    feature: NDArray[np.int32]
    threshold: Float
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: Float
    missing_left: NDArray[np.bool_]
    roots: NDArray[np.int32]
    depths: NDArray[np.int32]
    baselines: Float

    def probability(self, rows: Float) -> Float:
        """The mean of the members' probabilities, one a row; NaN is a missing value."""
        parts = [
            self._probability(rows[first : first + ROWS_AT_ONCE])
            for first in range(0, len(rows), ROWS_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _probability(self, rows: Float) -> Float:
        node = np.repeat(self.roots[None, :], len(rows), axis=0)
        index = np.arange(len(rows))[:, None]
        for _ in range(int(self.depths.max(initial=0))):
            value = rows[index, self.feature[node]]
            goes_left = np.where(
                np.isnan(value), self.missing_left[node], value <= self.threshold[node]
            )
            node = np.where(goes_left, self.left[node], self.right[node])
        added = self.value[node].reshape(len(rows), len(self.baselines), -1).sum(axis=2)
        return np.asarray((1 / (1 + np.exp(-(added + self.baselines)))).mean(axis=1))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The trees as named arrays, for a file."""
        return {f"trees_{name}": getattr(self, name) for name in (*PARTS, "baselines")}


def trees_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Trees:
    """The trees that ``Trees.arrays`` wrote."""
    return Trees(**{name: arrays[f"trees_{name}"] for name in (*PARTS, "baselines")})


def grow_trees(
    rows: Float, happened: NDArray[np.bool_], *, seed: int = 1, members: int = MEMBERS
) -> Trees:
    """Boost ``members`` ensembles of trees that differ in the features each split may use.

    In one thread: the steps are so short that threads wait for each other longer than they work,
    and where another process has the core, waiting takes a hundred times longer.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    small = len(rows) < 5000
    settings = {**SETTINGS, "max_iter": 140, "max_leaf_nodes": 8} if small else SETTINGS
    with threadpool_limits(1, user_api="openmp"):
        grown = [
            HistGradientBoostingClassifier(random_state=seed + number, **settings).fit(
                rows, happened
            )
            for number in range(members)
        ]
    nodes = [[predictors[0].nodes for predictors in member._predictors] for member in grown]
    shortest = min(len(one) for one in nodes)
    baselines = np.array([float(np.ravel(member._baseline_prediction)[0]) for member in grown])
    return _flatten([tree for one in nodes for tree in one[:shortest]], baselines)


def _flatten(trees: Sequence[Any], baselines: Float) -> Trees:
    sizes = [len(tree) for tree in trees]
    roots = np.cumsum([0, *sizes[:-1]]).astype(np.int32)
    every = np.concatenate(trees)
    offset = np.repeat(roots, sizes)
    leaf = every["is_leaf"].astype(bool)
    itself = np.arange(len(every))
    return Trees(
        feature=np.where(leaf, 0, every["feature_idx"]).astype(np.int32),
        threshold=every["num_threshold"].astype(np.float64),
        left=np.where(leaf, itself, every["left"] + offset).astype(np.int32),
        right=np.where(leaf, itself, every["right"] + offset).astype(np.int32),
        value=np.where(leaf, every["value"], 0.0),
        missing_left=every["missing_go_to_left"].astype(bool),
        roots=roots,
        depths=np.array([int(tree["depth"].max()) for tree in trees], dtype=np.int32),
        baselines=baselines,
    )
