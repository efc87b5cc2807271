"""Units are known again by their times or values when their ids are made anew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from neonblue.ingest.files.load import load_file
from neonblue.ingest.files.load_plan import LoadPlan, MetricSpec
from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.evidence import Analysis
from neonblue.stores import Store

UNITS = 1_500
START = datetime(2026, 2, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Row:
    unit: str
    variant: str
    spent: float
    at: str


def rows(seed: int, count: int = UNITS, prices: Sequence[float] = ()) -> list[Row]:
    rng = np.random.default_rng(seed)
    spent = rng.choice(prices, count) if prices else np.round(rng.lognormal(3, 1, count), 2)
    seconds = rng.integers(0, 20 * UNITS, count)  # a unit every 20 seconds: some share one
    return [
        Row(
            unit=f"{seed}-{index}",
            variant="ct"[int(rng.integers(0, 2))],
            spent=float(spent[index]),
            at=(START + timedelta(seconds=int(seconds[index]))).isoformat(),
        )
        for index in range(count)
    ]


def renamed(units: Sequence[Row], prefix: str) -> list[Row]:
    return [replace(row, unit=f"{prefix}{index}") for index, row in enumerate(units)]


@pytest.fixture
def load(store: Store, tmp_path: Path) -> Callable[..., None]:
    """Loads rows, with times or without, with ids or without."""

    def loading(units: Sequence[Row], *, timed: bool = False, **options: object) -> None:
        path = tmp_path / "units.csv"
        lines = [f"{row.unit},{row.variant},{row.spent},{row.at}" for row in units]
        path.write_text("\n".join(("unit,variant,spent,at", *lines)), "utf-8")
        plan = {
            "path": path,
            "experiment_id": "exp",
            "unit": "unit",
            "variant": "variant",
            "control": "c",
            "metrics": (MetricSpec(name="spent", kind="mean", column="spent"),),
            "timestamp": "at" if timed else None,
        }
        load_file(store, LoadPlan(**(plan | options)), lambda *_: None)  # type: ignore[arg-type]

    return loading


def read(store: Store, experiment_id: str = "exp") -> Analysis:
    return analyze(store, experiment_id, now=datetime.now(UTC))


def copied(found: Analysis) -> list[str]:
    return [check.status for check in found.validity.checks if check.name == "copied_units"]


@pytest.mark.parametrize("timed", [False, True])
def test_a_load_of_the_same_units_under_other_ids_makes_effects_unreadable(
    store: Store, load: Callable[..., None], timed: bool
) -> None:
    """Daily exports with new ids would double the units, and narrow every interval."""
    units = rows(1)
    load(units[:1_000], timed=timed)
    assert copied(read(store)) == []
    load(renamed(units, "again"), timed=timed)
    found = read(store)
    assert (found.decision.decision, copied(found)) == ("invalid", ["fail"])
    load(renamed(units, "again"), timed=timed, replace=True)
    assert read(store).decision.decision == "keep_running"


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("prices", [(), (9.99, 19.99, 49.0)], ids=["free", "listed"])
def test_files_of_new_units_and_grown_files_are_no_copies(
    store: Store, load: Callable[..., None], timed: bool, prices: Sequence[float]
) -> None:
    load(rows(1, prices=prices), timed=timed)
    load([*rows(1, prices=prices), *rows(2, prices=prices)], timed=timed)
    load(rows(3, prices=prices), timed=timed)
    assert copied(read(store)) == ["pass"]


@pytest.mark.parametrize("timed", [False, True])
def test_other_ids_of_the_same_units_are_no_other_start(
    store: Store, load: Callable[..., None], timed: bool
) -> None:
    units = rows(1)
    load(units[:1_000], timed=timed)
    read(store)
    load(renamed(units, "again"), timed=timed, replace=True)
    assert read(store).experiment.alpha == 0.05
    load(rows(2), timed=timed, replace=True)
    assert read(store).experiment.alpha == pytest.approx(0.05 * 0.45)


def test_rows_without_ids_may_be_sorted_in_another_way(
    store: Store, load: Callable[..., None]
) -> None:
    units = rows(1)
    load(units[:1_000], unit=None)
    read(store)
    load(units[::-1], unit=None, replace=True)
    assert read(store).experiment.alpha == 0.05


@pytest.mark.parametrize("timed", [False, True])
def test_other_ids_under_another_experiment_are_recognised_while_it_runs(
    store: Store, load: Callable[..., None], timed: bool
) -> None:
    units = rows(1)
    load(units[:1_000], timed=timed)
    read(store)
    load(renamed(units, "again"), timed=timed, experiment_id="again")
    found = read(store, "again")
    assert any("read before under 'exp'" in note for note in found.notes)
    load(rows(2), timed=timed, experiment_id="new")
    assert read(store, "new").experiment.alpha == 0.05


def test_a_little_of_each_of_several_is_what_was_read(
    store: Store, load: Callable[..., None]
) -> None:
    parts = [rows(seed) for seed in range(10, 16)]
    for number, part in enumerate(parts):
        load(part, experiment_id=f"part{number}")
        read(store, f"part{number}")
    load([row for part in parts for row in part[:220]], experiment_id="mixed")
    mixed = read(store, "mixed")
    assert mixed.experiment.alpha == pytest.approx(0.05 * 0.45)
    load([*rows(20), *parts[0][:150]], experiment_id="new")  # most of it is new
    assert read(store, "new").experiment.alpha == 0.05
