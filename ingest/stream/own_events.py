"""Events that this process makes itself, sent where events of the platform go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neonblue.errors import UnavailableError
from neonblue.ingest.stream.record import LineRecord

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

    from neonblue.ingest.stream.pipeline import Pipeline
    from neonblue.settings import KafkaSettings

SOURCE = "assignment"


class ToPipeline:
    """Sends messages through the worker's pipeline, in this process."""

    def __init__(self, pipeline: Pipeline, origin: str) -> None:
        self._pipeline = pipeline
        self._origin = origin
        self._sent = 0

    def __call__(self, messages: Sequence[bytes]) -> None:
        """Return when the messages are durable; what cannot be used is a dead letter."""
        records = [
            LineRecord(SOURCE, 0, self._sent + number, None, message, self._origin)
            for number, message in enumerate(messages)
        ]
        self._pipeline.write(self._pipeline.prepare(records))
        self._sent += len(messages)

    def close(self) -> None:
        """The pipeline holds nothing open."""


class ToKafka:
    """Publishes messages to the events topic; called from one thread, which has the connection."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._producer: AIOKafkaProducer | None = None

    def __call__(self, messages: Sequence[bytes]) -> None:
        """Return when the broker has the messages; ``UnavailableError`` when it does not answer."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._publish(messages))

    def close(self) -> None:
        """End the connection; after the thread that sends has ended."""
        if self._loop is not None:
            if self._producer is not None:
                self._loop.run_until_complete(self._producer.stop())
            self._loop.close()

    async def _publish(self, messages: Sequence[bytes]) -> None:
        from aiokafka.errors import KafkaError

        from neonblue.ingest.stream.kafka import open_producer, start_client

        if self._producer is None:
            producer = open_producer(self._settings)
            await start_client(producer, str(self._settings.bootstrap_servers))
            self._producer = producer
        topic = self._settings.events_topic
        try:
            sent = [await self._producer.send(topic, message) for message in messages]
            await asyncio.gather(*sent)
        except KafkaError as error:
            raise UnavailableError(
                f"exposures could not be published to {topic!r} ({error}): they are kept and "
                "tried again; check KAFKA_BOOTSTRAP_SERVERS and that the broker runs"
            ) from error
