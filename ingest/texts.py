"""The text of each event of a batch, built in columns: its type and its wordy properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

# Properties that hold words. Numbers, identifiers and coordinates say nothing to a text model.
WORDY_WORDS = """
page path url title screen section query search_term category product product_name item name
label button campaign channel source device comment feedback message review reason plan headline
subject content referrer
"""
WORDY = frozenset(WORDY_WORDS.split())
MAX_TEXT = 240


def event_texts(events: pa.Table) -> pa.DictionaryArray:
    """One text a row, as a dictionary: equal texts are worked on once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    types = events["event_type"].combine_chunks()
    details = _wordy(events["properties"])
    texts = types if details is None else pc.binary_join_element_wise(types, details, " ")
    texts = pc.utf8_slice_codeunits(texts, 0, MAX_TEXT)
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    return texts.dictionary_encode()


def _wordy(column: pa.ChunkedArray) -> pa.Array | None:
    """The values of wordy properties of each row, joined; None when no row has any."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    maps = compact(column)
    keys = maps.keys.dictionary_encode()
    wordy = np.array([key in WORDY for key in keys.dictionary.to_pylist()], dtype=bool)
    if not wordy.any():
        return None
    chosen = wordy[np.asarray(keys.indices)]
    counts = np.concatenate([[0], np.cumsum(chosen)])
    offsets = counts[np.asarray(maps.offsets)].astype(np.int32)
    values = maps.items.filter(pa.array(chosen))
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), values), " ")


def property_values(events: pa.Table, names: tuple[str, ...]) -> list[Any] | None:
    """The first of the named properties that each row has, or None when no row has any."""
    import numpy as np

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
