"""A real server: documented grants are enough, and what is refused is said with the remedy."""

import json
from contextlib import closing
from uuid import uuid4

import pytest
from tests.services.clickhouse_server import ClickHouseServer

from neonblue.errors import InvalidInputError, UnavailableError
from neonblue.ingest.definitions.captured import Definitions
from neonblue.ingest.stream.pipeline import Pipeline
from neonblue.ingest.stream.record import LineRecord
from neonblue.models.reader import Reader, reading
from neonblue.stores import Store, open_store
from neonblue.stores.aggregates import Aggregate
from neonblue.stores.database import Database


@pytest.fixture(scope="module")
def migrated(real_server: ClickHouseServer) -> str:
    """The database ``neonblue`` of the documented users, made by the one who may."""
    open_store(real_server.dsn("neonblue_owner")).close()
    return "neonblue"


def ingested(store: Store, user: str) -> int:
    message = {
        "event_id": uuid4().hex,
        "user_id": user,
        "experiment_id": "checkout",
        "event_type": "view",
        "timestamp": "2026-01-01T00:00:00Z",
    }
    pipeline = Pipeline(store, Definitions(store), source="test", enricher=None)
    records = [LineRecord("e", 0, 0, None, json.dumps(message).encode())]
    return pipeline.write(pipeline.prepare(records)).events


def test_the_documented_worker_ingests_loads_and_forgets(
    real_server: ClickHouseServer, migrated: str
) -> None:
    with closing(open_store(real_server.dsn("neonblue_worker"))) as store:
        assert ingested(store, "ann") == 1
        staging = store.loads.begin()
        staging.insert(
            store.database.table("SELECT * EXCEPT ingested_at FROM events WHERE user_id = 'ann'")
        )
        store.loads.commit(staging, None, "a.csv")
        no_totals: list[Aggregate] = []
        store.loads.commit(store.loads.begin_totals(no_totals), None, "b.csv", replace=True)
        store.forgotten.add("ann")
        assert store.forgetting.erase("ann") == {"events": 2, "journey_marks": 1}
        assert store.forgetting.purge(within_seconds=0.1) in (True, False)
        assert store.events.count() == 0


def test_the_documented_reader_opens_and_reads_and_is_told_why_it_cannot_write(
    real_server: ClickHouseServer, migrated: str
) -> None:
    """It may send neither DDL nor settings: where all is migrated, none are sent."""
    with closing(open_store(real_server.dsn("neonblue_reader"))) as store:
        with reading(Reader(records=False)):
            assert store.experiments.list() == ()
            assert store.moments is not None
            assert store.events.count() == 0
        with pytest.raises(UnavailableError, match="NEONBLUE_READ_ONLY=1"):
            store.forgotten.add("ann")


def test_a_user_without_the_database_is_told_so(real_server: ClickHouseServer) -> None:
    with pytest.raises(UnavailableError, match=r"lacks the grant CREATE DATABASE ON elsewhere"):
        open_store(real_server.dsn("neonblue_worker", "elsewhere"))


def test_settings_in_the_address_reach_the_server(real_server: ClickHouseServer) -> None:
    dsn = real_server.dsn(database="default")
    with closing(Database(f"{dsn}?max_threads=3&connect_timeout=7")) as database:
        assert setting(database, "max_threads") == "3"
        assert setting(database, "async_insert") == "False"
        assert setting(database, "max_memory_usage") == "0"
        assert setting(database, "max_execution_time") == "300.0"
    with closing(Database(f"{dsn}?max_execution_time=1&async_insert=1")) as database:
        assert setting(database, "async_insert") == "True"
        with pytest.raises(UnavailableError, match="took longer than it may"):
            database.rows("SELECT sleepEachRow(1) FROM numbers(20) SETTINGS max_block_size = 1")


def setting(database: Database, name: str) -> str:
    ((value,),) = database.rows("SELECT getSetting({name:String})", {"name": name})
    return str(value)


def test_a_setting_that_the_profile_forbids_is_named(real_server: ClickHouseServer) -> None:
    dsn = real_server.dsn("bounded", "default")
    with pytest.raises(UnavailableError, match=r"Setting max_threads .* take it out of"):
        Database(f"{dsn}?max_threads=8")


def test_statements_name_the_tool_that_sends_them(real_server: ClickHouseServer) -> None:
    with (
        closing(Database(real_server.dsn(database="default"))) as database,
        reading(Reader(tool="list_experiments")),
    ):
        ((comment, query),) = database.rows("SELECT getSetting('log_comment'), currentQueryID()")
    assert comment == "neonblue list_experiments"
    assert query.startswith("neonblue-list_experiments-")


@pytest.mark.parametrize(
    "dsn",
    [
        "clickhouse://guarded:100%sure@127.0.0.1:8123/neonblue",
        "clickhouse://guarded:se#cret@127.0.0.1:8123/neonblue",
        "clickhouse://127.0.0.1:8123/neon%blue",
        "clickhouse:///neonblue",
        "clickhouse://127.0.0.1:8123/neonblue?password=secret",
    ],
)
def test_an_address_with_a_broken_escape_is_refused_before_anybody_is_asked(dsn: str) -> None:
    with pytest.raises(InvalidInputError, match="cannot be read: write clickhouse://") as found:
        Database(dsn)
    assert "cret" not in str(found.value)
    assert "sure" not in str(found.value)
