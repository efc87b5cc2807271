"""The text of each event of a batch, built in columns: its type and its wordy properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

# Properties that hold words. Numbers, identifiers and coordinates say nothing to a text model.
WORDY_WORDS = """
page path url title screen section query search_term category product product_name item name
label button campaign channel source device comment feedback message review reason plan headline
subject content referrer
"""
WORDY = frozenset(WORDY_WORDS.split())
MAX_PART = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The text of each event as parts: its type, then its wordy properties in the order sent.

    ``parts`` are the distinct parts of the batch; event i has those numbered
    ``numbers[offsets[i]:offsets[i + 1]]``, at least one.
    """

    parts: list[str]
    numbers: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def text(self, row: int) -> str:
        """One event's text."""
        chosen = self.numbers[self.offsets[row] : self.offsets[row + 1]]
        return " ".join(self.parts[number] for number in chosen.tolist())


def event_texts(events: pa.Table) -> Texts:
    """Parts, not whole texts: there are few different parts and many combinations."""
    import pyarrow as pa

    types = events["event_type"].combine_chunks().dictionary_encode()
    values, owners = _wordy(events["properties"])
    encoded = values.dictionary_encode()
    count = events.num_rows
    sizes = np.bincount(owners, minlength=count) + 1
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    numbers = np.empty(int(offsets[-1]), dtype=np.int64)
    first = np.zeros(len(numbers), dtype=bool)
    first[offsets[:-1]] = True
    numbers[first] = np.asarray(types.indices)
    numbers[~first] = np.asarray(encoded.indices) + len(types.dictionary)
    parts = pa.concat_arrays([types.dictionary, encoded.dictionary]).to_pylist()
    return Texts(parts=[part[:MAX_PART] for part in parts], numbers=numbers, offsets=offsets)


def _wordy(column: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int64]]:
    """The values of wordy properties, and the row of each."""
    import pyarrow as pa

    maps = compact(column)
    keys = maps.keys.dictionary_encode()
    wordy = np.array([key in WORDY for key in keys.dictionary.to_pylist()], dtype=bool)
    chosen = wordy[np.asarray(keys.indices)] if len(wordy) else np.zeros(0, dtype=bool)
    rows = np.repeat(np.arange(len(maps)), np.diff(np.asarray(maps.offsets)))
    return maps.items.filter(pa.array(chosen)), rows[chosen]


def property_values(events: pa.Table, names: tuple[str, ...]) -> list[Any] | None:
    """The first of the named properties that each row has, or None when no row has any."""
    maps = compact(events["properties"])
    keys = maps.keys.dictionary_encode()
    rank = {name: place for place, name in enumerate(names)}
    ranks = np.array([rank.get(key, -1) for key in keys.dictionary.to_pylist()], dtype=int)
    if not (ranks >= 0).any():
        return None
    entry_ranks = ranks[np.asarray(keys.indices)]
    entries = np.flatnonzero(entry_ranks >= 0)
    rows = np.searchsorted(np.asarray(maps.offsets), entries, side="right") - 1
    order = np.lexsort((-entry_ranks[entries], rows))
    values = maps.items.take(entries[order]).to_pylist()
    found: list[Any] = [None] * len(maps)
    for row, value in zip(rows[order].tolist(), values, strict=True):
        found[row] = value
    return found


def compact(column: pa.ChunkedArray) -> pa.MapArray:
    """A map column as one array whose offsets start at 0."""
    import pyarrow as pa

    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return (
        pa.concat_arrays([*chunks, chunks[0].slice(0, 0)]) if chunks else pa.array([], column.type)
    )
