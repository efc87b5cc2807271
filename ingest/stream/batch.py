"""A batch on its way to rows, and what is taken out of it.

Rows that something fails for are found by halving. Users who were forgotten are left out: a
replayed topic must not bring them back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from neonblue.errors import UnavailableError
from neonblue.stores.forgotten import NEVER

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.ingest.messages.debezium import EventKey, TableChange
    from neonblue.ingest.stream.record import Record
    from neonblue.stores import Store
    from neonblue.stores.dead_letters import DeadLetter
    from neonblue.stores.forgotten import Forgotten

FORGOTTEN_USER = "forgotten_user"
# Messages that could not be read have no columns: the ids that they quote, as far as they do.
QUOTED_USER = re.compile(rb'"user_id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrichment:
    """Rows of ``enrichment_schema()``; row i belongs to row ``positions[i]`` of the events."""

    rows: pa.Table
    positions: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A batch ready to be written. Row i of ``events`` came from ``records[indices[i]]``.

    Of the events in ``moved`` only the rows with these keys stay. ``token`` tells the store that a
    batch is written again, because it was not seen whether it had gone in.
    """

    records: Sequence[Record]
    events: pa.Table
    indices: Sequence[int]
    enrichment: Enrichment | None
    deletions: tuple[EventKey, ...]
    moved: tuple[EventKey, ...]
    changes: tuple[tuple[Record, TableChange], ...]
    dead_letters: tuple[DeadLetter, ...]
    token: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a batch came to: rows stored, and letters including those that the store refused.

    ``kept`` is the batch as it was written: without users who were forgotten, of whom ``dropped``
    messages were left out.
    """

    events: int
    deletions: int
    definitions: int
    dead_letters: tuple[DeadLetter, ...]
    kept: Prepared
    dropped: int


def isolate(
    act: Callable[[pa.Table], object],
    rows: pa.Table,
    faults: tuple[type[Exception], ...] = (Exception,),
    *,
    blame: int | None = None,
) -> list[tuple[int, str]]:
    """Do something with all rows; when it fails, halve until the rows it fails for are known.

    Only ``faults`` are a row's; ``UnavailableError`` and running out of memory are nobody's and
    pass through. So does a refusal of the first ``blame`` rows tried while none was taken: then it
    is the table that fits nothing.
    """
    failed: list[tuple[int, str]] = []
    waiting = [(0, rows.num_rows)] if rows.num_rows else []
    taken = False
    while waiting:
        start, count = waiting.pop()
        try:
            act(rows.slice(start, count))
            taken = True
        except (UnavailableError, MemoryError):
            raise
        except faults as error:
            if count == 1:
                failed.append((start, f"{type(error).__name__}: {error}"[:500]))
                if blame is not None and len(failed) >= blame and not taken:
                    raise UnavailableError(
                        f"the first {blame} of {rows.num_rows} rows were refused one by one, as "
                        f"no fault of a row is ({error}): look at the table, nothing was lost"
                    ) from error
                continue
            half = count // 2
            waiting += [(start + half, count - half), (start, half)]
    return failed


def without_forgotten(prepared: Prepared, forgotten: Forgotten) -> tuple[Prepared, int]:
    """The batch without what is of forgotten users, and how many messages that leaves out."""
    if not forgotten.anybody():
        return prepared, 0
    events, kept = _events_kept(prepared.events, forgotten)
    letters = tuple(each for each in prepared.dead_letters if not _names_forgotten(each, forgotten))
    dropped = prepared.events.num_rows - len(kept) + len(prepared.dead_letters) - len(letters)
    if dropped == 0:
        return prepared, 0
    smaller = replace(
        prepared,
        events=events,
        indices=[prepared.indices[row] for row in kept],
        enrichment=_enrichment_of(prepared.enrichment, kept),
        dead_letters=letters,
    )
    return smaller, dropped


def forgotten_meanwhile(prepared: Prepared, store: Store) -> tuple[Prepared, int]:
    """Erase what was written of users who were forgotten while it was being written.

    Another process may forget somebody between the look at the tombstones, which are kept for a
    second, and the insert. So they are read again after it: a tombstone older than the insert is
    found here, and a younger one's deletion finds the rows. Returns the batch without them, and
    how many messages that leaves out.
    """
    store.forgotten.reread()
    kept, dropped = without_forgotten(prepared, store.forgotten)
    if dropped == 0:
        return prepared, 0
    users = set(prepared.events["user_id"].unique().to_pylist())
    for letter in prepared.dead_letters:
        users |= _users_of(letter)
    for user, accepted in store.forgotten.among(users).items():
        if accepted == NEVER:
            store.forgetting.erase(user)
    stay = set(_keys(kept.events))
    store.events.delete([key for key in _keys(prepared.events) if key not in stay])
    return kept, dropped


def _keys(events: pa.Table) -> list[tuple[str, str, str]]:
    names = ("experiment_id", "user_id", "event_id")
    return list(zip(*(events[name].to_pylist() for name in names), strict=True))


def _events_kept(events: pa.Table, forgotten: Forgotten) -> tuple[pa.Table, list[int]]:
    """The events that stay, and their rows."""
    import pyarrow as pa

    rows = list(range(events.num_rows))
    known = forgotten.among(events["user_id"].unique().to_pylist()) if rows else {}
    if not known:
        return events, rows
    users, times = events["user_id"].to_pylist(), events["timestamp"].to_pylist()
    kept = [row for row in rows if users[row] not in known or times[row] >= known[users[row]]]
    return events.take(pa.array(kept, pa.int64())), kept


def _enrichment_of(enrichment: Enrichment | None, kept: list[int]) -> Enrichment | None:
    import pyarrow as pa

    if enrichment is None:
        return None
    place = {row: number for number, row in enumerate(kept)}
    chosen = [number for number, position in enumerate(enrichment.positions) if position in place]
    return Enrichment(
        rows=enrichment.rows.take(pa.array(chosen, pa.int64())),
        positions=[place[enrichment.positions[number]] for number in chosen],
    )


def _names_forgotten(letter: DeadLetter, forgotten: Forgotten) -> bool:
    """Whether a message that cannot be used is of somebody whose events are not taken at all."""
    return any(accepted == NEVER for accepted in forgotten.among(_users_of(letter)).values())


def _users_of(letter: DeadLetter) -> set[str]:
    users = {letter.key.decode("utf-8", "replace")}
    users.update(_unquoted(found) for found in QUOTED_USER.findall(letter.payload))
    return users


def _unquoted(text: bytes) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text[1:-1].decode("utf-8", "replace")
