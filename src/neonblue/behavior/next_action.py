"""What comes next: context tables over all users, a network over the user's own past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.calibration import LogisticMap
from neonblue.behavior.contexts import ContextTables, Keys, context_keys, tables_from_arrays
from neonblue.behavior.history import HistoryFeatures, code_sizes, history_features
from neonblue.behavior.network import PARAMETERS, Float, Inputs, Network
from neonblue.behavior.sequences import Sequences
from neonblue.behavior.windows import OVERLAP_STEPS, cut

# Rows scored at once, so that a big file needs a bounded amount of memory.
ROWS_AT_ONCE = 400_000
UNCALIBRATED = LogisticMap(slope=1.0, intercept=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSequences:
    """Everything the model reads of some sequences, computed once."""

    sequences: Sequences
    keys: Mapping[str, Keys]
    features: HistoryFeatures
    columns: NDArray[np.int32]

    def inputs(self, tables: ContextTables, chosen: NDArray[np.bool_]) -> Inputs:
        """Network inputs of the chosen steps."""
        return Inputs(
            codes=self.columns[chosen],
            levels=self.features.levels[chosen],
            experts=tables.log_probabilities(self.keys, chosen),
        )


def prepare(sequences: Sequences, categories: int) -> PreparedSequences:
    """Keys and features of sequences whose categories are 0 (unknown) to ``categories``."""
    features = history_features(sequences, categories)
    sizes = code_sizes(categories)
    offsets = (np.cumsum(sizes) - sizes).astype(np.int32)
    return PreparedSequences(
        sequences=sequences,
        keys=context_keys(sequences, categories),
        features=features,
        columns=features.codes.astype(np.int32) + offsets,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NextActionModel:
    """Probabilities of the next category, for categories 1 to ``categories``.

    ``names`` names them (empty when a file had no header). ``plain_map`` calibrates the top
    category of the deepest plain context, for who answers without the networks.
    """

    categories: int
    names: tuple[str, ...]
    tables: ContextTables
    networks: tuple[Network, ...]
    plain_map: LogisticMap = UNCALIBRATED

    def probabilities(self, sequences: Sequences) -> Float:
        """For every step, what was to be expected before it: (steps, categories).

        A sequence's first step gets the overall shares. Very long sequences are read in
        overlapping windows, so the answer looks back at most 512 steps.
        """
        answer = np.zeros((len(sequences.steps), self.categories), dtype=np.float32)
        windows = cut(sequences.within(self.categories))
        for block in _blocks(windows.sequences.lengths):
            rows = np.repeat(block, windows.sequences.lengths)
            kept = windows.kept[rows]
            part = self._score(windows.sequences.select(block))
            answer[windows.source[rows][kept]] = part[kept]
        return answer

    def next_probabilities(self, sequences: Sequences) -> Float:
        """What comes after each sequence: (sequences, categories)."""
        tails = _tails_with_a_blank(sequences)
        return self._score(tails.within(self.categories), only_last=True)

    def _score(self, sequences: Sequences, *, only_last: bool = False) -> Float:
        prepared = prepare(sequences, self.categories)
        chosen = np.ones(len(sequences.steps), dtype=bool)
        if only_last:
            chosen[:] = False
            chosen[np.cumsum(sequences.lengths) - 1] = True
        inputs = prepared.inputs(self.tables, chosen)
        answers = [network.probabilities(inputs) for network in self.networks]
        mixed: Float = np.mean(answers, axis=0, dtype=np.float32)
        empty = sequences.positions[chosen] == 0
        mixed[empty] = np.exp(self.tables.families["plain"][0].log_probabilities[0])
        return mixed

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The model as named arrays, for a file."""
        stored: dict[str, NDArray[Any]] = self.tables.arrays()
        stored["plain_map"] = np.array([self.plain_map.slope, self.plain_map.intercept])
        for number, network in enumerate(self.networks):
            for name, values in network.parameters.items():
                stored[f"network_{number}_{name}"] = values
        return stored


def model_from_arrays(arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> NextActionModel:
    """The model that ``NextActionModel.arrays`` wrote."""
    members = sum(1 for name in arrays if name.endswith("_output_bias"))
    networks = tuple(
        Network({name: arrays[f"network_{number}_{name}"] for name in PARAMETERS})
        for number in range(members)
    )
    return NextActionModel(
        categories=len(networks[0].parameters["output_bias"]),
        names=tuple(names),
        tables=tables_from_arrays(arrays),
        networks=networks,
        plain_map=_plain_map(arrays),
    )


def _plain_map(arrays: Mapping[str, NDArray[Any]]) -> LogisticMap:
    if "plain_map" not in arrays:
        return UNCALIBRATED
    slope, intercept = arrays["plain_map"].tolist()
    return LogisticMap(slope=slope, intercept=intercept)


def rankings(probabilities: Float, top: int) -> NDArray[np.int64]:
    """The ``top`` likeliest categories of each row, likeliest first; categories count from 1."""
    ranked: NDArray[np.int64] = np.argsort(-probabilities, axis=1, kind="stable")[:, :top] + 1
    return ranked


def _blocks(lengths: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    """Flags that split the sequences into blocks of at most about ``ROWS_AT_ONCE`` steps."""
    number = np.cumsum(lengths) // ROWS_AT_ONCE
    return [number == one for one in np.unique(number)]


def _tails_with_a_blank(sequences: Sequences) -> Sequences:
    """The last steps of each sequence and one unknown step after them, to be predicted."""
    kept = np.minimum(sequences.lengths, 4 * OVERLAP_STEPS)
    lengths = kept + 1
    ends = np.cumsum(lengths)
    steps = np.zeros(int(ends[-1]) if len(ends) else 0, dtype=np.int64)
    within = np.arange(len(steps)) - np.repeat(ends - lengths, lengths)
    real = within < np.repeat(kept, lengths)
    source = np.repeat(sequences.starts + sequences.lengths - kept, lengths) + within
    steps[real] = sequences.steps[source[real]]
    return Sequences(steps=steps, lengths=lengths)
