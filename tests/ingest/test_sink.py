"""Rows wait for a full batch, are durable after a flush, and are kept when an insert fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from neonblue.errors import UnavailableError
from neonblue.ingest.decode import EventDecoder
from neonblue.ingest.sink import EventSink
from neonblue.stores import Store, open_store

LINE = (
    b'{"event_id":"%d","user_id":"u","experiment_id":"","event_type":"view",'
    b'"timestamp":"2026-01-01T00:00:00Z"}'
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"chdb://{tmp_path / 'clickhouse'}")
    yield opened
    opened.close()


def test_rows_are_inserted_when_a_batch_is_full_or_flushed(store: Store) -> None:
    sink = EventSink(store, batch_rows=3)
    events = EventDecoder("test").decode([LINE % i for i in range(2)]).events
    assert (sink.add(events), sink.waiting) == (0, 2)
    assert sink.add(events) == 4
    assert sink.add(EventDecoder("test").decode([LINE % 7]).events) == 0
    assert sink.flush() == 1
    assert (sink.written, sink.waiting, store.events.count()) == (5, 0, 3)


def test_rows_are_kept_when_the_store_is_away(store: Store) -> None:
    sink = EventSink(store)
    sink.add(EventDecoder("test").decode([LINE % 1]).events)
    store.close()
    with pytest.raises(UnavailableError):
        sink.flush()
    assert sink.waiting == 1
