"""Rows that a load leaves out are said, kept with it, and weighed in every analysis."""

import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.load import LoadSummary
from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.diagnosis import diagnose
from neonblue.intelligence.evidence import Check
from neonblue.stores import Store

NOW = datetime.now(UTC)
UNITS = {"experiment_id": "shop", "unit": "user", "variant": "variant", "control": "a"}
Load = Callable[..., LoadSummary]


@pytest.fixture
def usual() -> dict[str, Any]:
    return {**UNITS, "metrics": ["spent:mean=spent"]}


def units_file(path: Path, *, bad: dict[str, int], units: int = 2000, first: int = 0) -> Path:
    """Units in two variants; so many of each variant have text where a number belongs."""
    lines = []
    for number in range(first, first + units):
        variant = "ab"[number % 2]
        broken = number - first < 2 * bad.get(variant, 0)
        lines.append(f"u{number},{variant},{'much' if broken else number % 7}")
    path.write_text("user,variant,spent\n" + "\n".join(lines) + "\n")
    return path


def check(store: Store) -> Check:
    validity = analyze(store, "shop", now=NOW).validity
    return next(each for each in validity.checks if each.name == "rejected_rows")


def test_without_rejected_rows_there_is_nothing_to_say(
    store: Store, load: Load, tmp_path: Path
) -> None:
    load(units_file(tmp_path / "shop.csv", bad={}))
    assert check(store).status == "pass"
    assert "rows_left_out" not in [each.code for each in diagnose(store, "shop", now=NOW).findings]


def test_more_than_one_per_cent_is_refused_with_examples_and_the_option(
    store: Store, load: Load, tmp_path: Path
) -> None:
    file = units_file(tmp_path / "shop.csv", bad={"a": 12, "b": 13})
    with pytest.raises(InvalidInputError) as raised:
        load(file)
    message = str(raised.value)
    assert message.startswith("25 of 2,000 rows of 'shop.csv' cannot be used: wrong_type (25)")
    assert "row 1: spent is 'much', no number" in message
    assert "--allow-rejects 0.02" in message
    assert str(tmp_path / "rejects.csv") in message
    assert not store.events.count()
    assert not store.loads.row_counts("shop")
    assert load(file, allow_rejects=0.02).rows_rejected == 25


def test_a_single_bad_row_of_a_small_file_is_left_out_and_said(
    store: Store, load: Load, tmp_path: Path
) -> None:
    lines = ["user,variant,spent", "u0,a,much"]
    lines += [f"u{number},{'ab'[number % 2]},{number}" for number in range(1, 40)]
    file = tmp_path / "small.csv"
    file.write_text("\n".join(lines) + "\n")
    found = load(file)
    assert (found.rows_read, found.rows_rejected) == (40, 1)
    assert check(store).status == "warn"


def test_a_material_share_withholds_effects_though_it_was_allowed(
    store: Store, load: Load, tmp_path: Path
) -> None:
    load(units_file(tmp_path / "shop.csv", bad={"a": 25, "b": 25}), allow_rejects=0.05)
    found = check(store)
    assert found.status == "fail"
    assert "50 of 2,000 rows (2.50%) were left out: wrong_type 50" in found.detail
    assert "a 25 of 1,000, b 25 of 1,000" in found.detail
    analysis = analyze(store, "shop", now=NOW)
    assert analysis.validity.failed
    assert analysis.decision.decision not in ("ship", "rollback")


def test_a_few_rows_of_one_variant_withhold_effects_too(
    store: Store, load: Load, tmp_path: Path
) -> None:
    """0.75 % of rows, all of one variant: chi-square of 15 against 0 is 15.1, p 0.0001."""
    load(units_file(tmp_path / "shop.csv", bad={"b": 15}))
    found = check(store)
    assert found.status == "fail"
    assert "a 0 of 1,000, b 15 of 1,000; p 0.0001" in found.detail
    diagnosis = diagnose(store, "shop", now=NOW)
    (finding,) = [each for each in diagnosis.findings if each.code == "rows_left_out"]
    assert (finding.severity, diagnosis.trust) == ("critical", "not_trusted")
    assert finding.evidence["by_variant"] == ["a 0 of 1000", "b 15 of 1000"]
    assert finding.query is not None
    assert tuple(row[4] for row in store.database.rows(finding.query) if row[3] == "b") == (
        1000 - 15,
        15,
    )


