"""How soon a change is searchable at a steady rate of events: from sending to the index.

Every 50th event is followed: the clock stops when the journey's document in Chroma carries its
time. The first seconds, in which every text is met for the first time, are not followed. The
producer is a process of its own. Run:

    python -m benchmarks.ingest_freshness [--rate 1000] [--seconds 60] [--warm-up 20] [--users 5000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import tempfile
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from benchmarks import tansu
from benchmarks.ingest_throughput import TYPES, create
from neonblue.ingest.service import IngestService
from neonblue.memory.collections import USER_JOURNEYS
from neonblue.memory.embedding import open_embedder
from neonblue.memory.library import Memory
from neonblue.settings import KafkaSettings
from neonblue.stores import open_store

FOLLOWED = 50
TICK_SECONDS = 0.05


def produce(
    servers: str, rate: int, seconds: int, warm_up: int, users: int, followed: Connection
) -> None:
    """Send events evenly; tell which are to be followed, and when they were sent."""
    asyncio.run(_produce(servers, rate, seconds, warm_up, users, followed))


async def _produce(
    servers: str, rate: int, seconds: int, warm_up: int, users: int, followed: Connection
) -> None:
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=servers, acks=1, linger_ms=5)
    await producer.start()
    chance, start, number = random.Random(2), time.time(), 0
    while (elapsed := time.time() - start) < seconds:
        while number < elapsed * rate:
            user, now = f"user-{chance.randrange(users)}", time.time()
            await producer.send(
                "events", key=user.encode(), value=_event(number, user, now, chance)
            )
            if number % FOLLOWED == 0 and elapsed > warm_up:
                followed.send((user, now))
            number += 1
        await asyncio.sleep(TICK_SECONDS)
    await producer.stop()
    followed.send(None)


def _event(number: int, user: str, now: float, chance: random.Random) -> bytes:
    content = {
        "event_id": f"event-{number}",
        "user_id": user,
        "experiment_id": "",
        "event_type": chance.choice(TYPES[1:]),
        "timestamp": datetime.fromtimestamp(now, UTC).isoformat(),
        "session_id": f"session-{user}",
        "properties": {"page": "/products", "device": chance.choice(["mobile", "desktop"])},
    }
    return json.dumps(content).encode()


def follow(memory: Memory, followed: Connection) -> list[float]:
    """Seconds from sending until the index has it, for each followed event."""
    waiting: dict[tuple[str, float], None] = {}
    delays: list[float] = []
    sending = True
    while sending or waiting:
        while sending and followed.poll():
            item = followed.recv()
            sending = item is not None
            if item is not None:
                waiting[item] = None
        found = memory.get(USER_JOURNEYS, sorted({user for user, _ in waiting}))
        now = time.time()
        for user, sent in list(waiting):
            document = found.get(user)
            if document and float(str(document.metadata["timestamp"])) >= round(sent - 0.001, 3):
                delays.append(now - sent)
                del waiting[user, sent]
        time.sleep(TICK_SECONDS)
    return delays


def measure(rate: int, seconds: int, warm_up: int, users: int) -> None:
    """Run everything and print the percentiles."""
    with tansu.running() as broker, tempfile.TemporaryDirectory() as folder:
        asyncio.run(create(broker.address, ["events", "dead"]))
        settings = KafkaSettings(
            bootstrap_servers=broker.address, events_topic="events", dead_topic="dead"
        )
        store = open_store(f"chdb://{Path(folder) / 'clickhouse'}")
        memory = Memory(store.documents, open_embedder("minilm"), Path(folder) / "chroma").start()
        memory.embedder.embed(["warm"])
        service = IngestService(store, settings, lambda: memory).start()
        receiving, sending = multiprocessing.Pipe(duplex=False)
        words = (broker.address, rate, warm_up + seconds, warm_up, users, sending)
        context = multiprocessing.get_context("spawn")
        producer = context.Process(target=produce, args=words)
        producer.start()
        delays = np.array(follow(memory, receiving))
        producer.join()
        p50, p95, p99 = np.percentile(delays, [50, 95, 99])
        print(f"{rate} events/s for {seconds} s over {users} users, {len(delays)} followed")
        print(f"searchable after p50 {p50:.2f} s, p95 {p95:.2f} s, p99 {p99:.2f} s")
        print(f"{store.text_vectors.count(memory.embedder.fingerprint)} texts embedded")
        service.stop()
        memory.close()
        store.close()


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--warm-up", type=int, default=20, help="seconds before following")
    parser.add_argument("--users", type=int, default=5000)
    options = parser.parse_args()
    measure(options.rate, options.seconds, options.warm_up, options.users)


if __name__ == "__main__":
    main()
