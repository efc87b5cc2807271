"""The platform's road over Kafka: the topic of changes is read, that of events is written to."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from neonblue.demo.heard_changes import HeardChanges

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

Result = TypeVar("Result")

WAIT_SECONDS = 30.0


class KafkaRoad:
    """A consumer of ``experiment_changes`` from its beginning and a producer, in one thread."""

    def __init__(self) -> None:
        self._heard = HeardChanges()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._events = os.environ.get("KAFKA_EVENTS_TOPIC") or "experiments_events"
        self._producer, self._consumer = self._wait(self._open())
        self._listening = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)

    def changes(self) -> Sequence[Mapping[str, Any]]:
        """What was heard since the last call."""
        return self._heard.take()

    def send(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Handed to the producer, which sends in batches; keyed by visitor."""
        messages = [(one["user_id"].encode(), json.dumps(one).encode()) for one in events]
        self._wait(self._send(messages))

    def close(self) -> None:
        """Wait until what was sent is acknowledged."""
        self._listening.cancel()
        self._wait(self._producer.stop())
        self._wait(self._consumer.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _open(self) -> tuple[AIOKafkaProducer, AIOKafkaConsumer]:
        from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

        servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
        topic = os.environ.get("KAFKA_CHANGES_TOPIC") or "experiment_changes"
        producer = AIOKafkaProducer(bootstrap_servers=servers, linger_ms=50)
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=servers, auto_offset_reset="earliest", group_id=None
        )
        await producer.start()
        await consumer.start()
        return producer, consumer

    async def _listen(self) -> None:
        async for message in self._consumer:
            self._heard.add(json.loads(message.value))

    async def _send(self, messages: Sequence[tuple[bytes, bytes]]) -> None:
        for key, value in messages:
            await self._producer.send(self._events, value, key=key)

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS)
