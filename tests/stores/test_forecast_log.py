"""The log of forecasts shows what was done to it behind our back."""

import dataclasses
import json
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from neonblue.models.reader import Reader, reading
from neonblue.stores import Store, open_store
from neonblue.stores.anchor_file import AnchorFolder
from neonblue.stores.forecasts import ForecastOutcome, ForecastRecord

RECORD = ForecastRecord(
    forecast_id="f0",
    experiment_id="e1",
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
    evidence=("e0", "é"),
    plan='{"name": "x"}',
    made_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
)
OUTCOME = ForecastOutcome(forecast_id="f1", outcome="success", relative_lift=0.02, decision="ship")
# Rows as version 1 wrote them, with the hashes that it gave them.
FIRST, SECOND = (
    "be9c5d49345feafc2254e6f7602e010f13f130e7b1fdcc972ba47e4533543292",
    "f663278817da64c36284b2080694239f676d7781430018fb6ab970ff695299d5",
)
FIRST_ENCODING = (("f0", 1, "", FIRST), ("f1", 2, FIRST, SECOND))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def files_of(folder: Path) -> list[Path]:
    """Where the ends are kept: beside the data, and in them."""
    return [
        place / "forecast-log.json"
        for place in (folder.with_name(f"{folder.name}-authority"), folder)
    ]


def write_both(folder: Path, content: bytes) -> None:
    for path in files_of(folder):
        path.write_bytes(content)


def opened(folder: Path) -> Store:
    outside = AnchorFolder(path=folder.with_name(f"{folder.name}-authority"))
    return open_store(
        f"chdb://{folder / 'clickhouse'}", anchors=[outside, AnchorFolder(path=folder)]
    )


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    one = opened(folder)
    yield one
    one.close()


@pytest.fixture
def logged(store: Store) -> Store:
    """Three forecasts; the second has its outcome, which is the fourth entry."""
    for number in range(3):
        store.forecasts.append(replace(RECORD, forecast_id=f"f{number}"))
    store.forecasts.resolve(OUTCOME)
    assert store.forecasts.check().unbroken
    return store


def change(store: Store, sql: str) -> None:
    store.database.command(f"ALTER TABLE {sql} SETTINGS mutations_sync = 2")


def faults(store: Store) -> str:
    return "; ".join(store.forecasts.check().faults)


def test_an_untouched_log_verifies_and_says_since_when(logged: Store, folder: Path) -> None:
    check = logged.forecasts.check()
    assert check.unbroken
    assert check.entries == 4
    assert check.line.startswith("the log verifies: 4 entries, whose ends are kept in")
    assert str(folder / "forecast-log.json") in check.line


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("forecasts UPDATE success = 0.9 WHERE forecast_id = 'f1'", "'f1' is not as it was logged"),
        ("forecasts UPDATE made_at = made_at - 1 WHERE forecast_id = 'f2'", "'f2' is not as it"),
        ("forecast_outcomes UPDATE relative_lift = 1 WHERE 1", "outcome of 'f1' is not as it was"),
        ("forecast_outcomes UPDATE decision = 'stop' WHERE 1", "outcome of 'f1' is not as it was"),
        ("forecasts DELETE WHERE forecast_id = 'f0'", "entry 1 is missing before forecast 'f1'"),
        ("forecasts DELETE WHERE forecast_id != 'f2'", "entries 1 to 2 are missing before"),
        ("forecast_outcomes DELETE WHERE 1", "entry 4 is missing at the end"),
        ("forecasts DELETE WHERE 1", "entries 1 to 3 are missing before the outcome of 'f1'"),
    ],
)
def test_what_was_changed_or_removed_is_named(logged: Store, tampering: str, said: str) -> None:
    change(logged, tampering)
    check = logged.forecasts.check()
    assert said in "; ".join(check.faults)
    assert check.line.startswith("THE LOG DOES NOT VERIFY: ")


