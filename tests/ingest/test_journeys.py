"""Journeys follow their events into the index, once a distinct text, wanted ones first."""

from collections.abc import Callable
from typing import Any

import pytest

from neonblue.ingest.stream.journey_index import JourneyIndex
from neonblue.ingest.stream.pipeline import Pipeline
from neonblue.ingest.stream.record import LineRecord
from neonblue.ingest.stream.status import StatusBoard
from neonblue.ingest.stream.telemetry import Telemetry
from neonblue.memory.collections import USER_JOURNEYS
from neonblue.memory.library import Memory
from neonblue.stores import Store


@pytest.fixture
def index(store: Store, memory: Memory) -> JourneyIndex:
    return JourneyIndex(store, lambda: memory, StatusBoard(store, Telemetry()))


@pytest.fixture
def feed(pipeline: Pipeline, make_message: Any) -> Callable[..., None]:
    """Write events the way the worker does."""

    def write(*numbers: int, **changes: Any) -> None:
        records = [
            LineRecord("events", 0, number, None, make_message(number, **changes)[1])
            for number in numbers
        ]
        pipeline.write(pipeline.prepare(records))

    return write


def test_a_changed_journey_becomes_searchable(
    index: JourneyIndex, memory: Memory, feed: Any, eventually: Any
) -> None:
    feed(1, 2, 3, user_id="ann", event_type="add_to_cart")
    assert index.catch_up() == 1
    assert index.catch_up() == 0
    feed(4, user_id="ann", event_type="purchase")
    assert index.catch_up() == 1
    (document,) = memory.live_index.get(USER_JOURNEYS, ["ann"]).values()
    assert document.metadata["conversion_outcome"] == "converted"
    assert document.metadata["journey_length"] == 4
    assert "ann" not in document.text


def test_a_text_is_embedded_once(
    index: JourneyIndex, memory: Memory, store: Store, feed: Any
) -> None:
    feed(*range(40), event_type="page_view", experiment_id="")
    index.catch_up()
    again = JourneyIndex(store, lambda: memory, StatusBoard(store, Telemetry()))
    feed(*range(40), event_type="page_view", experiment_id="")
    again.catch_up()
    assert store.text_vectors.count(memory.embedder.fingerprint) == index.texts_embedded > 0
    assert again.texts_embedded == 0


def test_journeys_that_are_asked_for_go_first(index: JourneyIndex, store: Store, feed: Any) -> None:
    for number, user in enumerate(["first", "wanted", "last"]):
        feed(number, user_id=user)
    store.journey_marks.asked(["wanted"])
    assert [each.user_id for each in store.journey_marks.waiting(3)] == ["wanted", "last", "first"]
    index.catch_up(limit=1)
    assert [each.user_id for each in store.journey_marks.waiting(3)] == ["last", "first"]
    assert store.journey_marks.backlog().waiting == 2


def test_units_from_before_the_worker_can_be_marked(
    index: JourneyIndex, store: Store, feed: Any
) -> None:
    feed(1, 2, 3)
    store.database.command("TRUNCATE TABLE journey_marks")
    assert store.journey_marks.touch_all() == 3
    assert index.catch_up() == 3
    assert store.journey_marks.touch_all() == 0


def test_migrate_makes_the_journeys_that_are_there_searchable(
    workspace: Any, make_message: Any
) -> None:
    from neonblue.ingest.stream.service import open_pipeline
    from neonblue.jobs import find_job

    records = [LineRecord("events", 0, n, None, make_message(n)[1]) for n in range(40)]
    pipeline = open_pipeline(workspace.store, source="file")
    pipeline.write(pipeline.prepare(records))
    workspace.store.database.command("TRUNCATE TABLE journey_marks")
    job, steps = find_job("migrate"), []
    first = job(workspace, {}, lambda done, total, message: steps.append((done, total)))
    assert (first["journeys_indexed"], steps[-1]) == (17, (17, 17))
    assert job(workspace, {}, lambda *_: None)["journeys_indexed"] == 0
    assert workspace.store.documents.count("user_journeys") == 17
