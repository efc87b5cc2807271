"""Processes that log forecasts at once: on one server, and from one data directory."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from tests.services import clickhouse_server
from tests.services.clickhouse_server import ClickHouseServer

from neonblue.stores import Store, open_store
from neonblue.stores.anchor_file import AnchorFile, AnchorFolder
from neonblue.stores.chain_anchor import Head, begun
from neonblue.stores.forecasts import ForecastOutcome, ForecastRecord

ENTRIES = 15
LOGS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from neonblue.stores import open_store
from neonblue.stores.anchor_file import AnchorFolder
from neonblue.stores.forecasts import ForecastOutcome, ForecastRecord

dsn, folder, name, entries = sys.argv[1:]
forecasts = open_store(dsn, anchors=[AnchorFolder(path=Path(folder))]).forecasts
print("ready", flush=True)
sys.stdin.readline()
numbers = dict(success=0.3, failure=0.2, neutral=0.5, expected_lift=0.01, lift_lower=-0.02,
    lift_upper=0.04, interval_level=0.9, base_success=0.25, base_failure=0.25, base_neutral=0.5)
for number in range(int(entries)):
    for forecast_id in (f"{name}{number}", f"shared{number}"):
        forecasts.append(ForecastRecord(forecast_id=forecast_id, experiment_id="e",
            model_version="prior-1", evidence=(), plan="", made_at=datetime.now(UTC), **numbers))
        forecasts.resolve(ForecastOutcome(forecast_id=forecast_id, outcome="success",
            relative_lift=0.01, decision="ship"))
"""
COUNTS = """
import sys
from dataclasses import replace
from pathlib import Path
from neonblue.stores.anchor_file import AnchorFile

file = AnchorFile(Path(sys.argv[1]), sole=True)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(200):
    with file.locked():
        anchor = file.read()
        file.write(anchor.with_own(replace(anchor.own, count=anchor.own.count + 1)))
"""


