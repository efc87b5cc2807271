"""Events a second from the broker to queryable rows: the worker against the bare pipeline.

The bare pipeline is broker → decode and validate → Arrow → insert, overlapped, and nothing else.
Both read the same topic into stores of their own, in turns, in one process. Run:

    python -m benchmarks.ingest_throughput [--events 300000] [--rounds 3] [--enriched-topic]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import msgspec
from tests.services import tansu

from neonblue.ingest.messages.decode import EventDecoder
from neonblue.ingest.stream.kafka import open_consumer
from neonblue.ingest.stream.service import open_pipeline
from neonblue.ingest.stream.status import StatusBoard
from neonblue.ingest.stream.telemetry import Telemetry
from neonblue.ingest.stream.worker import Worker
from neonblue.settings import KafkaSettings
from neonblue.stores import Store, open_store

TYPES = ("exposure", "page_view", "page_view", "click", "search", "add_to_cart", "purchase")
BATCH = 10_000


def messages(count: int, seed: int = 1) -> Iterator[tuple[bytes, bytes]]:
    """Events of about 460 bytes from 50,000 users in 8 experiments."""
    chance, start = random.Random(seed), datetime.now(UTC) - timedelta(days=3)
    for number in range(count):
        user = f"user-{chance.randrange(50_000):06d}"
        content = {
            "event_id": str(uuid.UUID(int=chance.getrandbits(128))),
            "user_id": user,
            "experiment_id": f"experiment-{chance.randrange(8)}",
            "variant_id": "treatment" if hash(user) % 2 else "control",
            "event_type": chance.choice(TYPES),
            "timestamp": (start + timedelta(milliseconds=number)).isoformat(),
            "value": round(chance.random() * 100, 2),
            "session_id": f"session-{chance.randrange(100_000)}",
            "properties": {
                "page": f"/products/{chance.randrange(200)}",
                "device": chance.choice(["mobile", "desktop", "tablet"]),
                "country": chance.choice(["DE", "US", "FR", "JP"]),
                "campaign": f"campaign {chance.randrange(20)}",
                "referrer": "search engine results",
            },
        }
        yield user.encode(), msgspec.json.encode(content)


async def fill(servers: str, topic: str, contents: Iterable[tuple[bytes, bytes]]) -> None:
    """Create a topic and put messages into its partitions by key."""
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=servers, acks=1, max_batch_size=1 << 20)
    await producer.start()
    partitions = sorted(await producer.partitions_for(topic))
    batches = {partition: producer.create_batch() for partition in partitions}
    for key, value in contents:
        partition = partitions[hash(key) % len(partitions)]
        if batches[partition].append(key=key, value=value, timestamp=None) is None:
            await (await producer.send_batch(batches[partition], topic, partition=partition))
            batches[partition] = producer.create_batch()
            batches[partition].append(key=key, value=value, timestamp=None)
    for partition, batch in batches.items():
        await (await producer.send_batch(batch, topic, partition=partition))
    await producer.stop()


async def create(servers: str, topics: Iterable[str], partitions: int = 1) -> None:
    """Topics, empty."""
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, partitions, 1) for topic in topics])
    await admin.close()


async def bare(settings: KafkaSettings, store: Store, count: int) -> float:
    """Seconds for the bare pipeline, from the first message on."""
    consumer, decoder = open_consumer(settings), EventDecoder("kafka")
    consumer.subscribe([settings.events_topic])
    await consumer.start()
    read, started, writing = 0, 0.0, None
    while read < count:
        values: list[bytes] = []
        while len(values) < BATCH and read + len(values) < count:
            fetched = await consumer.getmany(timeout_ms=250, max_records=BATCH - len(values))
            started = started or time.perf_counter()
            values += [record.value for part in fetched.values() for record in part]
        decoded = await asyncio.to_thread(decoder.decode, values)
        if writing is not None:
            await writing
            await consumer.commit()
        writing = asyncio.create_task(asyncio.to_thread(store.events.insert, decoded.events))
        read += len(values)
    if writing is not None:
        await writing
    elapsed = time.perf_counter() - started
    await consumer.stop()
    return elapsed


async def whole(settings: KafkaSettings, store: Store, count: int) -> float:
    """Seconds for the worker with everything on, from the first message on."""
    board = StatusBoard(store, Telemetry())
    pipeline = open_pipeline(store, source="kafka")
    worker = Worker(settings, pipeline, board)
    started: list[float] = []
    prepare = pipeline.prepare

    def timed(records):  # type: ignore[no-untyped-def]
        started.append(time.perf_counter() - 0.0)
        return prepare(records)

    pipeline.prepare = timed  # type: ignore[method-assign]
    task = asyncio.create_task(worker.run())
    while board.now.events < count:
        await asyncio.sleep(0.005)
    elapsed = time.perf_counter() - started[0]
    worker.stop()
    await task
    return elapsed


async def compare(count: int, rounds: int, enriched: bool) -> None:
    """Take turns and print each round's rates and the ratio of the medians."""
    with tansu.running() as broker, tempfile.TemporaryDirectory() as folder:
        topics = ["events", "events_dead", "events_enriched"]
        await create(broker.address, topics)
        sample = list(messages(count))
        print(f"{count} events of {sum(len(value) for _, value in sample) // count} bytes")
        await fill(broker.address, "events", sample)
        del sample
        rates: dict[str, list[float]] = {"bare": [], "whole": []}
        costs: dict[str, list[float]] = {"bare": [], "whole": []}
        for number in range(rounds):
            for name, measure in (("bare", bare), ("whole", whole)):
                settings = KafkaSettings(
                    bootstrap_servers=broker.address,
                    events_topic="events",
                    dead_topic="events_dead",
                    enriched_topic="events_enriched" if enriched else None,
                    group_id=f"{name}-{number}",
                    session_timeout_ms=2000,
                )
                store = open_store(f"chdb://{Path(folder) / f'{name}{number}'}")
                used = _processor_seconds()
                seconds = await measure(settings, store, count)
                used = (_processor_seconds() - used) / count * 1e6
                assert store.events.count() == count
                store.close()
                rates[name].append(count / seconds)
                costs[name].append(used)
                print(
                    f"round {number} {name:5} {count / seconds:9,.0f} events/s {used:5.1f} µs/event"
                )
        ratio = median(rates["whole"]) / median(rates["bare"])
        share = median(costs["bare"]) / median(costs["whole"])
        print(
            f"worker / bare pipeline: {ratio:.2f} by rate, {share:.2f} by processor time "
            f"(medians of {rounds} rounds, load {os.getloadavg()[0]:.0f})"
        )


def _processor_seconds() -> float:
    """What this process has used, all threads and the engine: another load changes it little."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--enriched-topic", action="store_true", help="publish enriched events too")
    options = parser.parse_args()
    asyncio.run(compare(options.events, options.rounds, options.enriched_topic))


if __name__ == "__main__":
    main()
