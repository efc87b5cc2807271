"""The same store code through ClickHouse's HTTP client, against the front over chDB."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.services.ports import free_port, wait_for_port

from neonblue.errors import UnavailableError
from neonblue.ingest.stream.pipeline import Pipeline
from neonblue.ingest.stream.record import LineRecord
from neonblue.ingest.stream.service import open_pipeline
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores import Store, open_store
from neonblue.stores.documents import Document, EmbeddedDocument
from neonblue.stores.looks import Look

FRONT = Path(__file__).with_name("clickhouse_front.py")


class Server:
    """The front's process; its data survives a restart."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self.start()

    @property
    def dsn(self) -> str:
        return f"clickhouse://default:@127.0.0.1:{self.port}/default"

    def start(self) -> None:
        words = [sys.executable, str(FRONT), str(self.port), str(self._folder)]
        self._process = subprocess.Popen(words)
        wait_for_port(self.port, 30)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "remote")
    yield running
    running.kill()


@pytest.fixture
def remote(server: Server) -> Iterator[Store]:
    opened = open_store(server.dsn)
    yield opened
    opened.close()


def event(number: int, **changes: Any) -> bytes:
    import json

    content = {
        "event_id": f"e{number}",
        "user_id": f"u{number % 7}",
        "experiment_id": "checkout",
        "variant_id": ("control", "treatment")[number % 7 % 2],
        "event_type": ("exposure", "purchase")[number // 7 % 2],
        "timestamp": f"2026-03-01T10:{number // 60:02}:{number % 60:02}Z",
        "value": float(number),
        "properties": {"page": 'it\'s \\ "quoted" \n', "device": "mobile"},
        **changes,
    }
    return json.dumps(content).encode()


def write(pipeline: Pipeline, *messages: bytes) -> Any:
    records = [
        LineRecord("events", 0, number, b"k", message) for number, message in enumerate(messages)
    ]
    return pipeline.write(pipeline.prepare(records))


def plan() -> Experiment:
    return Experiment(
        experiment_id="checkout",
        variants=(
            Variant(variant_id="control", is_control=True),
            Variant(variant_id="treatment"),
        ),
        metrics=(MetricDefinition(name="orders", kind="proportion", event_type="purchase"),),
    )


def test_the_pipeline_writes_and_reads_over_http(remote: Store) -> None:
    pipeline = open_pipeline(remote, source="kafka")
    messages = [event(number) for number in range(100)]
    for _ in range(2):
        written = write(pipeline, *messages, b"\xff\x00 rubbish")
    assert written.events == 100
    assert remote.events.count() == 100
    assert remote.enrichments.count() == 100
    (letter,) = remote.dead_letters.waiting()
    assert (letter.payload, letter.key) == (b"\xff\x00 rubbish", b"k")
    (stored,) = [each for each in remote.events.of_users(["u1"]) if each.event_id == "e1"]
    assert stored.properties["page"] == 'it\'s \\ "quoted" \n'


def test_definitions_journeys_and_deletions_work_over_http(remote: Store) -> None:
    remote.experiments.save(plan())
    write(open_pipeline(remote, source="kafka"), *(event(number) for number in range(30)))
    assert remote.experiments.get("checkout").variants == plan().variants
    facts = remote.journeys.of(["u1", "u2"])
    assert sorted(each.user_id for each in facts) == ["u1", "u2"]
    assert len(remote.journey_marks.waiting(100)) == 7
    assert remote.journeys.of([f"nobody-{number}" for number in range(5000)]) == []
    remote.events.delete([("checkout", "u1", "e1"), ("", "", "e2")])
    assert remote.events.count() == 28


def test_the_same_numbers_as_in_process(remote: Store, store: Store) -> None:
    """Whatever engine answers, an effect is the same."""
    for each in (remote, store):
        each.experiments.save(plan())
        write(open_pipeline(each, source="kafka"), *(event(number) for number in range(200)))
    query = """
        SELECT variant_id, event_type, count(), sum(value), varSamp(value), min(timestamp)
        FROM events FINAL GROUP BY 1, 2 ORDER BY 1, 2
    """
    assert remote.database.rows(query) == store.database.rows(query)


def test_what_one_process_remembers_another_reads_since(server: Server, remote: Store) -> None:
    document = Document(document_id="ann", text="a cart", metadata={"value": 2.0})
    vector = np.asarray([0.6, 0.8], dtype=np.float32)
    stored = EmbeddedDocument(document=document, vector=vector, fingerprint="m:1")
    with closing(open_store(server.dsn)) as other:
        for _ in range(2):
            remote.documents.save("user_journeys", [stored])
            changed, latest = other.documents.changed_since("user_journeys", "m:1", None, 60.0)
            assert changed == {"ann": document.content_hash}
        assert other.documents.changed_since("user_journeys", "m:1", latest, 60.0) == ({}, latest)
        (read,) = other.documents.embedded("user_journeys", "m:1", ["ann", "nobody"])
    assert (read.document.text, read.document.content_hash) == ("a cart", document.content_hash)
    assert read.vector.tolist() == pytest.approx([0.6, 0.8])


def test_a_server_that_is_gone_says_so_and_comes_back(server: Server, remote: Store) -> None:
    pipeline = open_pipeline(remote, source="kafka")
    write(pipeline, *(event(number) for number in range(10)))
    server.kill()
    with pytest.raises(UnavailableError, match="does not answer"):
        write(pipeline, event(11))
    server.start()
    write(pipeline, *(event(number) for number in range(20)))
    assert remote.events.count() == 20


def test_a_mistake_in_sql_keeps_its_code(remote: Store) -> None:
    with pytest.raises(Exception, match="UNKNOWN_TABLE"):
        remote.database.rows("SELECT * FROM nowhere")


def test_a_user_forgotten_by_another_process_meanwhile_is_erased_again(
    remote: Store, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker knows the tombstones of a while ago, and inserts after the other's deletion."""
    monkeypatch.setattr("neonblue.stores.forgotten.READ_SECONDS", 60.0)
    message = (
        b'{"event_id":"e%d","user_id":"%s","experiment_id":"","event_type":"view",'
        b'"timestamp":"2026-01-01T00:00:00Z"}'
    )
    pipeline = open_pipeline(remote, source="kafka")
    records = [
        LineRecord("events", 0, 0, b"ann", message % (1, b"ann")),
        LineRecord("events", 0, 1, b"bob", message % (2, b"bob")),
        LineRecord("events", 0, 2, b"ann", b'{"user_id": "ann", "event'),
    ]
    prepared = pipeline.prepare(records)
    assert not remote.forgotten.anybody()
    with closing(open_store(server.dsn)) as other:
        other.forgotten.add("ann")
        other.forgetting.erase("ann")
    written = pipeline.write(prepared)
    assert (written.events, written.dropped, written.dead_letters) == (1, 2, ())
    assert written.kept.events["user_id"].to_pylist() == ["bob"]
    assert remote.forgetting.count("ann") == {}
    assert remote.dead_letters.counts() == {}
    assert [event.user_id for event in remote.events.of_users(["ann", "bob"])] == ["bob"]


def test_two_owners_lose_no_look(server: Server, remote: Store) -> None:
    """Both record in one microsecond, with equal rows: they are two looks."""
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    look = Look(
        experiment_id="exp",
        version=1,
        metric="",
        variant_id="",
        looked_at=moment,
        actor="both",
        units=10,
        estimate=0.0,
        ci_lower=-1.0,
        ci_upper=1.0,
        p_value=1.0,
        running_p_value=1.0,
        metrics={"bought": "primary"},
    )
    with closing(open_store(server.dsn)) as other, ThreadPoolExecutor(4) as pool:
        for store in (remote, other) * 5:
            pool.submit(store.looks.append, [look])
    state = remote.looks.state("exp", 1)
    assert state.looks == 10
    first = state.first_reading
    assert first is not None
    assert first.metrics == {"bought": "primary"}
