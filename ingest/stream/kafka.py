"""Kafka clients: a consumer that commits by hand, a producer that keeps order, dead letters read.

Nothing here needs transactions or an idempotent producer: delivery is at least once, and the rows'
keys make the effect exactly once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from neonblue.errors import UnavailableError
from neonblue.ingest.stream.kafka_security import security_options

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
    from aiokafka.producer.message_accumulator import BatchBuilder

    from neonblue.ingest.stream.record import Outgoing
    from neonblue.settings import KafkaSettings

logger = logging.getLogger(__name__)

FETCH_BYTES = 16 << 20
PARTITION_FETCH_BYTES = 4 << 20
PRODUCER_BATCH_BYTES = 256 << 10
REQUEST_TIMEOUT_MS = 10_000
END_READ_MS = 1_000
# A dead letter carries its message whole, so it may be as large as the source allowed.
MAX_PRODUCED_BYTES = 16 << 20


def source_topics(settings: KafkaSettings) -> tuple[str, ...]:
    """The topics the group reads: events first, then the tables that define experiments."""
    definitions = (name.strip() for name in settings.definition_topics.split(","))
    return (settings.events_topic, *(name for name in definitions if name))


def open_consumer(settings: KafkaSettings) -> AIOKafkaConsumer:
    """A member of the group; it has no topics yet and is not started."""
    from aiokafka import AIOKafkaConsumer

    return AIOKafkaConsumer(
        **security_options(settings),
        bootstrap_servers=settings.bootstrap_servers,
        group_id=settings.group_id,
        client_id="neonblue-ingest",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_bytes=FETCH_BYTES,
        max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
        fetch_max_wait_ms=100,
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=max(100, settings.session_timeout_ms // 5),
        rebalance_timeout_ms=max(500, settings.session_timeout_ms // 2),
        request_timeout_ms=max(REQUEST_TIMEOUT_MS, settings.session_timeout_ms + 1_000),
        metadata_max_age_ms=30_000,
    )


def open_producer(settings: KafkaSettings) -> AIOKafkaProducer:
    """A producer that waits for the leader and has one request a partition under way: in order."""
    from aiokafka import AIOKafkaProducer

    return AIOKafkaProducer(
        **security_options(settings),
        bootstrap_servers=settings.bootstrap_servers,
        client_id="neonblue-ingest",
        acks=1,
        linger_ms=5,
        max_batch_size=PRODUCER_BATCH_BYTES,
        max_request_size=MAX_PRODUCED_BYTES,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )


async def start_client(client: AIOKafkaConsumer | AIOKafkaProducer, servers: str) -> None:
    """Connect, or say plainly that nobody answers there. The driver's log says which it was."""
    from aiokafka.errors import KafkaError

    try:
        await client.start()
    except KafkaError as error:
        await client.stop()
        raise UnavailableError(
            f"Kafka at {servers!r} does not answer, or not to these credentials ({error}): check "
            "KAFKA_BOOTSTRAP_SERVERS, KAFKA_SECURITY_PROTOCOL, its certificates and KAFKA_SASL_*, "
            "and that the broker runs, then `neonblue doctor`"
        ) from error


async def publish(
    producer: AIOKafkaProducer, topic: str, messages: Sequence[Outgoing]
) -> list[Outgoing]:
    """Send messages and return when the broker has them, but for those that are too large for it.

    Order is kept within a source partition: its messages go to one partition of ``topic``, in
    batches that are sent one after the other. Raises ``KafkaError`` for anything else.
    """
    partitions = sorted(await producer.partitions_for(topic))
    by_partition: dict[int, list[Outgoing]] = {}
    for message in messages:
        target = partitions[message.partition % len(partitions)]
        by_partition.setdefault(target, []).append(message)
    too_large: list[Outgoing] = []
    for partition, ordered in by_partition.items():
        too_large += await _publish_in_order(producer, topic, partition, ordered)
    return too_large


