"""One DSN, many threads; what goes wrong with the world is said in our words."""

import fcntl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from neonblue.errors import ConflictError, InvalidInputError, StoreBusyError, UnavailableError
from neonblue.stores import Store, embedded_engine, open_store
from neonblue.stores.database import KEPT_CLIENTS, Database, identifier
from neonblue.stores.migrations import MIGRATIONS, migrate
from neonblue.stores.migrations.migration import Migration


def test_values_are_bound_and_never_meet_the_text(store: Store) -> None:
    nasty = "x'; DROP TABLE events; -- \\ \n\t\0 {id:String}"
    assert store.database.rows("SELECT {value:String}", {"value": nasty}) == [(nasty,)]


def test_times_come_back_aware_and_in_utc(store: Store) -> None:
    ((moment,),) = store.database.rows("SELECT toDateTime64('2026-01-01 00:00:00.5', 3, 'UTC')")
    assert moment == datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)


def test_many_threads_read_while_one_writes(store: Store) -> None:
    store.database.command("CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a")

    def write(number: int) -> None:
        store.database.insert("t", pa.table({"a": pa.array([number], pa.uint32())}))

    def read(_: int) -> int:
        return int(store.database.rows("SELECT count() FROM t")[0][0])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
        counts = list(pool.map(read, range(40)))
    assert counts == [40] * 40


def test_what_a_burst_of_calls_opened_is_given_back(store: Store) -> None:
    """Forty calls at once are all answered; afterwards no more clients are open than are kept."""
    database = store.database
    together = threading.Barrier(40)

    def read(_: int) -> int:
        together.wait()
        return int(database.rows("SELECT count() FROM numbers(100000)")[0][0])

    with ThreadPoolExecutor(40) as pool:
        assert list(pool.map(read, range(40))) == [100_000] * 40
    assert len(database._opened) == len(database._free) <= KEPT_CLIENTS


def test_one_answer_asks_an_equal_query_once_until_it_writes(store: Store) -> None:
    store.database.command("CREATE TABLE once (a UInt32) ENGINE = MergeTree ORDER BY a")
    count = "SELECT count() FROM once WHERE a >= {least:UInt32}"

    def counted(least: int = 0) -> int:
        return int(store.database.rows(count, {"least": least})[0][0])

    with store.database.reading_once(), ThreadPoolExecutor(1) as other:
        assert (counted(), counted(7)) == (0, 0)
        other.submit(store.database.insert_rows, "once", ["a"], [[5]]).result()
        assert counted() == 0, "the answer is as of one moment"
        assert other.submit(counted).result() == 1, "others are not held back"
        with store.database.reading_once():
            assert counted() == 0
        store.database.insert_rows("once", ["a"], [[9]])
        assert (counted(), counted(7)) == (2, 1)
        store.database.rows(count, {"least": 0}).clear()
        assert counted() == 2
    assert counted() == 2


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    with pytest.raises(UnavailableError, match="is closed: start neonblue again"):
        store.events.count()


@pytest.mark.embedded("one process holds the engine's folder")
def test_a_second_process_is_refused_with_a_reason(store: Store, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom neonblue.errors import StoreBusyError\n"
        "from neonblue.stores import open_store\n"
        "try:\n    open_store(sys.argv[1])\n"
        "except StoreBusyError as error:\n    print(error)\n"
    )
    dsn = f"chdb://{tmp_path / 'clickhouse'}"
    done = subprocess.run(
        [sys.executable, "-c", script, dsn], capture_output=True, text=True, check=True
    )
    assert "holds the data in" in done.stdout


def test_an_engine_that_a_killed_process_is_about_to_let_go_of_is_waited_for(
    tmp_path: Path,
) -> None:
    """Its locks are freed one after the other: the directory's before the engine's."""
    open_store(f"chdb://{tmp_path / 'clickhouse'}").close()
    hold = (
        "import fcntl, sys, time\nfile = open(sys.argv[1], 'ab')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\nprint('held', flush=True)\ntime.sleep(0.5)\n"
    )
    status = str(tmp_path / "clickhouse" / "status")
    with subprocess.Popen([sys.executable, "-c", hold, status], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        store = open_store(f"chdb://{tmp_path / 'clickhouse'}")
    assert store.events.count() == 0
    store.close()


def test_an_engine_that_is_let_go_of_just_after_it_was_refused_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the refusal and the look at the lock its holder may have died."""
    path = tmp_path / "clickhouse"
    open_store(f"chdb://{path}").close()
    refusals: list[str] = []
    open_once = embedded_engine._embedded_client

    def open_and_let_go(*arguments: Any) -> Any:
        try:
            return open_once(*arguments)
        except Exception as error:
            refusals.append(str(error))
            fcntl.flock(holder, fcntl.LOCK_UN)
            raise

    monkeypatch.setattr(embedded_engine, "_embedded_client", open_and_let_go)
    with (path / "status").open("ab") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        store = open_store(f"chdb://{path}")
    assert len(refusals) == 1
    assert store.events.count() == 0
    store.close()


@pytest.mark.embedded("one process has one engine")
def test_another_path_in_this_process_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreBusyError, match="another store in this process"):
        open_store(f"chdb://{tmp_path / 'elsewhere'}")


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(UnavailableError, match="does not answer") as raised:
        Database("clickhouse://ana:secret@127.0.0.1:1/shop")
    assert "secret" not in str(raised.value)


def test_only_our_names_become_part_of_a_statement() -> None:
    assert identifier("load_1") == "load_1"
    for name in ("", "a b", "A", "1a", "a;b", 'a"', "a" * 80):
        with pytest.raises(InvalidInputError):
            identifier(name)


def test_a_query_over_the_memory_limit_says_what_to_do(tmp_path: Path) -> None:
    store = open_store(f"chdb://{tmp_path / 'clickhouse'}", max_memory_fraction=1e-9)
    try:
        with pytest.raises(UnavailableError, match="NEONBLUE_MAX_MEMORY_FRACTION"):
            store.database.rows("SELECT groupArray(number) FROM numbers(100000000)")
        assert store.database.rows("SELECT 1") == [(1,)]
    finally:
        store.close()


def test_migrations_run_once_and_in_order(store: Store) -> None:
    assert migrate(store.database) == []
    step = Migration(name="extra", statements=("CREATE TABLE extra (a UInt8) ENGINE = Memory",))
    assert migrate(store.database, (*MIGRATIONS, step)) == ["extra"]
    assert migrate(store.database, (*MIGRATIONS, step)) == []


def test_data_of_a_newer_version_is_left_alone(store: Store) -> None:
    step = Migration(name="of_the_future", statements=())
    migrate(store.database, (*MIGRATIONS, step))
    with pytest.raises(ConflictError, match="written by a newer neonblue"):
        migrate(store.database)


def test_names_of_migrations_are_unique() -> None:
    names = [migration.name for migration in MIGRATIONS]
    assert len(set(names)) == len(names)