def test_the_end_and_the_whole_log_cannot_be_cut_off(logged: Store, folder: Path) -> None:
    change(logged, "forecast_outcomes DELETE WHERE 1")
    change(logged, "forecasts DELETE WHERE forecast_id = 'f2'")
    assert "entries 3 to 4 are missing at the end" in faults(logged)
    change(logged, "forecasts DELETE WHERE 1")
    assert "entries 1 to 4 are missing at the end" in faults(logged)
    logged.close()
    again = opened(folder)  # nor is it forgotten when the process ends
    assert "entries 1 to 4 are missing at the end" in faults(again)
    again.forecasts.append(replace(RECORD, forecast_id="f9"))
    assert "entries 1 to 4 are missing before forecast 'f9'" in faults(again)
    again.close()


def test_an_earlier_outcome_that_was_put_in_is_seen(logged: Store) -> None:
    logged.database.command(
        "INSERT INTO forecast_outcomes (forecast_id, outcome, relative_lift, decision, resolved_at)"
        " VALUES ('f1', 'failure', -0.5, 'stop', '2020-01-01 00:00:00')"
    )
    said = faults(logged)
    assert "the outcome of 'f1' was added by something else than NeonBlue" in said
    assert "forecast 'f1' has 2 outcomes that differ" in said


def test_an_outcome_with_a_hash_that_fits_is_seen_too(logged: Store, folder: Path) -> None:
    """Who knows how entries are hashed can continue a chain, or begin another."""
    anchor = (folder / "forecast-log.json").read_bytes()
    logged.forecasts.resolve(replace(OUTCOME, forecast_id="f0"))
    write_both(folder, anchor)
    assert "the outcome of 'f0' was added by something else than NeonBlue" in faults(logged)


def test_a_chain_that_was_written_anew_is_not_the_one_seen_before(
    logged: Store, folder: Path, tmp_path: Path
) -> None:
    kept = json.loads((folder / "forecast-log.json").read_bytes())
    logged.close()
    anew = opened(tmp_path / "other")
    for number in range(5):
        anew.forecasts.append(replace(RECORD, forecast_id=f"f{number}", success=0.4))
    forged = json.loads((tmp_path / "other" / "forecast-log.json").read_bytes())
    head = kept["heads"][kept["writer"]]
    kept["heads"], kept["ours"] = {forged["writer"]: head}, [forged["writer"]]
    write_both(tmp_path / "other", json.dumps(kept).encode())
    said = faults(anew)
    assert "forecast 'f3' is another entry than the one seen before" in said
    assert "forecast 'f4' was added by something else" in said
    anew.close()


def test_the_anchor_is_for_this_user_alone_and_moves_with_the_log(
    logged: Store, folder: Path
) -> None:
    before = [json.loads(path.read_bytes()) for path in files_of(folder)]
    logged.forecasts.append(replace(RECORD, forecast_id="f7"))
    after = [json.loads(path.read_bytes()) for path in files_of(folder)]
    counts = [one["heads"][one["writer"]]["count"] for one in (*before, *after)]
    assert counts == [4, 4, 5, 5]
    for path in files_of(folder):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        left = {entry.name for entry in path.parent.iterdir() if "forecast-log" in entry.name}
        assert left <= {"forecast-log.json", "forecast-log.lock"}  # no drafts


def test_a_lost_or_damaged_anchor_is_begun_anew_and_that_stays_said(
    logged: Store, folder: Path
) -> None:
    write_both(folder, b"{")
    assert "could not be read, so what was removed before cannot be seen" in (
        logged.forecasts.check().line
    )
    for path in files_of(folder):
        path.unlink()
    assert "the file before it was gone" in logged.forecasts.check().line
    logged.forecasts.append(replace(RECORD, forecast_id="f8"))
    check = logged.forecasts.check()
    assert check.unbroken
    assert "the file before it was gone" in check.line
    change(logged, "forecasts DELETE WHERE forecast_id = 'f8'")
    assert "missing at the end" in faults(logged)


