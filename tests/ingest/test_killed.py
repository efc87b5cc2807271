"""SIGKILL at random points, 30 times, while a backlog with repeats and rubbish is read."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from neonblue.stores import open_store

KILLS = 30
BACKLOG = 24_000
RUN = "import sys; from neonblue.cli import main; sys.exit(main(['ingest']))"


def start(topics: Any, data_dir: Path) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "NEONBLUE_DATA_DIR": str(data_dir),
        "NEONBLUE_MAX_MEMORY_FRACTION": "0.2",
        "KAFKA_BOOTSTRAP_SERVERS": topics.servers,
        "KAFKA_EVENTS_TOPIC": topics.settings.events_topic,
        "KAFKA_DEAD_TOPIC": topics.settings.dead_topic,
        "KAFKA_GROUP_ID": topics.settings.group_id,
        "KAFKA_SESSION_TIMEOUT_MS": "1000",
        "KAFKA_BATCH_RECORDS": "500",
    }
    log = (data_dir.parent / "worker.log").open("ab")
    return subprocess.Popen([sys.executable, "-c", RUN], env=environment, stderr=log)


class Backlog:
    """Messages sent so far: every fifth event twice, every hundredth message unreadable."""

    def __init__(self, make_message: Any) -> None:
        self._make = make_message
        self.events = 0
        self.messages = 0
        self.rubbish = 0

    def more(self, count: int) -> list[tuple[bytes, bytes]]:
        batch = []
        for _ in range(count):
            key, value = self._make(self.events, timestamp="2026-03-01T10:00:00Z")
            batch.append((key, value))
            if self.events % 5 == 0:
                batch.append((key, value))
            if self.events % 100 == 0:
                batch.append((key, b'{"event_id": "broken'))
                self.rubbish += 1
            self.events += 1
        self.messages += len(batch)
        return batch


@pytest.mark.timeout(1200)
async def test_no_number_changes_however_often_the_worker_is_killed(
    tmp_path: Path, topics: Any, make_message: Any
) -> None:
    await topics.create(partitions=2)
    backlog, chance = Backlog(make_message), random.Random(4)
    data_dir = tmp_path / "data"
    kills_under_way = 0
    while kills_under_way < KILLS:
        committed = await topics.committed()
        missing = BACKLOG - (backlog.messages - committed)
        if missing > 0:
            await topics.send(backlog.more(missing))
        worker = start(topics, data_dir)
        await until_reading(topics, worker, committed)
        await asyncio.sleep(chance.uniform(0, 0.4))
        worker.kill()
        worker.wait()
        kills_under_way += await topics.committed() < backlog.messages
    worker = start(topics, data_dir)
    async with asyncio.timeout(60):
        while await topics.committed() < backlog.messages:
            await asyncio.sleep(0.2)
    asked = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=15) == 0
    assert time.monotonic() - asked < 5
    await asyncio.to_thread(compare, data_dir, backlog, make_message)


async def until_reading(topics: Any, worker: "subprocess.Popen[bytes]", committed: int) -> None:
    """Return when the worker has committed something more."""
    async with asyncio.timeout(30):
        while await topics.committed() == committed:
            assert worker.poll() is None, "the worker ended by itself"
            await asyncio.sleep(0.02)


def compare(data_dir: Path, backlog: Backlog, make_message: Any) -> None:
    """The tables against what was sent."""
    truth: dict[tuple[str, str], tuple[int, float]] = {}
    for number in range(backlog.events):
        content = json.loads(make_message(number)[1])
        key = (content["variant_id"], content["event_type"])
        count, total = truth.get(key, (0, 0.0))
        truth[key] = (count + 1, total + content["value"])
    store = open_store(f"chdb://{data_dir / 'clickhouse'}", max_memory_fraction=0.2)
    rows = store.database.rows(
        "SELECT variant_id, event_type, count(), sum(value) FROM events FINAL GROUP BY 1, 2"
    )
    assert {(row[0], row[1]): (row[2], row[3]) for row in rows} == truth
    assert store.enrichments.count() == backlog.events
    assert store.dead_letters.counts() == {"not_json": backlog.rubbish}
    store.close()
