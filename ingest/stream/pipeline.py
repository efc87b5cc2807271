"""What happens to a batch of messages from any source: read, enriched, written, and what is left.

``prepare`` decides everything from the bytes; ``write`` makes it durable. A batch may be written
again after a crash at any point: events and enrichments are keyed by event, letters by where their
message stood and what it held, definition rows by their position, and deletions come after inserts.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from neonblue.errors import RefusedRowsError
from neonblue.ingest.messages.debezium import EventKey, Move, TableChange, read_change, read_move
from neonblue.ingest.messages.decode import DecodedBatch, EventDecoder
from neonblue.ingest.messages.envelope import is_service_topic
from neonblue.ingest.messages.event import RefusedError
from neonblue.ingest.stream.batch import (
    Enrichment,
    Prepared,
    Written,
    forgotten_meanwhile,
    isolate,
    without_forgotten,
)
from neonblue.ingest.stream.record import LineRecord, origin_of
from neonblue.stores.dead_letters import DeadLetter, letter_id

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.ingest.definitions.captured import Definitions
    from neonblue.ingest.stream.changed_journeys import ChangedJourneys
    from neonblue.ingest.stream.enrich import Enricher
    from neonblue.ingest.stream.record import Record
    from neonblue.stores import Store


# An update, in an envelope or in a row that was made flat.
UPDATE = re.compile(rb'"(?:op|__op)"\s*:\s*"u"')


# What an insert may raise for what a row holds: the engine's refusal, or Arrow's while casting.
CONTENT_FAULTS = (RefusedRowsError, ValueError, TypeError, OverflowError)
# So many refusals with no row taken in between are not the rows' fault.
ENOUGH_REFUSED = 50


class Pipeline:
    """Messages in, rows out, for Kafka, files, stdin and replayed letters alike.

    ``source`` is kept with every row. Without an ``enricher`` events are stored as they came.
    ``changed_journeys`` is told whose journeys have changed.
    """

    def __init__(
        self,
        store: Store,
        definitions: Definitions,
        *,
        source: str,
        enricher: Enricher | None,
        changed_journeys: ChangedJourneys | None = None,
    ) -> None:
        self._changed_journeys = changed_journeys
        self._store = store
        self._definitions = definitions
        self._decoder = EventDecoder(source)
        self._enricher = enricher
        self._recall = threading.Event()

    def recall_before_next(self) -> None:
        """Read what units did lately from ClickHouse before the next batch; from any thread."""
        self._recall.set()

    def prepare(self, records: Sequence[Record]) -> Prepared:
        """Decode, validate and enrich; never raises for what a message holds.

        ``UnavailableError`` when units are to be recalled and the store is away.
        """
        self._recall_if_due()
        decoded = self._decoder.decode(_values(records))
        changes, deletions, letters = self._leftovers(records, decoded)
        moves = _moves(records, decoded.indices)
        events, indices, gone, moved = _last_word(decoded, deletions, moves)
        enrichment, poison = self._enrich(events)
        letters += [_letter(records[indices[row]], "enrichment_failed", why) for row, why in poison]
        return Prepared(
            records=records,
            events=events,
            indices=indices,
            enrichment=enrichment,
            deletions=gone,
            moved=moved,
            changes=tuple(changes),
            dead_letters=tuple(letters),
        )

    def _recall_if_due(self) -> None:
        if self._enricher is None or not self._recall.is_set():
            return
        # First: an assignment that comes while ClickHouse answers asks for another recall.
        self._recall.clear()
        try:
            self._enricher.recall(self._store)
        except BaseException:
            # Also when the worker is told to stop: the units are not recalled yet.
            self._recall.set()
            raise

    def write(self, prepared: Prepared) -> Written:
        """Make a batch durable; raises ``UnavailableError`` when the store is away.

        In this process nobody can be forgotten between the look and the inserts: both need the
        writer's lock. Another process can, so afterwards it is looked again.
        """
        with self._store.database.writing():
            kept, dropped = without_forgotten(prepared, self._store.forgotten)
            written = self._write(kept, dropped)
            whole = replace(kept, dead_letters=written.dead_letters)
            kept, more = forgotten_meanwhile(whole, self._store)
        if more == 0:
            return written
        gone = whole.events.num_rows - kept.events.num_rows
        return replace(
            written,
            events=written.events - gone,
            dead_letters=kept.dead_letters,
            kept=kept,
            dropped=dropped + more,
        )

    def _write(self, prepared: Prepared, dropped: int) -> Written:
        refused = self._insert(prepared)
        unenriched = self._insert_enrichment(prepared)
        self._store.events.delete(prepared.deletions)
        self._store.events.delete_moved(prepared.moved)
        self._touch(prepared.events)
        defined, unusable = self._define(prepared)
        if defined and self._enricher is not None:
            self._enricher.reread_kinds()
        letters = [
            *prepared.dead_letters,
            *refused,
            *unenriched,
            *(
                _letter(prepared.changes[number][0], "bad_definition", why)
                for number, why in unusable
            ),
        ]
        self._store.dead_letters.save(letters)
        return Written(
            events=prepared.events.num_rows - len(refused),
            deletions=len(prepared.deletions),
            definitions=defined,
            dead_letters=tuple(letters),
            kept=prepared,
            dropped=dropped,
        )

    def _define(self, prepared: Prepared) -> tuple[int, list[tuple[int, str]]]:
        if not prepared.changes:
            return 0, []
        return self._definitions.apply([change for _, change in prepared.changes])

    def _touch(self, events: pa.Table) -> None:
        if events.num_rows == 0:
            return
        users = events["user_id"].unique()
        at = self._store.journey_marks.touch(users)
        if self._changed_journeys is not None:
            self._changed_journeys.add(users.to_pylist(), at)

    def _leftovers(
        self, records: Sequence[Record], decoded: DecodedBatch
    ) -> tuple[list[tuple[Record, TableChange]], list[tuple[int, EventKey]], list[DeadLetter]]:
        """What the event decoder skipped or refused: changes of tables, deletions, dead letters."""
        changes: list[tuple[Record, TableChange]] = []
        deletions: list[tuple[int, EventKey]] = []
        letters: list[DeadLetter] = []
        refused = {rejection.index: rejection for rejection in decoded.rejections}
        for index in _missing(len(records), decoded.indices):
            record = records[index]
            if record.value is None or is_service_topic(record.topic):
                continue
            try:
                change = read_change(record.value, record.topic)
            except RefusedError as error:
                letters.append(_letter(record, "bad_definition", error.detail))
                continue
            if isinstance(change, TableChange):
                changes.append((record, change))
            elif isinstance(change, EventKey):
                deletions.append((index, change))
            elif (rejection := refused.get(index)) is not None:
                letters.append(_letter(record, rejection.reason, rejection.detail))
        return changes, deletions, letters

    def _enrich(self, events: pa.Table) -> tuple[Enrichment | None, list[tuple[int, str]]]:
        if self._enricher is None or events.num_rows == 0:
            return None, []
        return self._enricher.enrich(events)

    def _insert(self, prepared: Prepared) -> list[DeadLetter]:
        """Store the events; what the store refuses for its content is narrowed down to rows."""

        def insert(rows: pa.Table) -> None:
            whole = rows.num_rows == prepared.events.num_rows
            self._store.events.insert(rows, token=prepared.token if whole else None)

        return [
            _letter(prepared.records[prepared.indices[row]], "refused_by_store", why)
            for row, why in isolate(insert, prepared.events, CONTENT_FAULTS, blame=ENOUGH_REFUSED)
        ]

    def _insert_enrichment(self, prepared: Prepared) -> list[DeadLetter]:
        enrichment = prepared.enrichment
        if enrichment is None:
            return []
        refused = isolate(
            self._store.enrichments.insert, enrichment.rows, CONTENT_FAULTS, blame=ENOUGH_REFUSED
        )
        return [
            _letter(
                prepared.records[prepared.indices[enrichment.positions[row]]],
                "enrichment_failed",
                why,
            )
            for row, why in refused
        ]


def _missing(count: int, indices: Sequence[int]) -> list[int]:
    if len(indices) == count:
        return []
    present = set(indices)
    return [index for index in range(count) if index not in present]


def _values(records: Sequence[Record]) -> list[bytes | None]:
    """What the messages hold; those of Debezium's own topics are about no row."""
    own = {topic for topic in {record.topic for record in records} if is_service_topic(topic)}
    if not own:
        return [record.value for record in records]
    return [None if record.topic in own else record.value for record in records]