def run_at_once(script: str, *argument_lists: tuple[str, ...]) -> None:
    """Processes that begin together once each is ready."""
    words = [[sys.executable, "-c", script, *arguments] for arguments in argument_lists]
    running = [
        subprocess.Popen(one, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for one in words
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(120) for process in running] == [0] * len(running)


@pytest.fixture(scope="module")
def server() -> Iterator[ClickHouseServer]:
    reason = clickhouse_server.missing()
    if reason is not None:
        pytest.skip(reason)
    with clickhouse_server.running() as running:
        yield running


@pytest.fixture
def dsn(server: ClickHouseServer) -> str:
    """A database of this test alone."""
    return server.dsn(database=f"log_{uuid4().hex[:8]}")


@pytest.fixture
def remote(dsn: str, tmp_path: Path) -> Iterator[Store]:
    one = open_store(dsn, anchors=[AnchorFolder(path=tmp_path / "reader")])
    yield one
    one.close()


def _logged_by_two(dsn: str, tmp_path: Path, *, folders: tuple[str, str]) -> None:
    run_at_once(
        LOGS,
        *(
            (dsn, str(tmp_path / folder), name, str(ENTRIES))
            for folder, name in zip(folders, "ab", strict=True)
        ),
    )


@pytest.mark.parametrize("folders", [("one", "two"), ("one", "one")])
def test_two_processes_at_once_make_chains_that_verify(
    remote: Store, dsn: str, tmp_path: Path, folders: tuple[str, str]
) -> None:
    _logged_by_two(dsn, tmp_path, folders=folders)
    logged = remote.forecasts.all()
    assert len(logged) == 3 * ENTRIES
    assert all(item.outcome is not None for item in logged)
    for place in {"reader", *folders}:
        with closing(open_store(dsn, anchors=[AnchorFolder(path=tmp_path / place)])) as store:
            check = store.forecasts.check()
        assert check.faults == ()
        assert check.writers == len(set(folders))


RESOLVES = """
import sys
from pathlib import Path
from neonblue.stores import open_store
from neonblue.stores.anchor_file import AnchorFolder
from neonblue.stores.forecasts import ForecastOutcome

dsn, folder, name, entries = sys.argv[1:]
store = open_store(dsn, anchors=[AnchorFolder(path=Path(folder))])
print("ready", flush=True)
sys.stdin.readline()
key = store.sessions.pseudonym_key().hex()
told = [
    store.forecasts.resolve(ForecastOutcome(forecast_id=f"f{number}",
        outcome="success" if name == "a" else "failure", relative_lift=0.1, decision=name))
    for number in range(int(entries))
]
Path(folder, "told").write_text(f"{sum(told)} {key}")
"""


def test_of_two_who_resolve_a_forecast_differently_one_is_told(
    remote: Store, dsn: str, tmp_path: Path
) -> None:
    """Machines with data directories of their own share no lock: the store decides."""
    for number in range(ENTRIES):
        remote.forecasts.append(forecast(f"f{number}"))
    run_at_once(RESOLVES, *((dsn, str(tmp_path / name), name, str(ENTRIES)) for name in "ab"))
    told = [(tmp_path / name / "told").read_text().split() for name in "ab"]
    decisions = [item.outcome.decision for item in remote.forecasts.all() if item.outcome]
    assert [decisions.count(name) for name in "ab"] == [int(count) for count, _ in told]
    assert remote.database.rows("SELECT count() FROM forecast_outcomes") == [(ENTRIES,)]
    assert remote.forecasts.check().faults == ()
    assert {key for _, key in told} == {remote.sessions.pseudonym_key().hex()}


def test_an_entry_that_another_writer_has_leaves_the_chain_as_it_was(
    remote: Store, dsn: str, tmp_path: Path
) -> None:
    """Each time the other is faster between the look and the insert."""
    remote.forecasts.append(forecast("f"))
    outcome = ForecastOutcome(forecast_id="f", outcome="neutral", relative_lift=None, decision="")
    with closing(open_store(dsn, anchors=[AnchorFolder(path=tmp_path / "slow")])) as slow:
        slow.forecasts.append(forecast("slow"))
        assert remote.forecasts.resolve(outcome)
        assert not slow.forecasts._add(replace(outcome, outcome="success"))
        assert not slow.forecasts._add(forecast("f"))
        slow.forecasts.append(forecast("next"))
        check = slow.forecasts.check()
    assert (check.faults, check.writers) == ((), 2)


def forecast(name: str) -> ForecastRecord:
    return ForecastRecord(
        forecast_id=name,
        experiment_id="e",
        model_version="prior-1",
        success=0.3,
        failure=0.2,
        neutral=0.5,
        expected_lift=0.01,
        lift_lower=-0.02,
        lift_upper=0.04,
        interval_level=0.9,
        base_success=0.25,
        base_failure=0.25,
        base_neutral=0.5,
        evidence=(),
        plan="",
        made_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_each_data_directory_sees_what_was_taken_from_the_others(
    remote: Store, dsn: str, tmp_path: Path
) -> None:
    _logged_by_two(dsn, tmp_path, folders=("one", "two"))
    assert remote.forecasts.check().unbroken  # from here on the reader knows both ends
    last = remote.database.rows(
        "SELECT writer, max(sequence) FROM forecast_outcomes GROUP BY writer ORDER BY writer"
    )
    writer, number = last[-1]
    remote.database.command(
        "ALTER TABLE forecast_outcomes DELETE WHERE writer = {writer:String} "
        "AND sequence = {number:UInt64} SETTINGS mutations_sync = 2",
        {"writer": writer, "number": number},
    )
    assert f"entry {number} is missing at the end of writer {writer!r}" in "; ".join(
        remote.forecasts.check().faults
    )


def test_processes_take_turns_at_one_anchor(tmp_path: Path) -> None:
    file = AnchorFile(tmp_path / "forecast-log.json", sole=True)
    with file.locked():
        file.write(begun({}).with_own(Head()))
    run_at_once(COUNTS, (str(file.paths[0]),), (str(file.paths[0]),))
    anchor = file.read()
    assert anchor is not None
    assert anchor.own.count == 400
