"""What a collection holds, in this process: its words, ranked by BM25, and its facts.

They are read from ClickHouse. The first reading of a large collection takes seconds; it runs in a
thread, and until it is done searches go without: by meaning alone, filtered by Chroma.

Robertson and Zaragoza (2009), "The Probabilistic Relevance Framework: BM25 and Beyond", eq. 3.15
with the non-negative inverse document frequency of Lucene. Scores are divided by the best that the
query could reach, so they lie in [0, 1) and compare between queries.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from neonblue.errors import UnavailableError
from neonblue.memory.collections import Collection
from neonblue.memory.filters import Facts, FactTable
from neonblue.stores.documents import DocumentChanges, Documents, EmbeddedDocument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A question waits this long for the first reading.
PATIENCE_SECONDS = 2.0
# How old the contents may be when other processes write too.
READ_SECONDS = 2.0
READ_BATCH = 2000
PUT_BATCH = 100
K1 = 1.2
B = 0.75
WORD = re.compile(r"[^\W_]+")
MAX_QUERY_WORDS = 64
# Of rows that have a word, and what a word adds there, kept between queries.
MAX_KEPT_BYTES = 32 << 20
# Rows of replaced and removed documents stay until they are as many as those in use, so that giving
# them back costs no more than adding did.
MIN_DEAD_ROWS = 64
# A word in more than this share of the rows is kept as one value a row: that is less than twice as
# large, and adding a column to another takes a tenth of the time of adding at places.
DENSE_SHARE = 0.25
STOP_WORDS = frozenset(
    WORD.findall(
        """
    a about all an and any are as at be been but by can could did do does for from had has have how
    i if in into is it its of on or our out show so some such than that the their them then there
    these they this to up us was we were what when where which while who why will with would you
    your
    """
    )
)

logger = logging.getLogger(__name__)


def words(text: str) -> list[str]:
    """Lower-case word stems without stop words: ``Checkouts`` and ``checkout`` are one."""
    return [_stem(word) for word in WORD.findall(text.casefold()) if word not in STOP_WORDS]


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    for suffix, least in (("ies", 3), ("ing", 4), ("ed", 4), ("es", 4), ("s", 3)):
        if word.endswith(suffix) and len(word) - len(suffix) >= least and word[-2:] != "ss":
            stem = word[: -len(suffix)]
            return stem + "y" if suffix == "ies" else stem
    return word.removesuffix("e") if len(word) > 4 else word


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordScores:
    """The scores of all documents for one query, as of when it was asked."""

    scores: NDArray[np.float32]
    ids: Sequence[str]
    rows: Mapping[str, int]

    def best(self, limit: int) -> list[tuple[str, float]]:
        """The best documents that share a word with the query, best first."""
        import numpy as np

        count = min(limit, int(np.count_nonzero(self.scores)))
        if count == 0:
            return []
        rows = np.argpartition(-self.scores, count - 1)[:count].tolist()
        ordered = sorted(rows, key=lambda row: (-self.scores[row], self.ids[row]))
        return [(self.ids[row], float(self.scores[row])) for row in ordered]

    def of(self, document_id: str) -> float:
        """One document's score; 0 without a shared word, or when it came later."""
        row = self.rows.get(document_id)
        return 0.0 if row is None or row >= len(self.scores) else float(self.scores[row])


class _Impacts(NamedTuple):
    """What a word adds to the rows in use that have it, or to every row; and how many have it."""

    at: NDArray[np.int32] | slice
    values: NDArray[np.float32]
    found: int


EVERY_ROW = slice(None)


