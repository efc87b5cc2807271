"""A real broker, topics of a test's own, events with a known truth, a worker to run."""

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from tests.services import apache_kafka, tansu

from neonblue.ingest.definitions.captured import Definitions
from neonblue.ingest.files.load import LoadSummary, load_file
from neonblue.ingest.files.load_plan import LoadPlan
from neonblue.ingest.stream.enrich import Enricher
from neonblue.ingest.stream.pipeline import Pipeline
from neonblue.ingest.stream.status import StatusBoard
from neonblue.ingest.stream.telemetry import Telemetry
from neonblue.ingest.stream.worker import Worker
from neonblue.memory.embedding import open_embedder
from neonblue.memory.library import Memory
from neonblue.settings import KafkaSettings
from neonblue.stores import Store

NOW = datetime.now(UTC).replace(microsecond=0)


# Read now: a test sees an environment without our variables.
APACHE = os.environ.get("NEONBLUE_TEST_BROKER") == "apache"
Broker = tansu.Tansu | apache_kafka.ApacheKafka


def running_broker() -> AbstractContextManager[Broker]:
    """Tansu, or with NEONBLUE_TEST_BROKER=apache genuine Apache Kafka (``make test-kafka``)."""
    if not APACHE:
        return tansu.running()
    reason = apache_kafka.missing()
    if reason is not None:
        pytest.skip(reason)
    return apache_kafka.running()


@pytest.fixture
def memory(store: Store, tmp_path: Path) -> Iterator[Memory]:
    opened = Memory(store.documents, open_embedder("minilm"), tmp_path / "chroma").start()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shared_broker() -> Iterator[Broker]:
    with running_broker() as broker:
        yield broker


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A broker of the test's own, to be killed and started again."""
    with running_broker() as broker:
        yield broker


@pytest.fixture
def usual() -> dict[str, Any]:
    """What a module's loads have in common; a module says its own."""
    return {}


@pytest.fixture
def load(store: Store, tmp_path: Path, usual: dict[str, Any]) -> Callable[..., LoadSummary]:
    """Load a file as ``usual``; options of the plan may be overridden."""

    def run(path: Path, **options: Any) -> LoadSummary:
        given = {"path": str(path), "rejects": str(tmp_path / "rejects.csv"), **usual, **options}
        return load_file(store, LoadPlan.from_arguments(given), lambda done, total, message: None)

    return run


class Topics:
    """The topics of one test, with names that no other test uses."""

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self.name = uuid.uuid4().hex[:8]
        self.partitions = 1
        self.settings = KafkaSettings(
            bootstrap_servers=servers,
            events_topic=f"events_{self.name}",
            enriched_topic=None,
            dead_topic=f"dead_{self.name}",
            group_id=f"group_{self.name}",
            session_timeout_ms=1000,
        )

    async def create(self, *, partitions: int = 1, names: Sequence[str] = ()) -> None:
        self.partitions = partitions
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await admin.start()
        wanted = [self.settings.events_topic, self.settings.dead_topic, *names]
        await admin.create_topics([NewTopic(name, partitions, 1) for name in wanted])
        await admin.close()

    async def send(
        self,
        messages: Iterable[tuple[bytes | None, bytes | None]],
        *,
        topic: str | None = None,
        compression: str | None = None,
    ) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.servers, acks=1, compression_type=compression
        )
        await producer.start()
        waiting = [
            await producer.send(topic or self.settings.events_topic, key=key, value=value)
            for key, value in messages
        ]
        for sent in waiting:
            await sent
        await producer.stop()

    async def read(self, topic: str, count: int, timeout_seconds: float = 10) -> list[Any]:
        """The first messages of a topic, partition by partition."""
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=self.servers, auto_offset_reset="earliest"
        )
        await consumer.start()
        found: list[Any] = []
        try:
            async with asyncio.timeout(timeout_seconds):
                while len(found) < count:
                    fetched = await consumer.getmany(timeout_ms=200)
                    found += [message for part in fetched.values() for message in part]
        finally:
            await consumer.stop()
        return sorted(found, key=lambda message: (message.partition, message.offset))

    async def committed(self) -> int:
        """The sum of the group's committed offsets."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.servers,
            group_id=self.settings.group_id,
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            offsets = [
                await consumer.committed(TopicPartition(self.settings.events_topic, number))
                for number in range(self.partitions)
            ]
            return sum(offset or 0 for offset in offsets)
        finally:
            await consumer.stop()


@pytest.fixture
def topics(shared_broker: Broker) -> Topics:
    return Topics(shared_broker.address)


def event(number: int, **changes: Any) -> dict[str, Any]:
    """A valid event whose content follows from its number."""
    return {
        "event_id": f"e{number}",
        "user_id": f"u{number % 17}",
        "experiment_id": "checkout",
        "variant_id": ("control", "treatment")[number % 17 % 2],
        "event_type": ("exposure", "page_view", "add_to_cart", "purchase")[number % 4],
        "timestamp": (NOW - timedelta(seconds=5000 - number)).isoformat(),
        "value": float(number % 50),
        "session_id": f"s{number % 5}",
        "properties": {"page": f"/p{number % 3}", "device": "mobile"},
        **changes,
    }


def message(number: int, **changes: Any) -> tuple[bytes, bytes]:
    """An event as a Kafka key and value."""
    content = event(number, **changes)
    return content["user_id"].encode(), json.dumps(content).encode()


@pytest.fixture
def make_event() -> Callable[..., dict[str, Any]]:
    return event


@pytest.fixture
def make_message() -> Callable[..., tuple[bytes, bytes]]:
    return message


def new_pipeline(store: Store, **changes: Any) -> Pipeline:
    options: dict[str, Any] = {"source": "kafka", "enricher": Enricher(), **changes}
    return Pipeline(store, Definitions(store), **options)


@pytest.fixture
def pipeline(store: Store) -> Pipeline:
    return new_pipeline(store)


@pytest.fixture
def make_pipeline(store: Store) -> Callable[..., Pipeline]:
    return lambda **changes: new_pipeline(store, **changes)


@asynccontextmanager
async def running_worker(
    store: Store, settings: KafkaSettings, pipeline: Pipeline | None = None
) -> AsyncIterator[Worker]:
    board = StatusBoard(store, Telemetry())
    worker = Worker(settings, pipeline or new_pipeline(store), board)
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        async with asyncio.timeout(15):
            await task


@pytest.fixture
def run_worker() -> Callable[..., Any]:
    return running_worker


async def until(condition: Callable[[], bool], timeout_seconds: float = 40) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(timeout_seconds):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return until
