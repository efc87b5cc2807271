"""A forgotten user is nowhere: not in a row, not in a document, not in a file of ClickHouse."""

import threading
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from tests.services.clickhouse_server import ClickHouseServer

from neonblue.errors import UnavailableError
from neonblue.jobs.forget import run
from neonblue.memory.collections import COLLECTIONS, USER_JOURNEYS
from neonblue.memory.vector_index import IndexBrokenError
from neonblue.stores.documents import Document
from neonblue.workspace import Workspace

USER, OTHER = "zebra-quokka-77", "someone-else"
# A table that is new here must either have a user_id column or be looked at and added to this list.
WITHOUT_USERS = {
    "aggregates",
    "approval_steps",
    "approvals",  # acts on experiments
    "audit_log",  # acts on experiments
    "claims",
    "content_sketches",  # hashes of times and values, without ids
    "definition_rows",
    "experiment_definitions",
    "experiment_history",
    "experiment_statuses",
    "forecast_outcomes",
    "forecasts",
    "forgotten",  # keyed hashes
    "halts",
    "ingest_workers",
    "loads",
    "looks",
    "loop_goals",  # goals, proposals and steps of the loop: experiments, no users
    "loop_proposals",
    "loop_steps",
    "model_calls",  # names of prompts and models, tokens and cost
    "outcomes",
    "pseudonym_keys",
    "published_changes",
    "schema_migrations",
    "text_vectors",
    "traffic_batches",  # shares and counts by variant
    "tuning_records",  # settings and means
    "unit_sketches",  # hashes of ids, erased by the hash
    "unit_starts",
    "verdicts",  # effects and counts
    "verified_questions",  # refused where the question, its plan or its answer names a user
}
BY_OTHER_COLUMNS = {"dead_letters", "documents"}


def silent(done: float, total: float, message: str) -> None:
    """A report that goes nowhere."""


def every_table(workspace: Workspace) -> list[str]:
    rows = workspace.store.database.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND endsWith(engine, 'MergeTree') ORDER BY name"
    )
    return [str(row[0]) for row in rows]


def rows_that_name(workspace: Workspace, user: str) -> dict[str, int]:
    """Rows of any table with the text anywhere in them."""
    found = {}
    for table in every_table(workspace):
        row = workspace.store.database.row(
            "SELECT countIf(position(toString(tuple(*)), {user:String}) > 0) "
            "FROM {table:Identifier}",
            {"table": table, "user": user},
        )
        assert row is not None
        if row[0]:
            found[table] = int(row[0])
    return found


@pytest.fixture
def full(workspace: Workspace) -> Workspace:
    """Both users in every table that can name one, and in the memory."""
    database = workspace.store.database
    for user in (USER, OTHER):
        for table in workspace.store.forgetting.tables():
            database.command(
                "INSERT INTO {table:Identifier} (user_id) VALUES ({user:String})",
                {"table": table, "user": user},
            )
        database.command(
            "INSERT INTO dead_letters (letter_id, key, payload) VALUES "
            "({a:String}, {user:String}, ''), ({b:String}, '', concat('{\"user_id\":\"', "
            "{user:String}, '\",'))",
            {"a": f"t:{user[:2]}:1", "b": f"t:{user[:2]}:2", "user": user},
        )
        document = Document(document_id=user, text="A visitor.", metadata={"user_id": user})
        workspace.memory.remember(USER_JOURNEYS, [document])
    assert workspace.memory.index_states.wait_until_ready(60)
    return workspace


def test_every_table_has_been_looked_at(workspace: Workspace) -> None:
    known = {*workspace.store.forgetting.tables(), *WITHOUT_USERS, *BY_OTHER_COLUMNS}
    assert set(every_table(workspace)) == known


def test_a_forgotten_user_is_in_no_row_and_no_collection(full: Workspace) -> None:
    before = rows_that_name(full, OTHER)
    assert set(before) == {*full.store.forgetting.tables(), *BY_OTHER_COLUMNS}
    assert rows_that_name(full, USER) == before
    run(full, {"user": USER, "wait_seconds": 0}, silent)
    assert rows_that_name(full, USER) == {}
    assert rows_that_name(full, OTHER) == before
    for name in COLLECTIONS:
        assert full.memory.index.get(name, [USER]) == {}
        assert USER not in repr(full.memory.index.hashes(name))
    assert list(full.memory.index.get(USER_JOURNEYS.name, [OTHER])) == [OTHER]