class KeywordIndex:
    """Postings by word. A replaced document's old row counts for nothing from then on, and is given
    back with others: there are never more rows than twice the documents and a few."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._lengths = array("f")
        self._postings: dict[str, tuple[array[int], array[int]]] = {}
        self._alive = bytearray()
        self._live_length = 0.0
        self._impacts: dict[str, _Impacts] = {}
        self._kept_bytes = 0
        self._cached_norms: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows_held(self) -> int:
        """How many rows there are, with those of documents that were replaced or removed."""
        return len(self._ids)

    def add(self, documents: Iterable[tuple[str, str]]) -> None:
        """Add or replace documents, given as (id, text)."""
        for document_id, text in documents:
            counts = Counter(words(text))
            with self._lock:
                self._remove(document_id)
                self._append(document_id, counts)
                self._give_rows_back()

    def remove(self, document_ids: Iterable[str]) -> None:
        """Forget documents."""
        with self._lock:
            for document_id in document_ids:
                self._remove(document_id)
            self._give_rows_back()

    def search(self, query: str, limit: int) -> list[tuple[str, float]]:
        """The best documents that share a word, with scores in (0, 1), best first."""
        return self.score(query).best(limit)

    def score(self, query: str) -> KeywordScores:
        """Every document's score, computed once for ranking and look-up."""
        with self._lock:
            return KeywordScores(scores=self._scores(query), ids=self._ids, rows=self._rows)

    def _append(self, document_id: str, counts: Counter[str]) -> None:
        self._cached_norms = None
        self._forget_impacts()
        row = len(self._ids)
        self._ids.append(document_id)
        self._rows[document_id] = row
        length = float(counts.total())
        self._lengths.append(length)
        self._alive.append(1)
        self._live_length += length
        for word, count in counts.items():
            if (postings := self._postings.get(word)) is None:
                postings = self._postings[word] = (array("i"), array("H"))
            rows, frequencies = postings
            rows.append(row)
            frequencies.append(min(count, 65_535))

    def _remove(self, document_id: str) -> None:
        row = self._rows.pop(document_id, None)
        if row is not None:
            self._cached_norms = None
            self._forget_impacts()
            self._alive[row] = 0
            self._live_length -= self._lengths[row]

    def _give_rows_back(self) -> None:
        """Number the rows in use anew when too many are not. Scores that were asked for before keep
        the old numbers, which is why nothing is changed in place."""
        import numpy as np

        dead = len(self._ids) - len(self._rows)
        if dead <= max(MIN_DEAD_ROWS, len(self._rows)):
            return
        alive = np.frombuffer(bytes(self._alive), dtype=bool)
        place = np.cumsum(alive, dtype=np.int32) - 1
        kept = np.flatnonzero(alive).tolist()
        self._ids = [self._ids[row] for row in kept]
        self._rows = {document_id: row for row, document_id in enumerate(self._ids)}
        self._lengths = array("f", [self._lengths[row] for row in kept])
        self._live_length = float(sum(self._lengths))
        self._alive = bytearray(b"\1" * len(kept))
        postings: dict[str, tuple[array[int], array[int]]] = {}
        for word, (rows, frequencies) in self._postings.items():
            old = np.frombuffer(rows, dtype=np.int32)
            used = alive[old]
            if used.any():
                times = np.frombuffer(frequencies, dtype=np.uint16)[used]
                postings[word] = (
                    array("i", place[old[used]].tobytes()),
                    array("H", times.tobytes()),
                )
        self._postings = postings
        self._cached_norms = None
        self._forget_impacts()

    def _scores(self, query: str) -> NDArray[np.float32]:
        import numpy as np

        scores = np.zeros(len(self._ids), dtype=np.float32)
        live = len(self._rows)
        if live == 0:
            return scores
        norms = self._norms(live)
        ideal = 0.0
        for word in dict.fromkeys(words(query)[:MAX_QUERY_WORDS]):
            impacts = self._impacts_of(word, norms) if word in self._postings else None
            found = impacts.found if impacts else 0
            weight = float(np.log1p((live - found + 0.5) / (found + 0.5))) * (K1 + 1)
            ideal += weight
            if impacts:
                scores[impacts.at] += np.float32(weight) * impacts.values
        return scores / np.float32(ideal) if ideal else scores

    def _impacts_of(self, word: str, norms: NDArray[np.float32]) -> _Impacts:
        """A word's rows and saturated frequencies, kept until the next change."""
        if (known := self._impacts.get(word)) is None:
            known = self._new_impacts(word, norms)
            size = known.values.nbytes + (0 if isinstance(known.at, slice) else known.at.nbytes)
            if self._kept_bytes + size > MAX_KEPT_BYTES:
                self._forget_impacts()
            self._kept_bytes += size
            self._impacts[word] = known
        return known

    def _new_impacts(self, word: str, norms: NDArray[np.float32]) -> _Impacts:
        import numpy as np

        rows, frequencies = self._postings[word]
        # Copies, because an array that lends its buffer cannot grow.
        at = np.array(np.frombuffer(rows, dtype=np.int32))
        times = np.frombuffer(frequencies, dtype=np.uint16).astype(np.float32)
        if len(self._ids) > len(self._rows):
            used = np.frombuffer(bytes(self._alive), dtype=bool)[at]
            at, times = at[used], times[used]
        values = times / (times + norms[at])
        if len(at) < DENSE_SHARE * len(norms):
            return _Impacts(at, values, len(at))
        column = np.zeros(len(norms), dtype=np.float32)
        column[at] = values
        return _Impacts(EVERY_ROW, column, len(at))

    def _forget_impacts(self) -> None:
        self._impacts.clear()
        self._kept_bytes = 0

    def _norms(self, live: int) -> NDArray[np.float32]:
        """Each row's length normalisation, computed again only after a change."""
        import numpy as np

        if self._cached_norms is None:
            lengths = np.array(np.frombuffer(self._lengths, dtype=np.float32))
            mean = max(self._live_length / live, 1e-9)
            self._cached_norms = (K1 * (1 - B + B * lengths / mean)).astype(np.float32)
        return self._cached_norms


