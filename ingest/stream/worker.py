"""The Kafka worker: gather, prepare, write, publish, commit, each batch in order.

    fetch ──gather──▶ prepare (thread) ──▶ queue of 2 ──▶ write (thread) ──▶ publish ──▶ commit

Offsets are committed only after ClickHouse has the batch. Whatever goes away (broker, ClickHouse),
the batch stays and is tried again; meanwhile the queue is full, the partitions are paused and
memory stays where it is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from neonblue.errors import UnavailableError
from neonblue.ingest.stream.dead_letter_topic import DeadLetterTopic
from neonblue.ingest.stream.event_vectors import EventVectors
from neonblue.ingest.stream.kafka import (
    lag,
    open_consumer,
    open_producer,
    publish,
    rewind_lost,
    source_topics,
    start_client,
)
from neonblue.ingest.stream.outgoing import enriched_messages
from neonblue.ingest.stream.rebalance import Rebalance

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

    from neonblue.ingest.stream.batch import Prepared, Written
    from neonblue.ingest.stream.pipeline import Pipeline
    from neonblue.ingest.stream.record import Outgoing, Record
    from neonblue.ingest.stream.status import StatusBoard
    from neonblue.settings import KafkaSettings

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.25
CATCHING_UP_SECONDS = 1.0
QUEUED_BATCHES = 2
# A batch of huge messages closes early: with what is queued, a few times this is held at most.
BATCH_BYTES = 32 << 20
DRAIN_SECONDS = 3.0
FIRST_RETRY_SECONDS = 0.1
LONGEST_RETRY_SECONDS = 5.0
Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Prepared rows and the offsets to commit once they are written."""

    prepared: Prepared
    offsets: Mapping[TopicPartition, int]