@pytest.fixture
def folder(full: Workspace, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Where the engine keeps its files."""
    if full.store.database.embedded:
        return tmp_path / "data" / "clickhouse"
    server: ClickHouseServer = request.getfixturevalue("real_server")
    return server.folder / "data"


def test_no_file_in_use_names_the_user(full: Workspace, folder: Path) -> None:
    """Neither a part nor the text of the deletion, which ClickHouse keeps; replaced parts go."""
    assert files_with(folder, USER)
    result = run(full, {"user": USER, "wait_seconds": 0.1}, silent)
    replaced = [
        Path(str(row[0]))
        for row in full.store.database.rows("SELECT path FROM system.parts WHERE NOT active")
    ]
    left = {path.parent for path in files_with(folder, USER)}
    assert left <= set(replaced)
    assert result["old_files_removed"] == (not replaced)
    assert {path.parent for path in files_with(folder, OTHER)} - set(replaced)


def test_a_table_that_still_has_the_user_fails_the_forgetting(full: Workspace) -> None:
    """Whatever kind of table it is: nobody is told that a user is gone who is not."""
    database = full.store.database
    database.command("CREATE TABLE copies (user_id String) ENGINE = Log")
    database.insert_rows("copies", ["user_id"], [[USER], [OTHER]])
    with pytest.raises(UnavailableError, match=r"not forgotten: rows are left \(1 in copies\)"):
        run(full, {"user": USER, "wait_seconds": 0}, silent)
    assert full.store.forgotten.among([USER])
    database.command("DROP TABLE copies")
    run(full, {"user": USER, "wait_seconds": 0}, silent)


def test_an_index_that_cannot_be_asked_fails_the_forgetting(
    full: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user may be in it."""
    monkeypatch.setattr("neonblue.jobs.forget.INDEX_SECONDS", 0.1)
    full.memory.index_sync.stop()
    full.memory.index_states.report_broken(IndexBrokenError("away"))
    with pytest.raises(UnavailableError, match="index cannot be asked"):
        run(full, {"user": USER, "wait_seconds": 0}, silent)


def files_with(folder: Path, text: str) -> list[Path]:
    return [
        path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()
    ]


def test_a_forgotten_user_leaves_the_sketches_of_units(workspace: Workspace) -> None:
    """They tell which experiments share units, by hashes of ids."""
    database, sketches = workspace.store.database, workspace.store.unit_sketches
    hashed = {
        user: database.rows("SELECT sipHash64({user:String})", {"user": user})[0][0]
        for user in (USER, OTHER)
    }
    sketches.of_totals("exp", list(hashed.values()), keep=True)
    workspace.store.forgetting.erase(USER)
    kept = database.rows("SELECT unit_hash FROM unit_sketches")
    assert kept == [(hashed[OTHER],)]


def test_what_cannot_be_reached_is_named(workspace: Workspace) -> None:
    """Others' events are their data; a short id inside of a longer value proves nothing."""
    for number, (user, referrer) in enumerate(
        [(OTHER, f"invite:{USER}"), (OTHER, USER), (USER, USER), (OTHER, "a1b"), (OTHER, "a1")]
    ):
        workspace.store.database.command(
            "INSERT INTO events (user_id, event_id, properties) "
            "VALUES ({user:String}, {id:String}, map('referrer', {referrer:String}))",
            {"user": user, "id": f"e{number}", "referrer": referrer},
        )
    assert workspace.store.forgetting.mentions("a1") == {"referrer": 1}
    result = run(workspace, {"user": USER, "wait_seconds": 0}, silent)
    told = "\n".join(result["not_reached"])
    assert "2 events of other users hold the id in their property 'referrer'" in told
    assert "rejects.csv" in told
    assert USER not in told


def test_files_of_rejected_rows_that_hold_the_id_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neonblue.cli.forget import rejects_with

    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv.rejects.csv").write_text(f"reason,user\nbad,{USER}\n")
    (tmp_path / "b.csv.rejects.csv").write_text(f"reason,user\nbad,{OTHER}\n")
    assert rejects_with(USER) == ["a.csv.rejects.csv"]


def test_forgetting_beside_loads_that_come_and_go_does_not_fail(full: Workspace) -> None:
    """A load stages rows in tables that also name users, and drops them."""
    stop = threading.Event()

    def stage() -> None:
        while not stop.is_set():
            staging = full.store.loads.begin()
            staging.rows().drop()
            staging.drop()

    thread = threading.Thread(target=stage)
    thread.start()
    try:
        found = [run(full, {"user": user, "wait_seconds": 0}, silent) for user in (USER, OTHER)]
    finally:
        stop.set()
        thread.join()
    assert all(sum(each["rows_erased"].values()) > 5 for each in found)
    assert rows_that_name(full, USER) == {}


def test_a_table_that_goes_while_it_is_forgotten_from_is_no_failure(full: Workspace) -> None:
    with full.store.forgetting._unless_dropped("load_gone"):
        full.store.database.command("ALTER TABLE load_gone DELETE WHERE user_id = ''")
    with (
        pytest.raises(DatabaseError, match="no_such_column"),
        full.store.forgetting._unless_dropped("events"),
    ):
        full.store.database.rows("SELECT no_such_column FROM events")