def test_an_insert_that_was_killed_leaves_a_log_that_verifies(logged: Store, folder: Path) -> None:
    """Announced and not inserted, or inserted and not confirmed: both are whole."""
    path = folder / "forecast-log.json"
    kept = json.loads(path.read_bytes())
    kept["heads"][kept["writer"]]["maybe"] = "ab" * 32
    write_both(folder, json.dumps(kept).encode())
    assert logged.forecasts.check().unbroken
    logged.forecasts.append(replace(RECORD, forecast_id="f5"))
    check = logged.forecasts.check()
    assert (check.unbroken, check.entries, check.writers) == (True, 5, 2)

    before = json.loads(path.read_bytes())
    logged.forecasts.append(replace(RECORD, forecast_id="f6"))
    after = json.loads(path.read_bytes())
    before["heads"][before["writer"]]["maybe"] = after["heads"][after["writer"]]["digest"]
    write_both(folder, json.dumps(before).encode())
    logged.forecasts.append(replace(RECORD, forecast_id="f7"))
    check = logged.forecasts.check()
    assert (check.unbroken, check.entries, check.writers) == (True, 7, 2)


def test_a_copied_data_directory_goes_on_as_another_writer(
    logged: Store, folder: Path, tmp_path: Path
) -> None:
    logged.close()
    copy = tmp_path / "copy"
    folder.rename(copy)
    moved = opened(copy)
    assert moved.forecasts.check().unbroken
    moved.forecasts.append(replace(RECORD, forecast_id="f4"))
    check = moved.forecasts.check()
    assert (check.unbroken, check.entries, check.writers) == (True, 5, 2)
    change(moved, "forecast_outcomes DELETE WHERE 1")
    assert "entry 4 is missing at the end" in faults(moved)
    moved.close()


@pytest.mark.parametrize("gone", [0, 1])
def test_one_of_two_files_is_enough_and_that_the_other_went_is_said(
    logged: Store, folder: Path, gone: int
) -> None:
    change(logged, "forecasts DELETE WHERE forecast_id = 'f2'")
    files_of(folder)[gone].unlink()
    assert "entry 3 is missing before the outcome of 'f1'" in faults(logged)
    change(logged, "forecast_outcomes DELETE WHERE 1")
    check = logged.forecasts.check()
    assert "entries 3 to 4 are missing at the end" in check.line
    assert "one of these files was gone" in check.line


def test_that_a_file_went_stays_said(logged: Store, folder: Path) -> None:
    files_of(folder)[0].unlink()
    logged.forecasts.append(replace(RECORD, forecast_id="f8"))
    assert files_of(folder)[0].is_file()
    check = logged.forecasts.check()
    assert check.unbroken
    assert "one of these files was gone, so what was removed before cannot be seen" in check.line


@pytest.mark.parametrize("later", [1, 3])
def test_an_old_copy_of_the_whole_data_directory_that_is_put_back_is_seen(
    logged: Store, folder: Path, tmp_path: Path, later: int
) -> None:
    logged.close()
    shutil.copytree(folder, tmp_path / "backup", symlinks=True)
    again = opened(folder)
    for number in range(later):
        again.forecasts.append(replace(RECORD, forecast_id=f"g{number}"))
    again.close()
    shutil.rmtree(folder)
    (tmp_path / "backup").rename(folder)
    restored = opened(folder)
    assert "missing at the end" in faults(restored)
    restored.forecasts.append(replace(RECORD, forecast_id="g9"))
    assert f"{'entry 5 is' if later == 1 else 'entries 5 to 7 are'} missing" in faults(restored)
    restored.close()


def test_an_old_copy_of_the_file_beside_the_data_hides_nothing(logged: Store, folder: Path) -> None:
    outside = files_of(folder)[0]
    before = outside.read_bytes()
    logged.forecasts.append(replace(RECORD, forecast_id="f8"))
    outside.write_bytes(before)
    assert logged.forecasts.check().unbroken
    change(logged, "forecasts DELETE WHERE forecast_id = 'f8'")
    outside.write_bytes(before)
    assert "entry 5 is missing at the end" in faults(logged)


