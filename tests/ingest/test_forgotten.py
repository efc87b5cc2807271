"""A user who was forgotten does not come back with a replayed topic, in no table and no topic."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from neonblue.ingest.stream.batch import Written
from neonblue.ingest.stream.pipeline import Pipeline
from neonblue.ingest.stream.record import LineRecord
from neonblue.jobs import find_job
from neonblue.stores import Store
from neonblue.workspace import Workspace


@pytest.fixture
def ingest(workspace: Workspace) -> Any:
    """Take messages the way the worker does, each time as a process that has just started."""
    from neonblue.ingest.stream.service import open_pipeline

    def take(*messages: tuple[bytes | None, bytes]) -> Written:
        pipeline: Pipeline = open_pipeline(workspace.store, source="kafka")
        records = [LineRecord("events", 0, n, *each) for n, each in enumerate(messages)]
        return pipeline.write(pipeline.prepare(records))

    return take


def forget(workspace: Workspace, user: str, **options: Any) -> dict[str, Any]:
    return find_job("forget")(
        workspace, {"user": user, "wait_seconds": 0, **options}, lambda *_: None
    )


def everything(store: Store) -> str:
    """Every row of every table, as text."""
    tables = store.database.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND endsWith(engine, 'MergeTree')"
    )
    return "\n".join(
        str(store.database.rows("SELECT * FROM {table:Identifier}", {"table": table}))
        for (table,) in tables
    )


def test_a_replayed_topic_does_not_bring_a_forgotten_user_back(
    workspace: Workspace, ingest: Any, make_message: Any
) -> None:
    messages = [make_message(n, user_id="ann" if n % 3 == 0 else "bob") for n in range(12)]
    bad = (b"ann", b'{"user_id": "ann", "event_id": "broken')
    quoting = (None, b'{"user_id": "ann", "event_id": 7}')
    first = ingest(*messages, bad, quoting)
    assert (first.events, len(first.dead_letters), first.dropped) == (12, 2, 0)
    forget(workspace, "ann")
    again = ingest(*messages, bad, quoting)
    assert (again.events, len(again.dead_letters), again.dropped) == (8, 0, 6)
    assert set(again.kept.events["user_id"].to_pylist()) == {"bob"}
    assert [json.loads(messages[row][1])["user_id"] for row in again.kept.indices] == ["bob"] * 8
    enriched = again.kept.enrichment
    assert enriched is not None
    assert set(enriched.rows["user_id"].to_pylist()) == {"bob"}
    assert enriched.positions == list(range(8))
    assert "'ann'" not in everything(workspace.store)
    assert "ann" not in str(workspace.store.dead_letters.waiting())


def test_a_user_who_comes_back_is_taken_from_then_on(
    workspace: Workspace, ingest: Any, make_message: Any
) -> None:
    old = make_message(1, user_id="ann")
    ingest(old)
    forget(workspace, "ann")
    assert ingest(make_message(2, user_id="ann")).dropped == 1
    assert forget(workspace, "ann", readmit=True) == {"readmitted": True}
    assert forget(workspace, "nobody", readmit=True) == {"readmitted": False}
    later = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    written = ingest(old, make_message(3, user_id="ann", timestamp=later))
    assert (written.events, written.dropped) == (1, 1)
    assert [each.event_id for each in workspace.store.events.of_users(["ann"])] == ["e3"]


async def test_what_is_dropped_is_counted_with_its_reason_and_not_published(
    store: Store, topics: Any, make_message: Any, run_worker: Any, eventually: Any
) -> None:
    from neonblue.ingest.stream.report import ingest_report

    enriched = f"enriched_{topics.name}"
    await topics.create(names=[enriched])
    settings = topics.settings.model_copy(update={"enriched_topic": enriched})
    store.forgotten.add("u1")
    await topics.send(make_message(number) for number in range(34))
    async with run_worker(store, settings) as worker:
        await eventually(lambda: worker._status.now.messages == 34)
        published = await topics.read(enriched, 32)
    assert ingest_report(store).dropped == {"forgotten_user": 2}
    assert b"u1" not in {message.key for message in published}
    assert store.events.count() == 32
    assert await topics.committed() == 34
