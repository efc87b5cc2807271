"""Parts that go away and come back, replays, rebalances: no number changes, nothing is lost."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from neonblue.errors import UnavailableError
from neonblue.ingest.stream.batch import Prepared, Written
from neonblue.ingest.stream.pipeline import Pipeline
from neonblue.settings import KafkaSettings
from neonblue.stores import Store

Tables = tuple[list[tuple[Any, ...]], ...]


class Interrupted(Pipeline):
    """The real pipeline, whose store is away for as long as a test says."""

    away = False
    attempts = 0

    def write(self, prepared: Prepared) -> Written:
        self.attempts += 1
        if self.away:
            raise UnavailableError("ClickHouse does not answer")
        return super().write(prepared)


def tables(store: Store) -> Tables:
    """Everything that a replay must not change."""
    queries = (
        "SELECT variant_id, event_type, count(), sum(value) FROM events FINAL GROUP BY 1, 2",
        "SELECT * EXCEPT (enriched_at, precedence) FROM event_enrichments FINAL ORDER BY event_id",
        "SELECT letter_id, reason, base64Encode(payload) FROM dead_letters FINAL ORDER BY 1",
    )
    return tuple(sorted(store.database.rows(query)) for query in queries)


async def test_a_replayed_topic_changes_nothing(
    store: Store, topics: Any, make_message: Any, run_worker: Any, eventually: Any
) -> None:
    await topics.create(partitions=2)
    await topics.send([make_message(number) for number in range(400)] + [(b"k", b"rubbish")])
    async with run_worker(store, topics.settings):
        await eventually(lambda: store.events.count() == 400)
    before = tables(store)
    again = topics.settings.model_copy(update={"group_id": f"{topics.settings.group_id}-again"})
    async with run_worker(store, again) as worker:
        await eventually(lambda: worker._status.now.messages == 401)
    assert tables(store) == before


async def test_while_clickhouse_is_away_nothing_is_committed_and_nothing_grows(
    store: Store, topics: Any, make_message: Any, run_worker: Any, eventually: Any
) -> None:
    from neonblue.ingest.definitions.captured import Definitions

    await topics.create()
    settings = topics.settings.model_copy(update={"batch_records": 100})
    pipeline = Interrupted(store, Definitions(store), source="kafka", enricher=None)
    pipeline.away = True
    await topics.send(make_message(number) for number in range(2000))
    async with run_worker(store, settings, pipeline) as worker:
        await eventually(lambda: pipeline.attempts > 2 and worker._status.now.paused)
        assert worker._queue.qsize() <= 2
        assert await topics.committed() == 0
        pipeline.away = False
        await eventually(lambda: store.events.count() == 2000)
    assert await topics.committed() == 2000


async def test_stopping_while_clickhouse_is_away_takes_less_than_five_seconds(
    store: Store, topics: Any, make_message: Any, run_worker: Any, eventually: Any
) -> None:
    from neonblue.ingest.definitions.captured import Definitions

    await topics.create()
    await topics.send(make_message(number) for number in range(100))
    pipeline = Interrupted(store, Definitions(store), source="kafka", enricher=None)
    pipeline.away = True
    async with run_worker(store, topics.settings, pipeline):
        await eventually(lambda: pipeline.attempts > 0)
        asked = time.monotonic()
    assert time.monotonic() - asked < 5
    assert await topics.committed() == 0


async def test_two_workers_share_the_partitions_and_one_takes_over(
    store: Store, topics: Any, make_message: Any, run_worker: Any, eventually: Any
) -> None:
    await topics.create(partitions=4)
    # Long enough that a busy machine does not put a member out of the group meanwhile.
    settings = topics.settings.model_copy(update={"session_timeout_ms": 10_000})
    async with run_worker(store, settings) as first:
        await topics.send(make_message(number) for number in range(300))
        await eventually(lambda: first._status.now.messages == 300)
        async with run_worker(store, settings) as second:
            both = first._status.now, second._status.now
            await eventually(
                lambda: [len(each.partitions) for each in both] == [2, 2], timeout_seconds=90
            )
            await topics.send(make_message(number) for number in range(300, 900))
            await eventually(lambda: sum(each.messages for each in both) >= 900)
            assert both[0].messages > 300
            assert both[1].messages > 0
        await topics.send(make_message(number) for number in range(900, 1200))
        await eventually(lambda: store.events.count() == 1200)
    assert store.database.rows("SELECT sum(value) FROM events FINAL") == [
        (float(sum(number % 50 for number in range(1200))),)
    ]


async def test_a_broker_that_comes_back_empty_is_read_from_the_beginning(
    store: Store, broker: Any, make_message: Any, run_worker: Any, eventually: Any
) -> None:
    """The committed offset then lies past the end of the log, which Kafka does not report."""
    settings = KafkaSettings(
        bootstrap_servers=broker.address, events_topic="events", session_timeout_ms=1000
    )
    await fill(broker, [make_message(number) for number in range(100)])
    async with run_worker(store, settings) as worker:
        await eventually(lambda: worker._status.now.messages == 100)  # they are committed
        broker.kill()
        broker.start()
        await fill(broker, [make_message(number) for number in range(50, 130)])
        await eventually(lambda: store.events.count() == 130, timeout_seconds=60)


async def fill(broker: Any, messages: list[tuple[bytes, bytes]]) -> None:
    from benchmarks.ingest_throughput import create
    from benchmarks.ingest_throughput import fill as put

    await create(broker.address, ["events", "experiments_events_dead"])
    await put(broker.address, "events", messages)


async def test_poison_in_enrichment_is_stored_and_set_aside(
    store: Store, topics: Any, make_message: Any, run_worker: Any, eventually: Any
) -> None:
    from neonblue.behavior.event_kinds import LEAVE
    from neonblue.ingest.definitions.captured import Definitions
    from neonblue.ingest.stream.activity import Features
    from neonblue.ingest.stream.enrich import Enricher
    from neonblue.ingest.stream.scorer import RuleScorer, Scores

    class Picky(RuleScorer):
        def score(self, features: Features) -> Scores:
            if (features.kinds == LEAVE).any():
                raise ZeroDivisionError("poison")
            return super().score(features)

    await topics.create()
    messages = [make_message(number) for number in range(50)]
    messages[9] = make_message(9, event_type="unsubscribe")
    await topics.send(messages)
    pipeline = Pipeline(store, Definitions(store), source="kafka", enricher=Enricher(Picky()))
    async with run_worker(store, topics.settings, pipeline):
        await eventually(lambda: store.events.count() == 50)
        await eventually(lambda: store.dead_letters.counts() == {"enrichment_failed": 1})
    (letter,) = store.dead_letters.waiting()
    assert (letter.offset, letter.payload) == (9, messages[9][1])
    assert store.enrichments.count() == 49


BAD: dict[str, bytes] = {
    "not_utf8": b'{"event_id": "\xff\xfe"}',
    "not_json": b'{"event_id": "e1",',
    "not_an_object": b"[1, 2]",
    "missing_field": b'{"event_id": "e1"}',
    "too_deep": b'{"properties": ' * 5000 + b"1" + b"}" * 5000,
    "too_large": b'{"event_id": "' + b"x" * 600_000 + b'"}',
}
BAD_CHANGES: dict[str, dict[str, Any]] = {
    "wrong_type": {"value": "a lot"},
    "bad_timestamp": {"timestamp": "yesterday"},
    "timestamp_out_of_range": {"timestamp": "2199-01-01T00:00:00Z"},
    "nul_byte": {"user_id": "u\0"},
    "empty_field": {"user_id": ""},
}


async def test_every_kind_of_bad_message_is_set_aside_and_the_worker_goes_on(
    store: Store, topics: Any, make_message: Any, run_worker: Any, eventually: Any
) -> None:
    await topics.create()
    bad = {**BAD, **{why: make_message(1, **change)[1] for why, change in BAD_CHANGES.items()}}
    good = json.loads(make_message(5)[1])
    bad["duplicate_key"] = json.dumps(good).encode()[:-1] + b', "user_id": "somebody else"}'
    for number, payload in enumerate(bad.values()):
        await topics.send([make_message(number + 100), (b"k", payload)])
    async with run_worker(store, topics.settings):
        await eventually(lambda: store.events.count() == len(bad))
        published = await topics.read(topics.settings.dead_topic, len(bad))
    assert store.dead_letters.counts() == dict.fromkeys(sorted(bad), 1)
    kept = {letter.reason: letter.payload for letter in store.dead_letters.waiting()}
    assert kept == bad
    assert {message.value for message in published} == set(bad.values())


def test_letters_are_replayed_once_what_was_wrong_is_mended(
    workspace: Any, make_event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neonblue.ingest.messages import decode
    from neonblue.ingest.stream.record import LineRecord
    from neonblue.ingest.stream.service import open_pipeline
    from neonblue.jobs import find_job

    store, job = workspace.store, find_job("dead-letters")
    silent: Callable[..., None] = lambda *_: None  # noqa: E731
    big = json.dumps(make_event(1, properties={"page": "x" * 3000})).encode()
    records = [LineRecord("events", 0, 0, None, big), LineRecord("events", 0, 1, None, b"rubbish")]
    monkeypatch.setattr(decode, "MAX_MESSAGE_BYTES", 1000)
    pipeline = open_pipeline(store, source="kafka")
    pipeline.write(pipeline.prepare(records))
    listed = job(workspace, {"action": "list"}, silent)
    assert listed["waiting"] == {"not_json": 1, "too_large": 1}
    monkeypatch.undo()
    assert job(workspace, {"action": "replay"}, silent) == {"replayed": 1, "still_waiting": 1}
    assert store.events.count() == 1
    assert store.dead_letters.counts() == {"not_json": 1}
