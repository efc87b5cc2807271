"""Keywords and sentiment of short texts, by word lists: a rule, not a model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neonblue.ingest.texts import Texts

if TYPE_CHECKING:
    import pyarrow as pa

Whole = NDArray[np.int64]

VERSION = "lexicon-1"
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