def _moves(records: Sequence[Record], indices: Sequence[int]) -> list[tuple[int, Move]]:
    """What updates among the events left behind, by message."""
    found = []
    for index in indices:
        value = records[index].value
        if value is not None and b'"u"' in value and UPDATE.search(value):
            move = read_move(value)
            if move is not None:
                found.append((index, move))
    return found


def _last_word(
    decoded: DecodedBatch,
    deletions: Sequence[tuple[int, EventKey]],
    moves: Sequence[tuple[int, Move]],
) -> tuple[pa.Table, Sequence[int], tuple[EventKey, ...], tuple[EventKey, ...]]:
    """Leave out events that the same batch deletes or moves later, and deletions that it undoes.

    With them the deletions that are left, and the keys that events whose key may have moved have
    now.
    """
    if not deletions and not moves:
        return decoded.events, decoded.indices, (), ()
    import pyarrow as pa

    columns = [decoded.events[name].to_pylist() for name in EventKey._fields]
    keys = [EventKey(*values) for values in zip(*columns, strict=True)]
    gone: dict[EventKey, int] = {key: index for index, key in deletions}
    for index, move in moves:
        if move.gone is not None:
            gone[move.gone] = max(index, gone.get(move.gone, -1))
    settled = {move.stays.event_id: (index, move.stays) for index, move in moves if move.stays}
    rows = []
    for row, (key, index) in enumerate(zip(keys, decoded.indices, strict=True)):
        id_only = EventKey("", "", key.event_id)
        moved_at, stays = settled.get(key.event_id, (-1, key))
        left_behind = index < moved_at and key != stays
        if index > max(gone.get(key, -1), gone.get(id_only, -1)) and not left_behind:
            rows.append(row)
            gone.pop(key, None)
            gone.pop(id_only, None)
    moved = tuple(stays for _, stays in settled.values())
    moved += tuple(key for key in (keys[row] for row in rows) if key.event_id in settled)
    table = decoded.events.take(pa.array(rows, pa.int64()))
    return table, [decoded.indices[row] for row in rows], tuple(gone), tuple(dict.fromkeys(moved))


def _letter(record: Record, reason: str, detail: str) -> DeadLetter:
    key, payload = record.key or b"", record.value or b""
    known = record.letter_id if isinstance(record, LineRecord) else ""
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=key,
        payload=payload,
        reason=reason,
        detail=detail,
        letter_id=known
        or letter_id(
            record.topic,
            record.partition,
            record.offset,
            origin=origin_of(record),
            key=key,
            payload=payload,
        ),
    )
