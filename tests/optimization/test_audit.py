"""The audit log shows what was done to it, and decisions can be judged again from it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.services import clickhouse_server
from tests.services.clickhouse_server import ClickHouseServer

from neonblue.optimization.acts import Actor
from neonblue.optimization.policy import read_policy
from neonblue.optimization.replay import replay
from neonblue.stores import open_store
from neonblue.stores.anchor_file import AnchorFolder
from neonblue.stores.forecasts import ForecastRecord

from .conftest import World

AGENT = Actor(kind="agent", name="test")


def filled(world: World) -> None:
    for kind in ("start", "pause", "stop", "roll_out"):
        world.decide(world.act(kind))
    assert world.authority.audit.verify().unbroken


def command(world: World, sql: str) -> None:
    world.store.database.command(f"{sql} SETTINGS mutations_sync = 2")


def fault(world: World) -> str:
    return " ".join(world.authority.audit.verify().faults)


def test_an_edit_shows(world: World) -> None:
    filled(world)
    command(world, "ALTER TABLE audit_log UPDATE actor = 'agent ana' WHERE sequence = 2")
    assert "is not as it was logged" in fault(world)


def test_another_spelling_of_the_same_content_shows(world: World) -> None:
    filled(world)
    command(world, "ALTER TABLE audit_log UPDATE content = concat(content, ' ') WHERE sequence = 2")
    assert "is not as it was logged" in fault(world)


def test_a_gap_shows(world: World) -> None:
    filled(world)
    command(world, "ALTER TABLE audit_log DELETE WHERE sequence = 2")
    assert "entry 2 is missing" in fault(world)


def test_a_cut_tail_shows(world: World) -> None:
    filled(world)
    command(world, "ALTER TABLE audit_log DELETE WHERE sequence > 3")
    assert "missing at the end" in fault(world)


def test_everything_removed_shows(world: World) -> None:
    filled(world)
    command(world, "ALTER TABLE audit_log DELETE WHERE 1")
    assert "missing at the end" in fault(world)


def test_both_logs_emptied_with_the_files_of_their_ends_show_by_what_was_asked_for(
    world: World,
) -> None:
    world.decide(world.act(weights={"control": 0.7, "b": 0.3}))
    assert world.store.approvals.all()
    command(world, "ALTER TABLE audit_log DELETE WHERE 1")
    (world.folder / "authority" / "audit-log.json").unlink()
    assert "before all entries that are here: those of then are missing" in fault(world)
    world.decide(world.act("pause"))  # entries of now do not hide it
    assert "before all entries that are here: those of then are missing" in fault(world)


def test_forecasts_emptied_with_the_files_of_their_ends_show_by_the_audit_log(
    world: World,
) -> None:
    shares = dict.fromkeys(("success", "failure", "neutral", "interval_level"), 0.25)
    lifts = dict.fromkeys(("expected_lift", "lift_lower", "lift_upper"), 0.0)
    rates = dict.fromkeys(("base_success", "base_failure", "base_neutral"), 0.25)
    for number in range(3):
        world.store.forecasts.append(
            ForecastRecord(
                forecast_id=f"f{number}",
                experiment_id="checkout",
                model_version="prior-1",
                evidence=(),
                plan="",
                made_at=world.clock(),
                **shares,
                **lifts,
                **rates,
            )
        )
    filled(world)
    assert world.store.forecasts.check().unbroken
    command(world, "ALTER TABLE forecasts DELETE WHERE forecast_id != 'f0'")
    (world.folder / "authority" / "forecast-log.json").unlink()
    said = " ".join(world.store.forecasts.check().faults)
    assert "tells of 3 entries, and 1 are here" in said


def test_an_inserted_entry_shows_even_with_a_right_hash(world: World, tmp_path: Path) -> None:
    filled(world)
    anchor = world.folder / "authority" / "audit-log.json"
    before = anchor.read_bytes()
    world.authority.audit.append("granted", actor="ana", content={"approval_id": "ap_1"})
    anchor.write_bytes(before)
    assert "added by something else than NeonBlue" in fault(world)


def test_a_fork_shows(world: World) -> None:
    filled(world)
    rows = world.store.database.rows("SELECT * FROM audit_log WHERE sequence = 3")
    columns = [row[0] for row in world.store.database.rows("DESCRIBE audit_log")]
    forked = [list(rows[0])]
    forked[0][columns.index("actor")] = "somebody"
    world.store.database.insert_rows("audit_log", columns, forked)
    assert "has the place of another entry" in fault(world)


def test_a_row_that_was_sent_twice_is_no_fork(world: World) -> None:
    filled(world)
    rows = world.store.database.rows("SELECT * FROM audit_log WHERE sequence = 3")
    columns = [row[0] for row in world.store.database.rows("DESCRIBE audit_log")]
    world.store.database.insert_rows("audit_log", columns, [list(rows[0])])
    assert fault(world) == ""


def test_past_decisions_come_out_the_same_and_otherwise_under_another_policy(
    person: World,
) -> None:
    act = person.act(weights={"control": 0.7, "b": 0.3})
    person.decide(act)
    person.approve(act, person.store.approvals.all()[-1].approval_id)
    person.decide(act)
    person.write_policy("autonomy = 'guarded'\n[limits]\nmin_variant_share = 0.4\n")
    person.sign_policy()
    person.decide(person.act(weights={"control": 0.7, "b": 0.3}))
    person.decide(person.act("resume"))
    person.files.stop.touch()
    person.decide(person.act("start"))
    audit = person.authority.audit
    again = replay(audit)
    assert [one.logged for one in again] == ["person", "person", "refuse", "allow", "refuse"]
    assert all(one.same for one in again)
    assert again[-1].held_by == "halted"
    bold = replay(audit, policy=read_policy("autonomy = 'autonomous'"), signed=True)
    assert [one.now for one in bold] == ["allow", "allow", "allow", "allow", "refuse"]


ASKS = """
import sys
from pathlib import Path
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.optimization.acts import Actor
from neonblue.optimization.authority import Authority
from neonblue.optimization.authority_files import AuthorityFiles
from neonblue.optimization.permission import Allowed
from neonblue.stores import open_store
from neonblue.stores.anchor_file import AnchorFolder

