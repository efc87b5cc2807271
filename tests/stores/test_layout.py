"""Statements for one server become what replicas and Cloud need; other layouts are refused."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.services import clickhouse_server
from tests.services.clickhouse_server import ClickHouseServer

from neonblue.errors import InvalidInputError
from neonblue.stores import Store, open_store
from neonblue.stores.database import Database
from neonblue.stores.layout import HUNDRED_YEARS, Layout
from neonblue.stores.migrations import APPLIED_TABLE, MIGRATIONS

REPLICATED = Layout(cluster="replicated")
KEEPER = """
  <zookeeper><implementation>testkeeper</implementation></zookeeper>
  <macros><cluster>{cluster}</cluster><shard>1</shard><replica>a</replica></macros>
  <remote_servers>
    <one><shard><replica><host>127.0.0.1</host><port>9</port></replica></shard></one>
    <two>
      <shard><replica><host>127.0.0.1</host><port>9</port></replica></shard>
      <shard><replica><host>127.0.0.2</host><port>9</port></replica></shard>
    </two>
  </remote_servers>
"""


@pytest.fixture(scope="module")
def keeper() -> Iterator[ClickHouseServer]:
    """A server with a Keeper for tests and a cluster of one shard."""
    reason = clickhouse_server.missing()
    if reason is not None:
        pytest.skip(reason)
    with clickhouse_server.running(KEEPER.format(cluster="one")) as running:
        yield running


def creations() -> list[str]:
    statements = [s for migration in MIGRATIONS for s in migration.statements]
    return [APPLIED_TABLE, *(s for s in statements if s.lstrip().startswith("CREATE TABLE"))]


def test_every_table_is_replicated_on_the_whole_cluster(store: Store) -> None:
    """And ClickHouse's own parser reads what came of it."""
    for statement in creations():
        laid_out = REPLICATED.of(statement)
        assert " ON CLUSTER '{cluster}' (" in laid_out
        assert "ENGINE = Replicated" in laid_out
        store.database.rows("SELECT formatQuery({q:String})", {"q": laid_out})


def test_what_decides_between_writers_decides_for_good() -> None:
    """Replicas forget tokens after an hour unless told otherwise."""
    deciding = [s for s in creations() if "deduplication_window" in s]
    assert len(deciding) == 6
    for cluster in (REPLICATED, Layout(cluster="cloud")):
        for statement in deciding:
            assert (
                "replicated_deduplication_window = 10000, "
                f"replicated_deduplication_window_seconds = {HUNDRED_YEARS}"
            ) in cluster.of(statement)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "DROP TABLE IF EXISTS load_1 SYNC",
            "DROP TABLE IF EXISTS load_1 ON CLUSTER '{cluster}' SYNC",
        ),
        (
            "ALTER TABLE events MODIFY SETTING a = 1",
            "ALTER TABLE events ON CLUSTER '{cluster}' MODIFY SETTING a = 1",
        ),
        (
            "ALTER TABLE {table:Identifier} RESET SETTING a",
            "ALTER TABLE {table:Identifier} ON CLUSTER '{cluster}' RESET SETTING a",
        ),
        ("ALTER TABLE events ADD COLUMN a String", "ALTER TABLE events ADD COLUMN a String"),
        ("DELETE FROM events WHERE 1", "DELETE FROM events WHERE 1"),
    ],
)
def test_only_what_replicas_do_not_pass_on_is_sent_to_all(statement: str, expected: str) -> None:
    assert REPLICATED.of(statement) == expected
    assert Layout(cluster="replicated", alone=True).of(statement) == statement
    assert Layout().of(statement) == statement
    assert Layout(cluster="cloud").of(statement) == statement


def test_a_staging_table_has_a_path_of_its_own() -> None:
    engine = (
        "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/d/events', '{replica}', "
        "ingested_at) ORDER BY (a, b) SETTINGS index_granularity = 8192"
    )
    assert REPLICATED.staging("load_1", "events", engine) == (
        "CREATE TABLE load_1 ON CLUSTER '{cluster}' AS events ENGINE = ReplicatedReplacingMergeTree"
        "('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ingested_at) "
        "ORDER BY (a, b) SETTINGS index_granularity = 8192"
    )
    assert Layout().staging("load_1", "events", engine) == "CREATE TABLE load_1 AS events"


def test_a_server_with_keeper_takes_every_table_and_a_staging_table_of_each(
    keeper: ClickHouseServer,
) -> None:
    """Its tables cannot be written: replication itself is not to be had in a test."""
    with closing(Database(keeper.dsn(database="tables"), cluster="replicated")) as database:
        assert database.layout.alone
        for statement in creations():
            database.command(statement)
        tables = database.rows(
            "SELECT name, engine, engine_full FROM system.tables WHERE database = 'tables'"
        )
        assert {engine.startswith("Replicated") for _, engine, _ in tables} == {True}
        for table, _, engine in tables:
            database.define(database.layout.staging(f"copy_{table}", table, engine))


def test_a_cluster_of_several_shards_is_refused(keeper: ClickHouseServer) -> None:
    with (
        clickhouse_server.running(KEEPER.format(cluster="two")) as sharded,
        pytest.raises(InvalidInputError, match="'two' has 2 shards: NeonBlue can be replicated"),
    ):
        open_store(sharded.dsn(), cluster="replicated")


def test_a_server_without_macros_says_which(real_server: ClickHouseServer) -> None:
    with pytest.raises(InvalidInputError, match="cluster, shard, replica is missing"):
        open_store(real_server.dsn(database="nomacros"), cluster="replicated")


def test_tables_of_another_layout_are_refused(real_server: ClickHouseServer) -> None:
    open_store(real_server.dsn(database="single")).close()
    with pytest.raises(InvalidInputError, match="set NEONBLUE_CLICKHOUSE_CLUSTER=none"):
        open_store(real_server.dsn(database="single"), cluster="cloud")
    real_server.drop("single")


@pytest.mark.parametrize("engine", ["Distributed('one', 'apart', 'events')", "Memory"])
def test_a_table_of_ours_through_another_is_refused(keeper: ClickHouseServer, engine: str) -> None:
    """A deletion through it would say that it had deleted."""
    apart = f"apart_{engine[:6].lower()}"
    with closing(Database(keeper.dsn(database=apart))) as database:
        database.command(f"CREATE TABLE events (user_id String) ENGINE = {engine}")
    with pytest.raises(InvalidInputError, match="which it cannot through such a table"):
        open_store(keeper.dsn(database=apart))


def test_the_engine_in_this_process_has_no_cluster(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="is for a ClickHouse server"):
        open_store(f"chdb://{tmp_path / 'clickhouse'}", cluster="replicated")
