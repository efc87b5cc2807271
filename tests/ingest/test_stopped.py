"""SIGTERM while ClickHouse does not answer: the worker leaves in time, and nothing is lost."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.services.ports import free_port, wait_for_port

from neonblue.stores import open_store

FRONT = Path(__file__).parents[1] / "stores" / "clickhouse_front.py"
RUN = "import sys; from neonblue.cli import main; sys.exit(main(['ingest']))"


class Front:
    """ClickHouse's HTTP interface over chDB, which can be made to hang."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.dsn = f"clickhouse://default:@127.0.0.1:{port}/default"
        self.process = subprocess.Popen([sys.executable, FRONT, str(port), folder])
        wait_for_port(port, 30)

    def hang(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    running = Front(tmp_path / "remote")
    yield running
    running.process.kill()
    running.process.wait()


def start(topics: Any, dsn: str, folder: Path) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "NEONBLUE_DATA_DIR": str(folder / "data"),
        "NEONBLUE_CLICKHOUSE_DSN": dsn,
        "KAFKA_BOOTSTRAP_SERVERS": topics.servers,
        "KAFKA_EVENTS_TOPIC": topics.settings.events_topic,
        "KAFKA_DEAD_TOPIC": topics.settings.dead_topic,
        "KAFKA_GROUP_ID": topics.settings.group_id,
        "KAFKA_SESSION_TIMEOUT_MS": "1000",
    }
    log = (folder / "worker.log").open("ab")
    return subprocess.Popen([sys.executable, "-c", RUN], env=environment, stderr=log)


async def until_committed(topics: Any, messages: int) -> None:
    async with asyncio.timeout(60):
        while await topics.committed() < messages:
            await asyncio.sleep(0.1)


@pytest.mark.timeout(180)
async def test_a_worker_leaves_in_time_though_clickhouse_hangs(
    tmp_path: Path, front: Front, topics: Any, make_message: Any
) -> None:
    await topics.create()
    worker = start(topics, front.dsn, tmp_path)
    await topics.send(make_message(number) for number in range(100))
    await until_committed(topics, 100)
    front.hang()
    await topics.send(make_message(number) for number in range(100, 300))
    await asyncio.sleep(2)  # by now they are being written
    asked = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, 30) == 0
    assert time.monotonic() - asked < 5
    front.go_on()
    worker = start(topics, front.dsn, tmp_path)
    await until_committed(topics, 300)
    worker.kill()
    worker.wait()
    store = open_store(front.dsn)
    assert store.database.rows("SELECT count() FROM events FINAL") == [(300,)]
    store.close()
