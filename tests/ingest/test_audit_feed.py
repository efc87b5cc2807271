"""The audit log reaches its topic in order, and the topic shows what was done to the log."""

import asyncio
from typing import Any

import pytest

from neonblue.errors import InvalidInputError, UnavailableError
from neonblue.ingest.stream.audit_feed import AuditFeed, read_audit_topic
from neonblue.settings import KafkaSettings
from neonblue.stores import Store
from neonblue.stores.audit_copy import copy_faults, missing_from, read_copy


def log(store: Store, number: int) -> None:
    store.audit.append("refused", experiment_id="e", actor="agent ü\n", content={"number": number})


async def test_entries_arrive_and_hold_the_log_to_what_it_was(store: Store, topics: Any) -> None:
    settings = KafkaSettings(bootstrap_servers=topics.servers, audit_topic=f"a_{topics.name}")
    await topics.create(names=[settings.audit_topic])
    feed = AuditFeed(store, settings)
    for number in range(3):
        log(store, number)
    assert (await asyncio.to_thread(feed.publish)).state == "published"
    log(store, 3)
    assert await asyncio.to_thread(feed.send_all) == 1
    assert await asyncio.to_thread(feed.send_all) == 0
    copy = read_copy(await asyncio.to_thread(read_audit_topic, settings))
    assert copy == store.audit.all()
    assert copy_faults(copy) == missing_from(store.audit.all(), copy) == []
    store.database.command(
        "ALTER TABLE audit_log DELETE WHERE sequence = 4 SETTINGS mutations_sync = 2"
    )
    (fault,) = missing_from(store.audit.all(), copy)
    assert fault.endswith("of the copy is missing in the log")


async def test_kafka_away_keeps_the_entries_for_later(store: Store, broker: Any) -> None:
    settings = KafkaSettings(bootstrap_servers=broker.address, audit_topic="audit")
    broker.kill()
    log(store, 1)
    found = await asyncio.to_thread(AuditFeed(store, settings).publish, seconds=2)
    assert found.state == "pending"
    assert "neonblue doctor" in found.detail
    with pytest.raises(UnavailableError):
        await asyncio.to_thread(read_audit_topic, settings)


def test_without_a_topic_nothing_is_published(store: Store) -> None:
    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    log(store, 1)
    assert AuditFeed(store, settings).publish().state == "off"
    with pytest.raises(InvalidInputError, match="KAFKA_AUDIT_TOPIC"):
        read_audit_topic(settings)