class Contents:
    """Words and facts of one collection; ``alone`` when no other process writes to it."""

    def __init__(
        self,
        documents: Documents,
        collection: Collection,
        *,
        fingerprint: str,
        dimension: int,
        alone: bool,
    ) -> None:
        self.words = KeywordIndex()
        self.facts = FactTable(collection.fields, dimension)
        self._documents, self._name = documents, collection.name
        self._fingerprint, self._alone = fingerprint, alone
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._read = threading.Event()
        self._closed = threading.Event()
        self._reader: threading.Thread | None = None
        self._changed: set[str] = set()
        self._changes = DocumentChanges(documents, collection.name, fingerprint)
        self._read_at = 0.0

    def start(self) -> None:
        """Begin to read in the background; calling again changes nothing."""
        with self._lock:
            if self._reader is None:
                self._reader = threading.Thread(
                    target=self._read_all, name=f"neonblue-read-{self._name}", daemon=True
                )
                self._reader.start()

    def close(self) -> None:
        """End the reading."""
        self._closed.set()
        if self._reader is not None:
            self._reader.join(10)

    def ready(self, patience_seconds: float = PATIENCE_SECONDS) -> bool:
        """Whether everything has been read; waits a little for the first reading."""
        self.start()
        if not self._read.wait(patience_seconds):
            return False
        if not self._alone and time.monotonic() - self._read_at > READ_SECONDS:
            self._read_new()
        return True

    def put(self, documents: Sequence[EmbeddedDocument]) -> None:
        """Documents that were just stored; no work before anything is read."""
        if self._reader is None:
            return
        with self._lock:
            self._note(item.document.document_id for item in documents)
            self._put(documents)

    def remove(self, document_ids: Sequence[str]) -> None:
        """Documents that were just erased."""
        if self._reader is None:
            return
        with self._lock:
            self._note(document_ids)
            self.words.remove(document_ids)
            self.facts.remove(document_ids)

    def _note(self, document_ids: Iterable[str]) -> None:
        if not self._read.is_set():
            self._changed.update(document_ids)

    def _read_all(self) -> None:
        try:
            # What others change while this reads is read again.
            self._changes.skip()
            for page in self._documents.embedded_pages(self._name, self._fingerprint):
                if self._closed.is_set():
                    return
                self._put_read(page)
            self._read_at = time.monotonic()
            self._read.set()
        except UnavailableError as error:
            logger.warning("words and facts of %s were not read: %s", self._name, error)
            self._reader = None  # the next search begins again
        finally:
            self._changed.clear()

    def _read_new(self) -> None:
        if not self._reading.acquire(blocking=False):
            return  # another search does it
        try:
            self._read_at = time.monotonic()
            names = [*self._changes.named()]
            for start in range(0, len(names), READ_BATCH):
                batch = names[start : start + READ_BATCH]
                self._put_read(self._documents.embedded(self._name, self._fingerprint, batch))
            self._changes.read()
        finally:
            self._reading.release()

    def _put_read(self, page: Sequence[EmbeddedDocument]) -> None:
        for start in range(0, len(page), PUT_BATCH):
            if self._closed.is_set():
                return
            with self._lock:
                # What changed meanwhile is newer than what was read.
                self._put(
                    [
                        item
                        for item in page[start : start + PUT_BATCH]
                        if item.document.document_id not in self._changed
                    ]
                )

    def _put(self, documents: Sequence[EmbeddedDocument]) -> None:
        self.words.add((item.document.document_id, item.document.text) for item in documents)
        self.facts.add(
            [
                Facts(
                    document_id=item.document.document_id,
                    metadata=item.document.metadata,
                    vector=item.vector,
                )
                for item in documents
            ]
        )
