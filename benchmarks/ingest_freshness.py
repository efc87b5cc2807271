"""How soon a change is searchable at a steady rate of events: from sending to the index.

Every 50th event is followed: the clock stops when the memory finds the journey's document with its
time. Visits overlap: as many are under way as make the rate at one event in 8 seconds each; a
visit has 12 events on average, of 20 types that follow one another as on a shop's site, and is
followed by another visitor's, one in four a returning one. Devices, sources and segments vary.
The first seconds, in which most texts are met for the first time, are not followed. Producer and
broker are processes of their own on the same machine. With ``--chroma-server`` Chroma is one too,
and whoever asks has a memory of its own, as another process would. Run:

    python -m benchmarks.ingest_freshness [--rate 1000] [--seconds 60] [--warm-up 60]
        [--chroma-server]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from tests.services import chroma, tansu

from benchmarks.ingest_throughput import create
from neonblue.ingest.stream.service import IngestService
from neonblue.memory.collections import USER_JOURNEYS
from neonblue.memory.embedding import open_embedder
from neonblue.memory.library import Memory
from neonblue.memory.vector_index import ChromaServer
from neonblue.settings import KafkaSettings
from neonblue.stores import open_store

FOLLOWED = 50
TICK_SECONDS = 0.05
# Asking more often would take from the index the core that it is measured on.
ASK_SECONDS = 0.25


EVENT_SECONDS = 8
EVENTS_A_VISIT = 12
RETURNING_FRACTION = 0.25
# What follows what: each type, and what a visitor does next.
NEXT = {
    "landing_view": ("search", "category_view", "product_view", "article_read"),
    "search": ("search", "product_view", "product_view", "filter_click"),
    "filter_click": ("product_view", "category_view", "search"),
    "category_view": ("product_view", "product_view", "filter_click", "search"),
    "product_view": ("product_view", "image_click", "review_read", "add_to_cart", "search"),
    "image_click": ("product_view", "add_to_cart", "review_read"),
    "review_read": ("product_view", "add_to_cart", "compare_open", "wishlist_add"),
    "compare_open": ("product_view", "add_to_cart", "wishlist_add"),
    "wishlist_add": ("product_view", "login", "search"),
    "login": ("product_view", "account_view", "add_to_cart"),
    "account_view": ("order_view", "search", "newsletter_signup"),
    "order_view": ("account_view", "refund", "search"),
    "refund": ("account_view", "search"),
    "add_to_cart": ("cart_view", "product_view", "coupon_apply"),
    "coupon_apply": ("cart_view", "checkout_start"),
    "cart_view": ("checkout_start", "product_view", "search"),
    "checkout_start": ("payment", "cart_view", "login"),
    "payment": ("purchase", "cart_view"),
    "purchase": ("order_view", "search", "newsletter_signup"),
    "article_read": ("article_read", "product_view", "newsletter_signup"),
    "newsletter_signup": ("search", "article_read"),
}
DEVICES = ("mobile", "mobile", "desktop", "tablet")
SOURCES = ("google", "newsletter", "direct", "social", "partner", "")
PLANS = ("free", "free", "plus", "business")


class Visits:
    """Visits under way; each call of ``step`` brings one of them forward."""

    def __init__(self, under_way: int) -> None:
        self._chance = random.Random(2)
        self._visitors = 0
        self._visits = [self._new() for _ in range(under_way)]

    def step(self, number: int, now: float) -> tuple[str, bytes]:
        """The next event: who, and its message."""
        chance = self._chance
        place = chance.randrange(len(self._visits))
        visit = self._visits[place]
        content = {
            "event_id": f"event-{number}",
            "user_id": visit["user"],
            "experiment_id": "",
            "event_type": visit["type"],
            "timestamp": datetime.fromtimestamp(now, UTC).isoformat(),
            "session_id": visit["session"],
            "properties": {
                "page": f"/page/{chance.randrange(200)}",
                "device": visit["device"],
                "utm_source": visit["source"],
                "segment": visit["plan"],
            },
        }
        visit["type"] = chance.choice(NEXT[visit["type"]])
        if chance.random() < 1 / EVENTS_A_VISIT:
            self._visits[place] = self._new()
        return visit["user"], json.dumps(content).encode()

    def _new(self) -> dict[str, str]:
        chance = self._chance
        returning = self._visitors and chance.random() < RETURNING_FRACTION
        number = chance.randrange(self._visitors) if returning else self._visitors
        self._visitors += not returning
        person = random.Random(number)
        return {
            "user": f"user-{number}",
            "session": f"session-{chance.getrandbits(48)}",
            "type": chance.choice(("landing_view", "search", "product_view", "article_read")),
            "device": person.choice(DEVICES),
            "source": person.choice(SOURCES),
            "plan": person.choice(PLANS),
        }


def produce(servers: str, rate: int, seconds: int, warm_up: int, followed: Connection) -> None:
    """Send events evenly; tell which are to be followed, and when they were sent."""
    asyncio.run(_produce(servers, rate, seconds, warm_up, followed))


async def _produce(
    servers: str, rate: int, seconds: int, warm_up: int, followed: Connection
) -> None:
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=servers, acks=1, linger_ms=5)
    await producer.start()
    visits, start, number = Visits(rate * EVENT_SECONDS), time.time(), 0
    while (elapsed := time.time() - start) < seconds:
        while number < elapsed * rate:
            now = time.time()
            user, message = visits.step(number, now)
            await producer.send("events", key=user.encode(), value=message)
            if number % FOLLOWED == 0 and elapsed > warm_up:
                followed.send((user, now))
            number += 1
        await asyncio.sleep(TICK_SECONDS)
    await producer.stop()
    followed.send(None)


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
        found = memory.live_index.get(USER_JOURNEYS, sorted({user for user, _ in waiting}))
        now = time.time()
        for user, sent in list(waiting):
            document = found.get(user)
            if document and float(str(document.metadata["timestamp"])) >= round(sent - 0.001, 3):
                delays.append(now - sent)
                del waiting[user, sent]
        time.sleep(ASK_SECONDS)
    return delays


def measure(rate: int, seconds: int, warm_up: int, *, shared: bool) -> None:
    """Run everything and print the percentiles."""
    with ExitStack() as opened:
        broker = opened.enter_context(tansu.running())
        folder = opened.enter_context(tempfile.TemporaryDirectory())
        place: Path | ChromaServer = Path(folder) / "chroma"
        if shared:
            place = opened.enter_context(chroma.running(Path(folder) / "server")).place
        asyncio.run(create(broker.address, ["events", "dead"]))
        settings = KafkaSettings(
            bootstrap_servers=broker.address, events_topic="events", dead_topic="dead"
        )
        store = open_store(f"chdb://{Path(folder) / 'clickhouse'}")
        embedder = open_embedder("minilm")
        memory = Memory(store.documents, embedder, place).start()
        asked = Memory(store.documents, embedder, place).start() if shared else memory
        memory.embedder.embed(["warm"])
        service = IngestService(store, settings, lambda: memory).start()
        receiving, sending = multiprocessing.Pipe(duplex=False)
        words = (broker.address, rate, warm_up + seconds, warm_up, sending)
        context = multiprocessing.get_context("spawn")
        producer = context.Process(target=produce, args=words)
        producer.start()
        delays = np.array(follow(asked, receiving))
        producer.join()
        p50, p95, p99 = np.percentile(delays, [50, 95, 99])
        marks = store.journey_marks.backlog()
        print(f"{rate} events/s for {seconds} s, {len(delays)} followed")
        load = os.getloadavg()[0]
        print(
            f"searchable after p50 {p50:.2f} s, p95 {p95:.2f} s, p99 {p99:.2f} s (load {load:.1f})"
        )
        texts = store.text_vectors.count(memory.embedder.fingerprint)
        in_chroma = len(memory.index.hashes(USER_JOURNEYS.name))
        print(
            f"{marks.indexed:,} journeys, {texts:,} texts embedded, "
            f"{in_chroma:,} journeys have rested and are in Chroma"
        )
        service.stop()
        memory.close()
        asked.close()
        store.close()


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--warm-up", type=int, default=60, help="seconds before following")
    parser.add_argument("--chroma-server", action="store_true", help="as several processes do")
    options = parser.parse_args()
    measure(options.rate, options.seconds, options.warm_up, shared=options.chroma_server)


if __name__ == "__main__":
    main()
