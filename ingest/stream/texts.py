"""What the text of an event says: its type and its wordy properties, keywords and sentiment.

Built in columns, a batch at once. Keywords and sentiment come from word lists: a rule, not a model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

Whole = NDArray[np.int64]

# Properties that hold words. Numbers, identifiers and coordinates say nothing to a text model.
WORDY_WORDS = """
page path url title screen section query search_term category product product_name item name
label button campaign channel source device comment feedback message review reason plan headline
subject content referrer
"""
WORDY = frozenset(WORDY_WORDS.split())
MAX_PART = 120
LEXICON = "lexicon-1"
MAX_KEYWORDS = 8
WORD = re.compile(r"[^\W\d_]{3,30}")
GOOD_WORDS = """
amazing awesome beautiful best better brilliant clean clear comfortable convenient cool delight
delighted easy enjoy enjoyed excellent fantastic fast fine fun glad good great happy helpful
impressed intuitive like liked love loved lovely nice perfect pleasant pleased quick recommend
reliable satisfied simple smooth super superb thank thanks useful win wonderful worth wow
"""
GOOD = frozenset(GOOD_WORDS.split())
BAD_WORDS = """
annoyed annoying awful bad broken bug buggy cancel cancelled confused confusing crash crashed
crashes damaged dead delay delayed difficult disappointed disappointing error errors expensive
fail failed failing failure fault faulty frustrated frustrating hard hate horrible impossible
issue issues lost mess missing never poor problem problems refund refused rude scam slow spam
stuck terrible trouble ugly unable unhappy unusable upset useless waste wrong worse worst
"""
BAD = frozenset(BAD_WORDS.split())
NEGATIONS_WORDS = """
not never isn wasn don doesn didn can couldn won without hardly
"""
NEGATIONS = frozenset(NEGATIONS_WORDS.split())
# Words that say nothing about what an event was about.
FILLER_WORDS = """
the and for with from that this are was were you your our its not but have has had they http
https www com html php true false null none page event
"""
FILLER = frozenset(FILLER_WORDS.split())


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


@dataclass(frozen=True, slots=True)
class Reading:
    """``good`` counts the good words less the bad ones, ``scored`` how many there were of both."""

    keywords: tuple[str, ...]
    good: int
    scored: int
    digest: int


@lru_cache(maxsize=65_536)
def read_part(text: str) -> Reading:
    """Distinct words in order of appearance, and the balance of good and bad words.

    A word right after a negation counts the other way round. ``digest`` names the text, the same
    in every process.
    """
    words = [word.lower() for word in WORD.findall(text)]
    keywords = dict.fromkeys(word for word in words if word not in FILLER)
    scores = _scores(words)
    digest = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
    return Reading(tuple(keywords)[:MAX_KEYWORDS], sum(scores), len(scores), digest)


def _scores(words: list[str]) -> list[int]:
    scores = []
    for before, word in zip(["", *words], words, strict=False):
        score = (word in GOOD) - (word in BAD)
        if score:
            scores.append(-score if before in NEGATIONS else score)
    return scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Semantics:
    """One row an event: words, sentiment from -1 to 1 (null without any word of the lists), and
    64 bits that name the event's text."""

    keywords: pa.Array
    sentiment: pa.Array
    text_hash: pa.Array


def read_texts(texts: Texts) -> Semantics:
    """Read each distinct part once and put the events together from what was found."""
    import pyarrow as pa

    readings = [read_part(part) for part in texts.parts]
    starts = texts.offsets[:-1]
    words = pa.array([reading.keywords for reading in readings], pa.list_(pa.string()))
    chosen = words.take(pa.array(texts.numbers))
    ends = np.asarray(chosen.offsets)[texts.offsets].astype(np.int32)
    good = _sums([reading.good for reading in readings], texts.numbers, starts)
    scored = _sums([reading.scored for reading in readings], texts.numbers, starts)
    return Semantics(
        keywords=pa.ListArray.from_arrays(pa.array(ends), chosen.values),
        sentiment=pa.array(good / np.maximum(scored, 1), pa.float32(), mask=scored == 0),
        text_hash=pa.array(_names(readings, texts)),
    )


def _sums(values: list[int], numbers: NDArray[np.int64], starts: NDArray[np.int64]) -> Whole:
    picked = np.array(values, dtype=np.int64)[numbers]
    return np.add.reduceat(picked, starts) if len(starts) else picked


def _names(readings: list[Reading], texts: Texts) -> NDArray[np.uint64]:
    """The parts' digests, mixed so that order counts; arithmetic is modulo 2^64."""
    starts = texts.offsets[:-1]
    place = np.arange(len(texts.numbers)) - np.repeat(starts, np.diff(texts.offsets))
    digests = np.array([reading.digest for reading in readings], dtype=np.uint64)
    mixed = digests[texts.numbers] * (2 * place.astype(np.uint64) + np.uint64(1))
    return np.add.reduceat(mixed, starts) if len(starts) else mixed
