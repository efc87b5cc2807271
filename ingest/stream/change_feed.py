"""Publishes every change of an experiment to Kafka, in order, at least once.

A change is in ClickHouse before anybody hears of it. What the topic has is a place in the order of
all changes; from there on everything is sent again, so a crash between sending and remembering
sends a change twice, under the same key. Without Kafka nothing is sent, and ``neonblue changes
--follow`` shows the same.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from neonblue.errors import UnavailableError
from neonblue.experiments.change_message import change_line, idempotency_key
from neonblue.ingest.stream.kafka import open_producer, start_client

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

    from neonblue.settings import KafkaSettings
    from neonblue.stores import Store
    from neonblue.stores.experiment_history import Change

BATCH = 200
LOOK_SECONDS = 3.0
MAX_WAIT_SECONDS = 60.0
SEND_SECONDS = 10.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """Whether the topic has every change: ``off`` without Kafka. ``detail`` says why not."""

    state: Literal["published", "pending", "off"]
    detail: str = ""


class ChangeFeed:
    """The way of changes to their topic, in the background and at once when asked."""

    def __init__(self, store: Store, settings: KafkaSettings) -> None:
        self._store = store
        self._settings = settings
        self._one_at_a_time = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> ChangeFeed:
        """Look for changes every few seconds from now on; without Kafka there is nothing to do."""
        if self._settings.bootstrap_servers and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="change-feed", daemon=True)
            self._thread.start()
        return self

    def close(self) -> None:
        """End the background work; what is not sent stays for the next process."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(SEND_SECONDS)

    def publish(self, *, seconds: float = SEND_SECONDS) -> Publishing:
        """Send what the topic does not have. The changes stand, whether or not this succeeds."""
        if not self._settings.bootstrap_servers:
            return Publishing(state="off", detail="Kafka is not configured")
        try:
            self.send_all(seconds=seconds)
        except UnavailableError as error:
            return Publishing(state="pending", detail=str(error))
        return Publishing(state="published")

    def send_all(self, *, seconds: float = SEND_SECONDS) -> int:
        """Send what the topic does not have; how many changes that were.

        Raises ``UnavailableError`` when Kafka is away or does not take them.
        """
        with self._one_at_a_time:
            sent = 0
            while changes := self._waiting():
                asyncio.run(self._send(changes, seconds))
                self._store.published_changes.mark(
                    self._settings.changes_topic, changes[-1].sequence
                )
                sent += len(changes)
            return sent

    def _waiting(self) -> tuple[Change, ...]:
        """What comes after the last change that was sent; history from before is no news."""
        history = self._store.experiment_history
        upto = self._store.published_changes.upto(self._settings.changes_topic)
        if history.last_sequence() <= upto:
            return ()
        return history.following(max(upto, history.last_sequence(action="migrated")), limit=BATCH)

    async def _send(self, changes: Sequence[Change], seconds: float) -> None:
        from aiokafka.errors import KafkaError

        servers, topic = str(self._settings.bootstrap_servers), self._settings.changes_topic
        producer = open_producer(self._settings)
        try:
            async with asyncio.timeout(seconds):
                await start_client(producer, servers)
                for change in changes:
                    await self._send_one(producer, topic, change)
        except (KafkaError, TimeoutError) as error:
            raise UnavailableError(
                f"Kafka at {servers!r} did not take changes for {topic!r} "
                f"({error or 'no answer in time'}): they are kept and sent later; check that the "
                "broker runs and has the topic, then `neonblue doctor`"
            ) from error
        finally:
            await producer.stop()

    async def _send_one(self, producer: AIOKafkaProducer, topic: str, change: Change) -> None:
        await producer.send_and_wait(
            topic,
            key=change.experiment.experiment_id.encode(),
            value=change_line(change).encode(),
            headers=[("idempotency-key", idempotency_key(change).encode())],
        )

    def _run(self) -> None:
        wait = LOOK_SECONDS
        while not self._closed.wait(wait):
            try:
                self.send_all()
                wait = LOOK_SECONDS
            except UnavailableError as error:
                if wait == LOOK_SECONDS:
                    logger.warning("changes of experiments wait to be published: %s", error)
                wait = min(2 * wait, MAX_WAIT_SECONDS)