def test_a_log_with_one_file_of_before_goes_on_with_two(logged: Store, folder: Path) -> None:
    outside, inside = files_of(folder)
    outside.unlink()
    kept = json.loads(inside.read_bytes())
    del kept["copies"]
    inside.write_text(json.dumps(kept))
    logged.forecasts.append(replace(RECORD, forecast_id="f8"))
    check = logged.forecasts.check()
    assert (check.unbroken, check.entries) == (True, 5)
    assert "gone" not in check.line
    change(logged, "forecast_outcomes DELETE WHERE 1")
    assert "entry 4 is missing before forecast 'f8'" in faults(logged)


def test_a_read_only_reader_verifies_and_writes_nothing(logged: Store, folder: Path) -> None:
    files = {path: path.stat().st_mtime_ns for path in files_of(folder)}
    change(logged, "forecasts DELETE WHERE forecast_id = 'f2'")
    with reading(Reader(records=False)):
        assert "entry 3 is missing" in faults(logged)
    assert {path: path.stat().st_mtime_ns for path in files_of(folder)} == files


def test_text_that_utf8_cannot_write_is_logged_and_verifies(store: Store) -> None:
    store.forecasts.append(replace(RECORD, plan="\ud800", lift_upper=float("inf")))
    assert store.forecasts.all()[0].record.plan == "?"
    assert store.forecasts.check().unbroken


@pytest.fixture
def first(folder: Path) -> Iterator[Store]:
    """A log that version 1 wrote, with an outcome that is in no chain."""
    one = opened(folder)
    fields = [field.name for field in dataclasses.fields(RECORD)]
    for name, sequence, previous, digest in FIRST_ENCODING:
        values = list(dataclasses.astuple(replace(RECORD, forecast_id=name)))
        one.database.insert_rows(
            "forecasts",
            [*fields, "sequence", "previous_hash", "hash"],
            [[*values, sequence, previous, digest]],
        )
    one.database.insert_rows(
        "forecast_outcomes",
        ["forecast_id", "outcome", "relative_lift", "decision"],
        [["f0", "neutral", None, "stop"]],
    )
    yield one
    one.close()


def test_a_log_of_the_first_encoding_verifies_and_goes_on_in_the_second(first: Store) -> None:
    assert first.forecasts.check().unbroken
    first.forecasts.append(replace(RECORD, forecast_id="f2"))
    first.forecasts.resolve(OUTCOME)
    check = first.forecasts.check()
    assert (check.unbroken, check.entries) == (True, 5)
    logged = first.forecasts.all()
    assert [item.record.forecast_id for item in logged] == ["f0", "f1", "f2"]
    assert [item.outcome and item.outcome.outcome for item in logged] == [
        "neutral",
        "success",
        None,
    ]


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("ALTER TABLE forecasts UPDATE success = 0.9 WHERE forecast_id = 'f0'", "'f0' is not as"),
        ("ALTER TABLE forecasts DELETE WHERE forecast_id = 'f1'", "entry 2 is missing at the end"),
        ("ALTER TABLE forecast_outcomes DELETE WHERE 1", "entry 1 is missing at the end of the"),
        (
            "ALTER TABLE forecast_outcomes UPDATE outcome = 'success' WHERE 1",
            "the outcome of 'f0' is another entry than the one seen before",
        ),
        (
            "INSERT INTO forecast_outcomes (forecast_id, outcome, decision, resolved_at) "
            "VALUES ('f1', 'success', 'ship', '2020-01-01 00:00:00')",
            "the outcome of 'f1' is another entry than the one seen before",
        ),
    ],
)
def test_what_the_first_encoding_logged_is_held_from_then_on(
    first: Store, tampering: str, said: str
) -> None:
    assert first.forecasts.check().unbroken
    settings = " SETTINGS mutations_sync = 2" if tampering.startswith("ALTER") else ""
    first.database.command(tampering + settings)
    assert said in faults(first)
