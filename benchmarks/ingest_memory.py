"""Memory over a long backlog: it must stay where it is, however much waits in the topic.

The backlog is written in parts by a process of its own, always ahead of the worker, so that the
broker (which keeps everything in memory) needs little and the worker never runs dry. Run:

    python -m benchmarks.ingest_memory [--events 5000000]
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import tempfile
import threading
from pathlib import Path

import numpy as np
from tests.services import tansu

from benchmarks.ingest_throughput import create, fill, messages
from neonblue.ingest.stream.service import open_pipeline
from neonblue.ingest.stream.status import StatusBoard
from neonblue.ingest.stream.telemetry import Telemetry
from neonblue.ingest.stream.worker import Worker
from neonblue.settings import KafkaSettings
from neonblue.stores import Store, open_store

PART = 100_000


def resident_mb() -> float:
    """Memory of this process, engine and all."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def produce(servers: str, events: int) -> None:
    """Write the backlog, a part at a time: the same events under new ids."""
    sample = list(messages(PART))
    place = sample[0][1].index(b'"event_id":"') + len(b'"event_id":"')
    for first in range(0, events, PART):
        part = (
            (key, b"%s%036d%s" % (value[:place], first + number, value[place + 36 :]))
            for number, (key, value) in enumerate(sample)
        )
        asyncio.run(fill(servers, "events", part))


async def measure(events: int) -> None:
    """Run the worker over the backlog and print its memory along the way."""
    with tansu.running() as broker, tempfile.TemporaryDirectory() as folder:
        await create(broker.address, ["events", "dead"])
        producer = multiprocessing.get_context("spawn").Process(
            target=produce, args=(broker.address, events)
        )
        producer.start()
        settings = KafkaSettings(
            bootstrap_servers=broker.address, events_topic="events", dead_topic="dead"
        )
        store = open_store(f"chdb://{Path(folder) / 'clickhouse'}", max_memory_fraction=0.2)
        board = StatusBoard(store, Telemetry())
        worker = Worker(settings, open_pipeline(store, source="kafka"), board)
        task = asyncio.create_task(worker.run())
        samples = await _sampled(board, store, events)
        worker.stop()
        await task
        producer.join()
        _report(samples, events)
        print(f"{store.events.count():,} rows, {threading.active_count()} threads")
        store.close()


async def _sampled(board: StatusBoard, store: Store, events: int) -> list[tuple[int, float]]:
    samples: list[tuple[int, float]] = []
    while board.now.events < events:
        await asyncio.sleep(1)
        samples.append((board.now.events, resident_mb()))
        if len(samples) % 30 == 0:
            engine = await asyncio.to_thread(_engine_mb, store)
            print(f"{samples[-1][0]:>10,} events {samples[-1][1]:7.0f} MB, {engine}", flush=True)
    return samples


def _engine_mb(store: Store) -> str:
    """What the engine says it holds."""
    rows = store.database.rows(
        """
        SELECT metric, value FROM system.metrics
        WHERE metric IN ('MemoryTracking', 'MergesMutationsMemoryTracking', 'MarkCacheBytes',
                         'PrimaryIndexCacheBytes', 'QueryCacheBytes', 'PageCacheBytes')
        """
    )
    return ", ".join(f"{name} {value / 1e6:.0f}" for name, value in rows if value > 1e6)


def _report(samples: list[tuple[int, float]], events: int) -> None:
    """Compare tenths of the backlog, after the first, in which caches fill."""
    done = np.array([count for count, _ in samples])
    memory = np.array([used for _, used in samples])
    tenths = [
        memory[(done > events * at / 10) & (done <= events * (at + 1) / 10)] for at in range(10)
    ]
    means = [float(part.mean()) for part in tenths if len(part)]
    print("MB by tenth of the backlog:", " ".join(f"{mean:.0f}" for mean in means))
    settled = means[1:]
    middle = float(np.median(settled))
    spread = max(abs(mean - middle) for mean in settled) / middle
    print(f"after the first tenth: {middle:.0f} MB, within {spread:.1%} of it")


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    asyncio.run(measure(parser.parse_args().events))


if __name__ == "__main__":
    main()