def test_a_few_rows_of_both_are_a_warning(store: Store, load: Load, tmp_path: Path) -> None:
    load(units_file(tmp_path / "shop.csv", bad={"a": 8, "b": 8}))
    assert check(store).status == "warn"
    assert not analyze(store, "shop", now=NOW).validity.failed


def test_the_same_file_again_counts_once_and_another_adds(
    store: Store, load: Load, tmp_path: Path
) -> None:
    first = units_file(tmp_path / "shop.csv", bad={"a": 5, "b": 5})
    load(first)
    load(first)
    assert "10 of 2,000 rows" in check(store).detail
    load(units_file(tmp_path / "more.csv", bad={"a": 1}, first=2000))
    assert "11 of 4,000 rows" in check(store).detail


def test_replacing_forgets_what_was_left_out_before(
    store: Store, load: Load, tmp_path: Path
) -> None:
    load(units_file(tmp_path / "shop.csv", bad={"b": 15}))
    load(units_file(tmp_path / "shop.csv", bad={}), replace=True)
    assert check(store).status == "pass"
    assert not analyze(store, "shop", now=NOW).validity.failed


def test_rows_that_cannot_be_split_count_without_a_variant(
    store: Store, load: Load, tmp_path: Path
) -> None:
    file = units_file(tmp_path / "shop.csv", bad={"a": 1})
    file.write_text(file.read_text() + "u9999,a\n")
    assert load(file).reasons == {"wrong_type": 1, "bad_row": 1}
    assert "2 of 2,001 rows (0.10%) were left out" in check(store).detail


def test_events_count_by_the_variant_that_they_name(
    store: Store, load: Load, tmp_path: Path
) -> None:
    lines = [f"u{i},{'ab'[i % 2]},buy,2026-01-01T00:00:{i % 60:02}Z,{i}" for i in range(3000)]
    for number in range(0, 24, 2):
        lines[number] = lines[number].replace("2026-01-01T", "yesterday ")
    path = tmp_path / "events.csv"
    path.write_text("user_id,variant_id,event_type,timestamp,value\n" + "\n".join(lines))
    load(path, unit=None, variant=None, event_type="event_type", metrics=["bought=buy"])
    found = check(store)
    assert found.status == "fail"
    assert "a 12 of 1,500, b 0 of 1,500" in found.detail


def test_contract_events_count_for_their_own_experiment(
    store: Store, load: Load, tmp_path: Path
) -> None:
    line = (
        '{"event_id": "e%d", "user_id": "u%d", "experiment_id": "%s", "variant_id": "a", '
        '"event_type": "exposure", "timestamp": "2026-01-01T00:00:00Z", "value": %s}'
    )
    lines = [line % (i, i, ("shop", "other")[i % 2], "null") for i in range(400)]
    lines += [line % (900, 900, "other", '"x"'), "no json"]
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(lines))
    load(path, experiment_id="", unit=None, variant=None, control=None, metrics=[])
    of = {name: store.loads.row_counts(name) for name in ("shop", "other", "nobody")}
    assert [(each.reason, each.rows) for each in of["shop"]] == [("not_json", 1), ("", 200)]
    assert [(each.reason, each.rows) for each in of["other"]] == [
        *(("not_json", 1), ("", 200), ("wrong_type", 1)),
    ]
    assert of["nobody"] == ()


def test_the_rejects_file_is_for_this_user_alone(load: Load, tmp_path: Path) -> None:
    (tmp_path / "rejects.csv").touch(mode=0o644)
    load(units_file(tmp_path / "shop.csv", bad={"a": 1}))
    assert stat.S_IMODE((tmp_path / "rejects.csv").stat().st_mode) == 0o600


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused(load: Load, tmp_path: Path, share: float) -> None:
    with pytest.raises(InvalidInputError, match="--allow-rejects"):
        load(units_file(tmp_path / "shop.csv", bad={}), allow_rejects=share)


def test_a_column_of_ids_is_no_variant_and_costs_no_time(load: Load, tmp_path: Path) -> None:
    """Counting by variant stops after a thousand names: the mistake is said as soon as before."""
    file = units_file(tmp_path / "shop.csv", bad={}, units=60_000)
    with pytest.raises(InvalidInputError, match="--variant 'user' has over 50 values"):
        load(file, variant="user", control="u1")