async def _publish_in_order(
    producer: AIOKafkaProducer, topic: str, partition: int, messages: Sequence[Outgoing]
) -> list[Outgoing]:
    """Batch by batch; a batch that is too large is sent again in halves, down to its messages."""
    from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

    too_large: list[Outgoing] = []
    sent = []
    for packed, batch in _packed(producer, messages, too_large):
        sent.append((packed, await producer.send_batch(batch, topic, partition=partition)))
    for packed, result in sent:
        try:
            await result
        except (MessageSizeTooLargeError, RecordListTooLargeError):
            if len(packed) == 1:
                too_large += packed
                continue
            half = len(packed) // 2
            for part in (packed[:half], packed[half:]):
                too_large += await _publish_in_order(producer, topic, partition, part)
    return too_large


def _packed(
    producer: AIOKafkaProducer, messages: Iterable[Outgoing], too_large: list[Outgoing]
) -> Iterator[tuple[list[Outgoing], BatchBuilder]]:
    """Full batches with what is in them; what fits into none goes to ``too_large``."""
    batch = producer.create_batch()
    packed: list[Outgoing] = []
    for message in messages:
        if not _added(batch, message):
            if packed:
                yield packed, batch
            batch, packed = producer.create_batch(), []
            if not _added(batch, message):
                too_large.append(message)
                continue
        packed.append(message)
    if packed:
        yield packed, batch


def _added(batch: BatchBuilder, message: Outgoing) -> bool:
    added = batch.append(
        key=message.key, value=message.value, timestamp=None, headers=list(message.headers)
    )
    return added is not None


async def rewind_lost(
    consumer: AIOKafkaConsumer, settings: KafkaSettings, assigned: Iterable[TopicPartition]
) -> None:
    """Start over where the committed offset lies past the end of the log.

    That happens when a topic was made anew under the same name. The broker then answers nothing
    and reports no error, so the worker would wait for ever. Reading again from the beginning is
    safe: the rows are deduplicated.
    """
    partitions = list(assigned)
    if not partitions:
        return
    # In this order: the log may grow, and others may commit, while we ask.
    offsets = {partition: await consumer.committed(partition) for partition in partitions}
    ends = await consumer.end_offsets(partitions)
    for partition, committed in offsets.items():
        if committed is None or committed <= ends[partition]:
            continue
        if committed > await _end_read(settings, partition, ends[partition]):
            logger.warning("%s was made anew: reading it from the beginning", partition)
            await consumer.seek_to_beginning(partition)


async def _end_read(settings: KafkaSettings, partition: TopicPartition, said: int) -> int:
    """Where a log ends, by reading it from the end that the broker said.

    Tansu says where its last batch begins, not where it ends, so its word alone would have every
    rebalance read the whole topic again.
    """
    from aiokafka import AIOKafkaConsumer

    if said == 0:
        return 0
    reader = AIOKafkaConsumer(
        **security_options(settings),
        bootstrap_servers=settings.bootstrap_servers,
        enable_auto_commit=False,
    )
    try:
        await reader.start()
        reader.assign([partition])
        reader.seek(partition, said - 1)
        await reader.getmany(partition, timeout_ms=END_READ_MS, max_records=1)
        return max(said, reader.highwater(partition) or 0)
    finally:
        await reader.stop()


async def lag(consumer: AIOKafkaConsumer) -> Mapping[TopicPartition, int]:
    """Messages of each assigned partition that are not committed yet.

    The broker is asked where the logs end: a paused consumer fetches nothing, so the word of its
    last fetch grows old. That word counts where it is ahead (Tansu names the last batch's start).
    """
    ours = list(consumer.assignment())
    ends = await consumer.end_offsets(ours) if ours else {}
    behind = {}
    for partition in ours:
        end = max(ends.get(partition, 0), consumer.highwater(partition) or 0)
        committed = await consumer.committed(partition)
        behind[partition] = max(0, end - (committed or 0))
    return behind