class Worker:
    """One member of the consumer group. ``run`` returns when ``stop`` was asked for and drained."""

    def __init__(
        self,
        settings: KafkaSettings,
        pipeline: Pipeline,
        status: StatusBoard,
        vectors: EventVectors | None = None,
    ) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._status = status
        self._vectors = vectors or EventVectors()
        self._dead_letters = DeadLetterTopic(settings.dead_topic, status)
        self._stopping = asyncio.Event()
        self._queue: asyncio.Queue[Batch] = asyncio.Queue(maxsize=QUEUED_BATCHES)

    def stop(self) -> None:
        """Ask the worker to finish what it holds and leave; safe in a signal handler."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until ``stop``; raises ``UnavailableError`` when Kafka is not there at the start."""
        servers = str(self._settings.bootstrap_servers)
        consumer, producer = open_consumer(self._settings), open_producer(self._settings)
        await start_client(consumer, servers)
        try:
            await start_client(producer, servers)
            try:
                await self._work(consumer, producer)
            finally:
                await producer.stop()
        finally:
            await consumer.stop()
            self._status.left()

    async def _work(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
        listener = Rebalance(
            drain=lambda: self._drained(DRAIN_SECONDS),
            assigned=lambda partitions: self._assigned(consumer, partitions),
        )
        consumer.subscribe(topics=source_topics(self._settings), listener=listener)
        delivery = asyncio.create_task(self._deliver(consumer, producer))
        reporting = asyncio.create_task(self._report(consumer))
        try:
            await self._fetch(consumer, delivery)
            await self._drained(DRAIN_SECONDS)
        finally:
            for task in (delivery, reporting):
                task.cancel()
            await asyncio.gather(delivery, reporting, return_exceptions=True)

    async def _assigned(
        self, consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
    ) -> None:
        """Said even where the offsets cannot be compared: the partitions are ours all the same.

        Their units were another worker's until now: what they did meanwhile is in ClickHouse.
        """
        self._status.assigned(map(_name, consumer.assignment()))
        self._pipeline.recall_before_next()
        await rewind_lost(consumer, self._settings, partitions)

    async def _fetch(self, consumer: AIOKafkaConsumer, delivery: asyncio.Task[None]) -> None:
        while not self._stopping.is_set():
            if delivery.done():
                delivery.result()
            records, offsets = await self._gather(consumer)
            if not records:
                continue
            prepared = await self._prepare(records)
            if prepared is None:
                break
            await self._hand_over(consumer, Batch(prepared=prepared, offsets=offsets), delivery)

    async def _prepare(self, records: Sequence[Record]) -> Prepared | None:
        """A batch made ready, whatever that takes; None when the worker is to stop first."""
        work = asyncio.create_task(
            self._until_done(self._pipeline.prepare, records, "preparing a batch")
        )
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if work.done():
            return work.result()
        work.cancel()
        return None

    async def _gather(
        self, consumer: AIOKafkaConsumer
    ) -> tuple[list[Record], dict[TopicPartition, int]]:
        """Up to a full batch, or what came within the flush time; behind, batches are fuller."""
        records: list[Record] = []
        offsets: dict[TopicPartition, int] = {}
        started = time.monotonic()
        most, size = self._settings.batch_records, 0
        while len(records) < most and size < BATCH_BYTES and not self._stopping.is_set():
            patience = CATCHING_UP_SECONDS if _behind(consumer, offsets, most) else FLUSH_SECONDS
            left = started + patience - time.monotonic()
            if left <= 0:
                break
            fetched = await consumer.getmany(
                timeout_ms=max(1, int(left * 1000)), max_records=most - len(records)
            )
            for partition, messages in fetched.items():
                records += messages
                offsets[partition] = messages[-1].offset + 1
                size += sum(len(message.value or b"") for message in messages)
        return records, offsets

    async def _hand_over(
        self, consumer: AIOKafkaConsumer, batch: Batch, delivery: asyncio.Task[None]
    ) -> None:
        """Queue a batch; while there is no room, fetch nothing and stay in the group."""
        if not self._queue.full():
            self._queue.put_nowait(batch)
            return
        self._status.paused(True)
        waiting = asyncio.create_task(self._queue.put(batch))
        while not (waiting.done() or delivery.done() or self._stopping.is_set()):
            consumer.pause(*consumer.assignment())
            await consumer.getmany(timeout_ms=0)
            await asyncio.wait({waiting, delivery}, timeout=FLUSH_SECONDS)
        waiting.cancel()
        consumer.resume(*consumer.paused())
        self._status.paused(False)

    async def _deliver(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
        while True:
            batch = await self._queue.get()
            try:
                written = await self._write(batch.prepared)
                await self._publish(producer, written)
                await self._commit(consumer, batch.offsets)
                self._status.delivered(batch.prepared, written)
            finally:
                self._queue.task_done()

    async def _write(self, prepared: Prepared) -> Written:
        """Write until it succeeds: what could be wrong with a batch was taken out of it before.

        So whatever fails here, known or not, is the store's: nothing is committed meanwhile.
        """
        return await self._until_done(self._pipeline.write, prepared, "writing")

    async def _until_done(self, act: Callable[[Given], Made], given: Given, what: str) -> Made:
        delay = FIRST_RETRY_SECONDS
        while True:
            try:
                made = await asyncio.to_thread(act, given)
            except UnavailableError as error:
                self._status.held_up(what, str(error))
                logger.warning("%s again in %.1f s: %s", what, delay, error)
            except Exception as error:
                # Nothing is committed before this is done: a fault nobody foresaw is waited out,
                # counted and logged, since leaving would only read the same batch again.
                self._status.held_up(what, repr(error))
                logger.exception("%s again in %.1f s", what, delay)
            else:
                self._status.going_on(what)
                return made
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_RETRY_SECONDS)

    async def _publish(self, producer: AIOKafkaProducer, written: Written) -> None:
        if self._settings.enriched_topic:
            await self._send(
                producer,
                self._settings.enriched_topic,
                await asyncio.to_thread(enriched_messages, written.kept, self._vectors),
            )
        if written.dead_letters:
            await self._dead_letters.publish(producer, written.dead_letters)

    async def _send(
        self, producer: AIOKafkaProducer, topic: str, messages: Sequence[Outgoing]
    ) -> None:
        """Publish until the broker has everything; it may come twice, never not at all.

        But for what is larger than the topic takes: that is counted and left out, or it would
        hold up everything behind it for ever.
        """
        from aiokafka.errors import KafkaError

        delay = FIRST_RETRY_SECONDS
        while True:
            try:
                too_large = await publish(producer, topic, messages)
            except KafkaError as error:
                self._status.trouble(f"Kafka: {error!r}")
                logger.warning("publishing to %r again in %.1f s: %r", topic, delay, error)
            else:
                if too_large:
                    self._status.unpublished(topic, len(too_large), "larger than the topic takes")
                return
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_RETRY_SECONDS)

    async def _commit(
        self, consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]
    ) -> None:
        """Commit what is still ours; a commit that fails is made good by the next one."""
        from aiokafka.errors import IllegalStateError, KafkaError

        ours = {tp: offset for tp, offset in offsets.items() if tp in consumer.assignment()}
        if not ours:
            return
        try:
            await asyncio.wait_for(consumer.commit(ours), timeout=DRAIN_SECONDS)
        except (KafkaError, IllegalStateError, TimeoutError) as error:
            self._status.trouble(f"Kafka: {error!r}")
            logger.warning("could not commit, the next commit will: %r", error)

    async def _drained(self, timeout_seconds: float) -> None:
        """Wait until every queued batch is committed; what takes longer will be read again."""
        try:
            await asyncio.wait_for(self._queue.join(), timeout=timeout_seconds)
        except TimeoutError:
            logger.warning("left %d batches to be read again", self._queue.qsize())

    async def _report(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            behind = await self._lag(consumer)
            await asyncio.to_thread(self._status.report, behind)
            await asyncio.sleep(self._status.interval_seconds)

    async def _lag(self, consumer: AIOKafkaConsumer) -> dict[str, int]:
        from aiokafka.errors import IllegalStateError, KafkaError

        try:
            behind = await asyncio.wait_for(lag(consumer), timeout=DRAIN_SECONDS)
        except (KafkaError, IllegalStateError, TimeoutError) as error:
            logger.info("lag is not known: %r", error)
            return {}
        return {_name(partition): messages for partition, messages in behind.items()}


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}:{partition.partition}"


def _behind(
    consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int], messages: int
) -> bool:
    """Whether more than a batch waits in a partition that this batch has read from."""
    ours = consumer.assignment()  # a rebalance may have taken some away
    ends = (
        (consumer.highwater(partition), offset)
        for partition, offset in offsets.items()
        if partition in ours
    )
    return any(end is not None and end - offset > messages for end, offset in ends)
