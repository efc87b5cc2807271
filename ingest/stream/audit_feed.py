"""Copies the audit log to a Kafka topic: its head and count are kept where no local user writes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError, UnavailableError
from neonblue.ingest.stream.feed import BATCH, Batch, Message
from neonblue.ingest.stream.kafka import start_client
from neonblue.ingest.stream.kafka_security import security_options
from neonblue.ingest.stream.topic_feed import TopicFeed
from neonblue.stores.audit_copy import copy_line

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    from neonblue.settings import KafkaSettings
    from neonblue.stores import Store

QUIET_MS = 1_000
READ_SECONDS = 120.0


class AuditFeed(TopicFeed):
    """The way of audit entries to their topic: every writer's chain in its order."""

    name, what = "audit-feed", "entries of the audit log"

    def __init__(self, store: Store, settings: KafkaSettings) -> None:
        super().__init__(store.published_changes, settings, settings.audit_topic)
        self._entries = store.audit

    def waiting(self) -> Batch | None:
        """The entries of the first writer whose chain goes on after what was sent."""
        for writer, count in self._entries.counts().items():
            order = f"{self._topic} {writer}"
            upto = self._published.upto(order)
            if count <= upto:
                continue
            found = self._entries.following(writer, upto, limit=BATCH)
            messages = [Message(key=one.writer, value=copy_line(one)) for one in found]
            return Batch(messages=messages, order=order, upto=found[-1].sequence)
        return None


def read_audit_topic(settings: KafkaSettings) -> list[str]:
    """Every message of the audit topic, as text.

    Raises ``InvalidInputError`` where no topic is configured, ``UnavailableError`` when Kafka does
    not answer.
    """
    if not (settings.bootstrap_servers and settings.audit_topic):
        raise InvalidInputError(
            "there is no audit topic: set KAFKA_BOOTSTRAP_SERVERS and KAFKA_AUDIT_TOPIC"
        )
    return asyncio.run(_read(settings, settings.audit_topic))


async def _read(settings: KafkaSettings, topic: str) -> list[str]:
    from aiokafka import AIOKafkaConsumer, TopicPartition
    from aiokafka.errors import KafkaError

    servers = str(settings.bootstrap_servers)
    consumer = AIOKafkaConsumer(
        topic,
        **security_options(settings),
        bootstrap_servers=servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await start_client(consumer, servers)
    try:
        async with asyncio.timeout(READ_SECONDS):
            numbers = consumer.partitions_for_topic(topic) or set()
            ends = await consumer.end_offsets([TopicPartition(topic, one) for one in numbers])
            return await _until(consumer, ends)
    except (KafkaError, TimeoutError) as error:
        raise UnavailableError(
            f"the topic {topic!r} at {servers!r} cannot be read ({error or 'no answer in time'}): "
            "check that the broker runs and has the topic"
        ) from error
    finally:
        await consumer.stop()


async def _until(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> list[str]:
    """What lies before the ends, and what is quietly there after them."""
    found: list[str] = []
    while True:
        fetched = await consumer.getmany(timeout_ms=QUIET_MS)
        found += [message.value.decode() for part in fetched.values() for message in part]
        positions = [await consumer.position(one) >= end for one, end in ends.items()]
        if not fetched and all(positions):
            return found
