"""The whole service: worker and index together, parts that go away, metrics, vectors of events."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.services.chroma import Chroma, running

from neonblue.ingest.stream.service import IngestService
from neonblue.memory import flush, remote_pending
from neonblue.memory.collections import USER_JOURNEYS
from neonblue.memory.embedding import open_embedder
from neonblue.memory.library import Memory
from neonblue.memory.vector_index import IndexBrokenError
from neonblue.stores import Store


@pytest.fixture
def chroma(tmp_path: Path) -> Iterator[Chroma]:
    with running(tmp_path / "chroma") as server:
        yield server


@pytest.mark.timeout(240)
async def test_chroma_may_go_away_and_come_back(
    store: Store,
    chroma: Chroma,
    topics: Any,
    make_message: Any,
    eventually: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flush, "IDLE_SECONDS", 0.5)
    monkeypatch.setattr(remote_pending, "WINDOW_SECONDS", 1.0)
    memory = Memory(store.documents, open_embedder("minilm"), chroma.place).start()
    await topics.create()
    service = IngestService(store, topics.settings, lambda: memory).start()
    try:
        await topics.send(make_message(number) for number in range(50))
        await eventually(lambda: indexed(memory) == 17, timeout_seconds=60)
        await asyncio.to_thread(chroma.kill)
        await topics.send(
            make_message(number, user_id=f"late{number % 5}") for number in range(50, 100)
        )
        await eventually(lambda: store.events.count() == 100, timeout_seconds=60)
        await asyncio.to_thread(chroma.start)
        await eventually(lambda: indexed(memory) == 22, timeout_seconds=90)
    finally:
        started = time.monotonic()
        assert service.stop()
        assert time.monotonic() - started < 5
        memory.close()
    assert await topics.committed() == 100


def indexed(memory: Memory) -> int:
    """How many journeys Chroma itself has."""
    try:
        return len(memory.index.hashes(USER_JOURNEYS.name))
    except IndexBrokenError:  # a server that is away has none
        return 0


async def test_event_texts_get_their_vector_beside_the_stream(
    store: Store, tmp_path: Path, topics: Any, make_message: Any, eventually: Any
) -> None:
    enriched = f"enriched_{topics.name}"
    await topics.create(names=[enriched])
    settings = topics.settings.model_copy(update={"enriched_topic": enriched})
    memory = Memory(store.documents, open_embedder("minilm"), tmp_path / "chroma").start()
    service = IngestService(store, settings, lambda: memory).start()
    try:
        await topics.send([make_message(1)])
        (first,) = await topics.read(enriched, 1)
        text_hash = int(json.loads(first.value)["semantic_features"]["text_hash"])
        await eventually(lambda: service._vectors.get(text_hash) is not None)
        await topics.send([make_message(1, event_id="again")])
        _, second = await topics.read(enriched, 2)
    finally:
        service.stop()
        memory.close()
    assert json.loads(first.value)["semantic_features"]["embedding_vector"] is None
    vector = json.loads(second.value)["semantic_features"]["embedding_vector"]
    assert len(vector) == memory.embedder.dimension


def test_metrics_reach_opentelemetry(store: Store, make_message: Any) -> None:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from neonblue.ingest.stream.record import LineRecord
    from neonblue.ingest.stream.service import open_pipeline
    from neonblue.ingest.stream.status import StatusBoard
    from neonblue.ingest.stream.telemetry import Telemetry

    reader = InMemoryMetricReader()
    board = StatusBoard(store, Telemetry(MeterProvider([reader]).get_meter("test")))
    pipeline = open_pipeline(store, source="kafka")
    records = [LineRecord("e", 0, 0, None, make_message(1)[1]), LineRecord("e", 0, 1, None, b"x")]
    prepared = pipeline.prepare(records)
    board.delivered(prepared, pipeline.write(prepared))
    board.report({"events:0": 7})
    data = json.loads(reader.get_metrics_data().to_json())
    metrics = data["resource_metrics"][0]["scope_metrics"][0]["metrics"]
    values = {each["name"]: each["data"]["data_points"][0] for each in metrics}
    assert values["neonblue.ingest.messages"]["value"] == 2
    assert values["neonblue.ingest.events"]["value"] == 1
    assert values["neonblue.ingest.dead_letters"]["attributes"] == {"reason": "not_json"}
    assert values["neonblue.ingest.lag"]["value"] == 7
