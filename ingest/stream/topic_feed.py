"""Publishes what the database has to a Kafka topic, in order and at least once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neonblue.errors import UnavailableError
from neonblue.ingest.stream.feed import Feed, Message
from neonblue.ingest.stream.kafka import open_producer, start_client

if TYPE_CHECKING:
    from neonblue.settings import KafkaSettings
    from neonblue.stores.published_changes import PublishedChanges


class TopicFeed(Feed):
    """The way of rows to one topic; without Kafka or a topic nothing is sent."""

    def __init__(
        self, published: PublishedChanges, settings: KafkaSettings, topic: str | None
    ) -> None:
        super().__init__(published)
        self._settings = settings
        self._topic = topic or ""

    @property
    def is_on(self) -> bool:
        """Whether there is a topic to publish to."""
        return bool(self._settings.bootstrap_servers and self._topic)

    async def send(self, messages: Sequence[Message], seconds: float) -> None:
        """Send them in order. Raises ``UnavailableError`` when the broker does not take them."""
        from aiokafka.errors import KafkaError

        servers, topic = str(self._settings.bootstrap_servers), self._topic
        producer = open_producer(self._settings)
        try:
            async with asyncio.timeout(seconds):
                await start_client(producer, servers)
                for message in messages:
                    await producer.send_and_wait(
                        topic,
                        key=message.key.encode(),
                        value=message.value.encode(),
                        headers=[(name, value.encode()) for name, value in message.headers],
                    )
        except (KafkaError, TimeoutError) as error:
            raise UnavailableError(
                f"Kafka at {servers!r} did not take {self.what} for {topic!r} "
                f"({error or 'no answer in time'}): they are kept and sent later; check that the "
                "broker runs and has the topic, then `neonblue doctor`"
            ) from error
        finally:
            await producer.stop()
