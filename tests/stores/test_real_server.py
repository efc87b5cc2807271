"""An engine that refuses for its own reasons makes no dead letters: a real server, and chDB."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.services import clickhouse_server
from tests.services.clickhouse_server import PASSWORD, ClickHouseServer

from neonblue.errors import InvalidInputError, RefusedRowsError, UnavailableError
from neonblue.ingest.definitions.captured import Definitions
from neonblue.ingest.stream.pipeline import Pipeline, Prepared
from neonblue.ingest.stream.record import LineRecord
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores import Store, open_store
from neonblue.stores.database import Database
from neonblue.stores.experiment_history import ExperimentHistory, Step
from neonblue.stores.row_faults import ROW_FAULTS


@pytest.fixture(scope="module")
def server() -> Iterator[ClickHouseServer]:
    reason = clickhouse_server.missing()
    if reason is not None:
        pytest.skip(reason)
    with clickhouse_server.running() as running:
        yield running


@pytest.fixture
def remote(server: ClickHouseServer) -> Iterator[Store]:
    yield from emptied(server.dsn())


@pytest.fixture(params=["chdb", "server"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """The engine in this process, and a server."""
    if request.param == "chdb":
        yield from emptied(f"chdb://{tmp_path / 'clickhouse'}")
    else:
        yield from emptied(request.getfixturevalue("server").dsn())


def emptied(dsn: str) -> Iterator[Store]:
    opened = open_store(dsn)
    opened.database.command("TRUNCATE TABLE events")
    opened.database.command("TRUNCATE TABLE dead_letters")
    yield opened
    opened.close()


def events(pipeline: Pipeline, values: Any = range(1000)) -> Prepared:
    contents = [
        {
            "event_id": f"e{number}",
            "user_id": f"u{number}",
            "experiment_id": "x",
            "event_type": "view",
            "timestamp": "2026-01-01T00:00:00Z",
            "value": value,
        }
        for number, value in enumerate(values)
    ]
    messages = [json.dumps(content).encode() for content in contents]
    return pipeline.prepare([LineRecord("e", 0, n, None, m) for n, m in enumerate(messages)])


def pipeline_of(store: Store) -> Pipeline:
    return Pipeline(store, Definitions(store), source="test", enricher=None)


def too_many_parts(store: Store) -> Callable[[], None]:
    store.database.command("SYSTEM STOP MERGES events")
    store.database.command(
        "ALTER TABLE events MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 0"
    )
    store.database.command("INSERT INTO events (event_id) VALUES ('one part')")

    def mend() -> None:
        store.database.command(
            "ALTER TABLE events RESET SETTING parts_to_throw_insert, parts_to_delay_insert"
        )
        store.database.command("SYSTEM START MERGES events")
        store.database.command("TRUNCATE TABLE events")

    return mend


def too_little_memory(store: Store) -> Callable[[], None]:
    def allow(most: str) -> None:
        for client in store.database._opened:
            client.set_client_setting("max_memory_usage", most)

    allow("100000")
    return lambda: allow("1000000000")


def no_table(store: Store) -> Callable[[], None]:
    store.database.command("RENAME TABLE events TO elsewhere")
    return lambda: store.database.command("RENAME TABLE elsewhere TO events")


def another_table(store: Store) -> Callable[[], None]:
    """A code that a row could cause, but for every row alike: the table is not ours any more."""
    store.database.command("ALTER TABLE events ADD CONSTRAINT none CHECK user_id = ''")
    return lambda: store.database.command("ALTER TABLE events DROP CONSTRAINT none")


TROUBLE = (too_many_parts, too_little_memory, no_table, another_table)


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda each: each.__name__)
def test_what_the_engine_refuses_for_itself_blames_no_row(
    either: Store, trouble: Callable[[Store], Callable[[], None]]
) -> None:
    """And once it is mended, the same batch goes in whole."""
    pipeline = pipeline_of(either)
    prepared = events(pipeline)
    mend = trouble(either)
    try:
        with pytest.raises(UnavailableError):
            pipeline.write(prepared)
    finally:
        mend()
    assert either.dead_letters.counts() == {}
    written = pipeline.write(prepared)
    assert (written.events, written.dead_letters, either.events.count()) == (1000, (), 1000)


@pytest.mark.parametrize("user", ["reader", "granted"])
def test_a_user_who_may_not_write_blames_no_row(
    server: ClickHouseServer, remote: Store, user: str
) -> None:
    with closing(Database(server.dsn(user))) as database:
        pipeline = pipeline_of(Store(database))
        prepared = events(pipeline)
        with pytest.raises(UnavailableError, match=r"lacks the grant INSERT|may only read"):
            pipeline.write(prepared)
    assert remote.dead_letters.counts() == {}
    assert remote.events.count() == 0


def test_a_row_that_breaks_a_constraint_is_the_only_one_set_aside(either: Store) -> None:
    either.database.command("ALTER TABLE events ADD CONSTRAINT small CHECK value < 900")
    try:
        pipeline = pipeline_of(either)
        values = [901.0 if number in (0, 500, 999) else 1.0 for number in range(1000)]
        written = pipeline.write(events(pipeline, values))
    finally:
        either.database.command("ALTER TABLE events DROP CONSTRAINT small")
    assert sorted(letter.offset for letter in written.dead_letters) == [0, 500, 999]
    assert all("VIOLATED_CONSTRAINT" in letter.detail for letter in written.dead_letters)
    assert either.events.count() == 997


def test_one_bad_row_among_rows_of_the_server_is_told_apart(either: Store) -> None:
    import pyarrow as pa

    either.database.command("CREATE TABLE t (a UInt8, CONSTRAINT c CHECK a < 9) ENGINE = Memory")
    with pytest.raises(RefusedRowsError, match="VIOLATED_CONSTRAINT"):
        either.database.insert("t", pa.table({"a": pa.array([1, 200], pa.uint8())}))
    either.database.command("DROP TABLE t")


def test_the_codes_have_the_names_that_clickhouse_gives_them(either: Store) -> None:
    for code, name in ROW_FAULTS.items():
        assert either.database.rows("SELECT errorCodeToName({c:UInt32})", {"c": code}) == [(name,)]


def test_writers_of_experiments_on_one_server_leave_one_history(
    server: ClickHouseServer, remote: Store
) -> None:
    """Two processes decide upon the same state: one step each time, none lost, none twice."""
    remote.database.command("TRUNCATE TABLE experiment_history")
    plan = Experiment(
        experiment_id="x",
        variants=(Variant(variant_id="a", is_control=True), Variant(variant_id="b")),
        metrics=(MetricDefinition(name="m", kind="proportion", event_type="e"),),
    )

    def write(history: ExperimentHistory, writer: int) -> None:
        for number in range(10):
            name = f"{writer}.{number}"
            history.take(
                "x",
                lambda current, name=name: Step(
                    experiment=replace(
                        plan,
                        name=name,
                        version=1 if current is None else current.experiment.version + 1,
                    ),
                    action="define",
                ),
            )

    with closing(Database(server.dsn())) as other:
        writers = [ExperimentHistory(remote.database), ExperimentHistory(other)]
        threads = [Thread(target=write, args=each) for each in zip(writers, (0, 1), strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    changes = remote.experiment_history.of("x")
    assert [change.state_version for change in changes] == list(range(1, 21))
    assert [change.sequence for change in changes] == list(range(1, 21))
    assert len({change.experiment.name for change in changes}) == 20


@pytest.mark.parametrize(
    ("user", "password", "said"),
    [
        ("guarded", "wrong", "refuses the user or the password"),
        ("guarded", "", "refuses the user or the password"),
        ("nobody", "", "refuses the user or the password"),
        ("elsewhere", "", "refuses the user or the password"),
        ("granted", "", r"the user lacks the grant CREATE DATABASE ON \w+\.\*"),
        ("reader", "", "the user may only read"),
    ],
)
def test_who_may_not_come_in_is_told_what_to_correct(
    server: ClickHouseServer, user: str, password: str, said: str
) -> None:
    with pytest.raises(UnavailableError, match=said) as raised:
        open_store(server.dsn(user, "anew", password))
    assert "NEONBLUE_CLICKHOUSE_DSN" in str(raised.value)
    assert "wrong" not in str(raised.value)


def test_the_right_password_opens_whatever_it_is_made_of(server: ClickHouseServer) -> None:
    with closing(open_store(server.dsn("guarded", "guarded", PASSWORD))) as store:
        assert store.experiments.list() == ()


def test_an_address_that_cannot_be_read_is_refused_without_a_word_of_it(
    server: ClickHouseServer,
) -> None:
    place = f"127.0.0.1:{server.port}/neonblue"
    for dsn in (
        f"clickhouse://guarded:se/cret@{place}",
        f"clickhouse://{place}?user=guarded&password=secret",
    ):
        with pytest.raises(InvalidInputError, match="cannot be read: write clickhouse://") as found:
            open_store(dsn)
        assert "cret" not in str(found.value)
