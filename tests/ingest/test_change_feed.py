"""Every change of an experiment reaches its topic in order, whatever happens to Kafka."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from neonblue.errors import UnavailableError
from neonblue.experiments.moves import MoveRequest, move
from neonblue.experiments.plans import Proposal, record_plan
from neonblue.ingest.stream.change_feed import ChangeFeed
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.settings import KafkaSettings
from neonblue.stores import Store

PLAN = Experiment(
    experiment_id="checkout",
    variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="short")),
    metrics=(MetricDefinition(name="bought", kind="proportion", event_type="purchase"),),
    status="draft",
)


def settings_of(topics: Any) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=topics.servers, changes_topic=f"changes_{topics.name}")


def create(store: Store) -> None:
    record_plan(store, Proposal(experiment=PLAN, origin="tool", actor="agent"))
    move(store, "checkout", MoveRequest(action="start"), actor="agent", reason="go")


async def test_changes_arrive_once_in_order_with_their_key(store: Store, topics: Any) -> None:
    settings = settings_of(topics)
    await topics.create(names=[settings.changes_topic])
    create(store)
    feed = ChangeFeed(store, settings)
    assert (await asyncio.to_thread(feed.publish)).state == "published"
    assert (await asyncio.to_thread(feed.publish)).state == "published"
    move(store, "checkout", MoveRequest(action="pause"), actor="ana")
    assert await asyncio.to_thread(feed.send_all) == 1
    found = await topics.read(settings.changes_topic, 3)
    contents = [json.loads(message.value) for message in found]
    assert [each["action"] for each in contents] == ["define", "start", "pause"]
    assert [each["status"] for each in contents] == ["draft", "running", "paused"]
    assert {message.key for message in found} == {b"checkout"}
    keys = [dict(message.headers)["idempotency-key"] for message in found]
    assert keys == [b"checkout:1", b"checkout:2", b"checkout:3"]
    assert contents[1]["experiment"]["variants"][1]["variant_id"] == "short"


async def test_a_crash_before_it_is_remembered_sends_again_under_the_same_key(
    store: Store, topics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(topics)
    await topics.create(names=[settings.changes_topic])
    create(store)

    def crash(*_: object) -> None:
        raise UnavailableError("the process died")

    with monkeypatch.context() as patched:
        patched.setattr(store.published_changes, "mark", crash)
        state = await asyncio.to_thread(ChangeFeed(store, settings).publish)
        assert state.state == "pending"
    assert (await asyncio.to_thread(ChangeFeed(store, settings).publish)).state == "published"
    found = await topics.read(settings.changes_topic, 4)
    keys = [dict(message.headers)["idempotency-key"] for message in found]
    assert keys == [b"checkout:1", b"checkout:2", b"checkout:1", b"checkout:2"]


async def test_kafka_away_leaves_the_change_pending_and_it_goes_out_later(
    store: Store, broker: Any
) -> None:
    settings = KafkaSettings(bootstrap_servers=broker.address, changes_topic="changes")
    broker.kill()
    create(store)
    feed = ChangeFeed(store, settings)
    waiting = await asyncio.to_thread(feed.publish, seconds=2.0)
    assert waiting.state == "pending"
    assert "KAFKA_BOOTSTRAP_SERVERS" in waiting.detail
    assert store.experiments.get("checkout").status == "running"
    broker.start()
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    await admin.create_topics([NewTopic("changes", 1, 1)])
    await admin.close()
    feed.start()
    async with asyncio.timeout(60):
        while store.published_changes.upto("changes") < 2:
            await asyncio.sleep(0.1)
    feed.close()


def test_without_kafka_nothing_is_sent_and_nothing_fails(store: Store) -> None:
    create(store)
    assert ChangeFeed(store, KafkaSettings()).publish().state == "off"


def test_what_was_there_before_the_history_is_no_news(store: Store) -> None:
    create(store)
    store.database.command(
        "ALTER TABLE experiment_history UPDATE action = 'migrated' WHERE 1 "
        "SETTINGS mutations_sync = 2"
    )
    store.experiments.save(replace(PLAN, name="new"))
    waiting = ChangeFeed(store, KafkaSettings(bootstrap_servers="x")).waiting()
    assert waiting is not None
    assert (len(waiting.messages), waiting.upto) == (1, 3)
