"""The worker hands changed journeys over; when too many, ClickHouse says which go first."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from neonblue.ingest.stream import changed_journeys as module
from neonblue.ingest.stream import journey_index
from neonblue.ingest.stream.changed_journeys import ChangedJourneys
from neonblue.ingest.stream.journey_index import JourneyIndex
from neonblue.ingest.stream.record import LineRecord
from neonblue.ingest.stream.status import StatusBoard
from neonblue.ingest.stream.telemetry import Telemetry
from neonblue.memory.collections import USER_JOURNEYS
from neonblue.memory.library import Memory
from neonblue.stores import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def changed_journeys() -> ChangedJourneys:
    return ChangedJourneys()


@pytest.fixture
def index(
    store: Store, memory: Memory, changed_journeys: ChangedJourneys
) -> Iterator[JourneyIndex]:
    board = StatusBoard(store, Telemetry())
    opened = JourneyIndex(store, lambda: memory, board, changed_journeys=changed_journeys)
    yield opened
    opened.stop()


def test_the_latest_touch_of_each_unit_is_taken_once(changed_journeys: ChangedJourneys) -> None:
    changed_journeys.add(["ann", "bob"], NOW)
    changed_journeys.add(["ann"], NOW + timedelta(seconds=1))
    taken = changed_journeys.take(10)
    assert taken is not None
    assert {each.user_id: each.touched_at for each in taken} == {
        "ann": NOW + timedelta(seconds=1),
        "bob": NOW,
    }
    assert changed_journeys.take(10) == []


def test_too_many_are_left_to_clickhouse_and_memory_stays_bounded(
    changed_journeys: ChangedJourneys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 100)
    changed_journeys.add([f"u{number}" for number in range(60)], NOW)
    assert changed_journeys.take(50) is None
    changed_journeys.add([f"u{number}" for number in range(101)], NOW)
    assert not changed_journeys._at
    assert changed_journeys.take(500) is None
    assert changed_journeys.take(500) == []


async def test_what_the_pipeline_stored_is_searchable_and_marked(
    index: JourneyIndex,
    memory: Memory,
    changed_journeys: ChangedJourneys,
    store: Store,
    make_pipeline: Any,
    make_message: Any,
    eventually: Any,
) -> None:
    index.start()
    pipeline = make_pipeline(changed_journeys=changed_journeys)
    for number in range(5):
        record = LineRecord("events", 0, number, None, make_message(number, user_id="ann")[1])
        pipeline.write(pipeline.prepare([record]))

    def length() -> float:
        found = memory.live_index.get(USER_JOURNEYS, ["ann"])
        return float(str(found["ann"].metadata["journey_length"])) if found else 0.0

    await eventually(lambda: length() == 5)
    await eventually(lambda: store.journey_marks.backlog().indexed == 1)
    assert store.journey_marks.backlog().waiting == 0


def test_behind_it_goes_by_who_was_asked_for_and_the_newest(
    index: JourneyIndex,
    changed_journeys: ChangedJourneys,
    store: Store,
    make_pipeline: Any,
    make_message: Any,
) -> None:
    pipeline = make_pipeline(changed_journeys=changed_journeys)
    for number, user in enumerate(["first", "wanted", "later", "last"]):
        record = LineRecord("events", 0, number, None, make_message(number, user_id=user)[1])
        pipeline.write(pipeline.prepare([record]))
    store.journey_marks.asked(["wanted"])
    assert [each.user_id for each in index._next(2)] == ["wanted", "last"]


def test_known_texts_are_not_held_up_by_new_ones(
    index: JourneyIndex,
    memory: Memory,
    changed_journeys: ChangedJourneys,
    make_pipeline: Any,
    make_message: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journey_index, "AT_ONCE", 1)
    monkeypatch.setattr(journey_index, "EMBED_SECONDS", 0.0)
    pipeline = make_pipeline(changed_journeys=changed_journeys)

    def act(user: str, kind: str, number: int) -> None:
        message = make_message(number, user_id=user, event_type=kind, experiment_id="")[1]
        pipeline.write(pipeline.prepare([LineRecord("events", 0, number, None, message)]))

    act("ann", "search", 1)
    assert index._index(index._next(10), at_once=False) == 1
    for number, user in enumerate(["one", "two", "three"]):
        act(user, f"new_thing_{'abc'[number]}", number + 10)
    act("bob", "search", 20)
    assert index._index(index._next(10), at_once=False) == 2
    assert set(memory.live_index.get(USER_JOURNEYS, ["bob", "one", "two", "three"])) == {
        "bob",
        "three",
    }
    for newest in ("two", "one"):
        waiting = changed_journeys.take(10)
        assert waiting is not None
        assert index._index(waiting, at_once=False) == 1
        assert newest in memory.live_index.get(USER_JOURNEYS, [newest])