dsn, folder, anchors = sys.argv[1:]
store = open_store(dsn, anchors=[AnchorFolder(path=Path(anchors))])
authority = Authority(store, AuthorityFiles.in_folder(Path(folder)))
act = authority.act("start", "checkout", {"weights": {"control": 1, "b": 1}}, 1)
print("ready", flush=True)
sys.stdin.readline()
print(isinstance(authority.decide(act, Actor(kind="loop")), Allowed), flush=True)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ClickHouseServer]:
    reason = clickhouse_server.missing()
    if reason is not None:
        pytest.skip(reason)
    with clickhouse_server.running() as running:
        yield running


def test_of_processes_on_one_server_one_uses_an_approval(
    server: ClickHouseServer, tmp_path: Path, make_person: Callable[..., World]
) -> None:
    dsn = server.dsn(database="approvals")
    person = make_person(dsn)
    with closing(person.store):
        for _ in range(3):
            act = person.act(weights={"control": 1, "b": 1})
            person.decide(act)
            person.approve(act, person.store.approvals.all()[-1].approval_id)
            words = [sys.executable, "-c", ASKS, dsn, str(person.files.policy.parent)]
            running = [
                subprocess.Popen(
                    [*words, str(tmp_path / f"other{number}")],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                for number in range(3)
            ]
            for process in running:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
            said = [process.communicate("go\n", 120)[0] for process in running]
            assert sorted(said) == ["False\n", "False\n", "True\n"]
    with closing(open_store(dsn, anchors=[AnchorFolder(path=tmp_path / "fresh")])) as store:
        assert store.audit.check().unbroken
