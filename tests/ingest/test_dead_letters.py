"""Letters: one never stops the stream, none takes another's place."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from neonblue.ingest.stream.pipeline import Pipeline
from neonblue.ingest.stream.record import LineRecord, read_lines
from neonblue.stores import Store


async def test_without_a_dead_letter_topic_the_stream_goes_on(
    store: Store, topics: Any, make_message: Any, run_worker: Any, eventually: Any
) -> None:
    """ClickHouse has the letters; that they were not published is counted and said."""
    await only_events(topics)
    settings = topics.settings.model_copy(update={"dead_topic": "no topic, as the broker says!"})
    await topics.send([make_message(0), (b"k", b"rubbish"), make_message(1)])
    async with run_worker(store, settings) as worker:
        await eventually(lambda: worker._status.now.messages == 3)
        await topics.send([(b"k", b"more rubbish"), make_message(2)])
        await eventually(lambda: worker._status.now.messages == 5)
        await eventually(lambda: reported(store)["unpublished"] == {settings.dead_topic: 2})
        status = reported(store)
    assert await topics.committed() == 5
    assert store.events.count() == 3
    assert store.dead_letters.counts() == {"not_json": 2}
    assert settings.dead_topic in status["last_trouble"]


def reported(store: Store) -> Any:
    """What the worker says of itself in ``ingest://status``."""
    return store.ingest_workers.list()[0].status


async def only_events(topics: Any) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=topics.servers)
    await admin.start()
    await admin.create_topics([NewTopic(topics.settings.events_topic, 1, 1)])
    await admin.close()


async def test_a_letter_that_is_too_large_is_published_short_with_a_reference(
    store: Store, topics: Any, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker's refusal comes from the producer's own limit here: the same error."""
    from neonblue.ingest.stream import kafka
    from neonblue.ingest.stream.dead_letter_topic import DeadLetterTopic
    from neonblue.ingest.stream.status import StatusBoard
    from neonblue.ingest.stream.telemetry import Telemetry

    await topics.create()
    payloads = [b"small", b"x" * 200_000, b"small too"]
    records = [LineRecord("events", 0, n, b"k", each) for n, each in enumerate(payloads)]
    letters = pipeline.write(pipeline.prepare(records)).dead_letters
    producer = RefusingProducer(kafka.open_producer(topics.settings), most_bytes=50_000)
    board = StatusBoard(store, Telemetry())
    await producer.start()
    try:
        await DeadLetterTopic(topics.settings.dead_topic, board).publish(producer, letters)
    finally:
        await producer.stop()
    published = await topics.read(topics.settings.dead_topic, 3)
    assert sorted(len(each.value) for each in published) == [5, 9, 8192]
    (short,) = [dict(each.headers) for each in published if len(each.value) == 8192]
    assert short["truncated.from"] == b"200000"
    (whole,) = store.dead_letters.waiting(letter_ids=[short["letter.id"].decode()])
    assert whole.payload == payloads[1]
    assert board.now.unpublished == {}


class RefusingProducer:
    """A real producer before a broker that takes no batch above a size."""

    def __init__(self, producer: Any, *, most_bytes: int) -> None:
        self._producer, self._most_bytes = producer, most_bytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Any:
        from aiokafka.errors import MessageSizeTooLargeError

        if batch.size() <= self._most_bytes:
            return await self._producer.send_batch(batch, topic, partition=partition)
        refused: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        refused.set_exception(MessageSizeTooLargeError())
        return refused


def ids(store: Store) -> list[str]:
    return [letter.letter_id for letter in store.dead_letters.waiting()]


def read_file(pipeline: Pipeline, path: Path) -> None:
    with path.open("rb") as stream:
        for records in read_lines(stream, path.name, 100, 0, str(path)):
            pipeline.write(pipeline.prepare(records))


def test_files_of_one_name_keep_their_letters_apart(
    store: Store, pipeline: Pipeline, tmp_path: Path
) -> None:
    for folder, content in (("a", b"rubbish\n"), ("b", b"rubbish\n"), ("c", b"other\n")):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "events.jsonl"
        path.write_bytes(content)
        read_file(pipeline, path)
        read_file(pipeline, path)
    assert len(ids(store)) == 3


def test_a_topic_that_was_made_anew_keeps_letters_apart(store: Store, pipeline: Pipeline) -> None:
    from aiokafka import ConsumerRecord

    def sent(payload: bytes, timestamp: int) -> Any:
        return ConsumerRecord(
            topic="events",
            partition=0,
            offset=0,
            timestamp=timestamp,
            timestamp_type=0,
            key=None,
            value=payload,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=(),
        )

    for record in (sent(b"old", 1), sent(b"old", 1), sent(b"new", 9), sent(b"old", 9)):
        pipeline.write(pipeline.prepare([record]))
    assert len(ids(store)) == 3


def test_a_replayed_letter_keeps_its_identity(workspace: Any, tmp_path: Path) -> None:
    from neonblue.ingest.stream.service import open_pipeline
    from neonblue.jobs import find_job

    path = tmp_path / "events.jsonl"
    path.write_bytes(b"rubbish\n")
    read_file(open_pipeline(workspace.store, source="file"), path)
    before = ids(workspace.store)
    answer = find_job("dead-letters")(workspace, {"action": "replay"}, lambda *_: None)
    assert answer == {"replayed": 0, "still_waiting": 1}
    assert ids(workspace.store) == before


async def test_lag_is_measured_while_partitions_are_paused(
    store: Store,
    topics: Any,
    make_message: Any,
    make_pipeline: Any,
    run_worker: Any,
    eventually: Any,
) -> None:
    from neonblue.errors import UnavailableError

    await topics.create()
    settings = topics.settings.model_copy(update={"batch_records": 50})
    pipeline = make_pipeline(enricher=None)
    write, away = pipeline.write, [True]

    def interrupted(prepared: Any) -> Any:
        if away:
            raise UnavailableError("ClickHouse does not answer")
        return write(prepared)

    pipeline.write = interrupted
    await topics.send(make_message(number) for number in range(400))
    async with run_worker(store, settings, pipeline) as worker:
        name = f"{topics.settings.events_topic}:0"
        now = worker._status.now
        await eventually(lambda: now.paused and now.retries > 1 and now.held_up_since > 0)
        await topics.send(make_message(number) for number in range(400, 1000))
        # Tansu says where the last batch of a log begins: what lies before is certain.
        await eventually(lambda: worker._status.now.lag.get(name, 0) > 500)
        away.clear()
        await eventually(lambda: store.events.count() == 1000)
        await eventually(lambda: worker._status.now.held_up_since == 0)
