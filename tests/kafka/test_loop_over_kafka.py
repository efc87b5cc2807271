"""``neonblue demo --loop`` over genuine Kafka: events and changes go through their topics."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from tests.services import apache_kafka

pytestmark = pytest.mark.kafka_real
# Read now: a test sees an environment without our variables.
APACHE = os.environ.get("NEONBLUE_TEST_BROKER") == "apache"
EVENTS, CHANGES, DEAD = "shop_events", "shop_changes", "shop_dead"
SECONDS = 420


@pytest.fixture
def servers() -> Iterator[str]:
    """Bootstrap servers of a broker of the test's own."""
    if not APACHE:
        pytest.skip("this takes Apache Kafka: run `make test-kafka`")
    reason = apache_kafka.missing()
    if reason is not None:
        pytest.skip(reason)
    with apache_kafka.running() as broker:
        yield broker.address


@pytest.mark.timeout(SECONDS + 180)
def test_the_whole_road_is_walked_over_kafka(servers: str, tmp_path: Path) -> None:
    asyncio.run(create(servers, [EVENTS, CHANGES, DEAD]))
    words = ["demo", "--loop", "--into-configured-server", "--data-dir", str(tmp_path / "world")]
    done = subprocess.run(
        [sys.executable, "-m", "neonblue", *words, "--seconds", str(SECONDS)],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": servers,
            "KAFKA_EVENTS_TOPIC": EVENTS,
            "KAFKA_CHANGES_TOPIC": CHANGES,
            "KAFKA_DEAD_TOPIC": DEAD,
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"#3  rolled_out, (\d+)%", done.stdout) == ["25", "50", "100"]
    assert "anew: its assignment was broken" in done.stdout
    assert re.search(r"the audit log verifies: \d+ entries", done.stdout)
    changes = [json.loads(value) for value in asyncio.run(read(servers, CHANGES))]
    shares = [
        change["experiment"]["roll_out_fraction"]
        for change in changes
        if change["action"] == "roll_out"
    ]
    assert shares == [0.25, 0.5, 1.0]
    kinds = {json.loads(value)["event_type"] for value in asyncio.run(read(servers, EVENTS))}
    assert kinds == {"visit", "exposure", "purchase"}
    assert asyncio.run(read(servers, DEAD)) == []


async def create(servers: str, topics: list[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1) for topic in topics])
    await admin.close()


async def read(servers: str, topic: str) -> list[bytes]:
    """Everything that is in a topic now."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found: list[bytes] = []
        while len(found) < sum(ends.values()):
            for messages in (await consumer.getmany(timeout_ms=1000)).values():
                found += [message.value for message in messages]
        return found
    finally:
        await consumer.stop()
