"""Files without times: loaded, analysed, and no date is made up for them."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from neonblue.ingest.files.load import LoadSummary, load_file
from neonblue.ingest.files.load_plan import LoadPlan
from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.evidence import Analysis
from neonblue.intelligence.pictures import draw
from neonblue.intelligence.recollection.facts import facts_of
from neonblue.stores import Store

COLUMNS = {"experiment_id": "shop", "variant": "variant", "control": "a"}
ROWS: dict[str, Any] = {"unit": "user", "metrics": ["spent:mean=spent"], **COLUMNS}
TOTALS: dict[str, Any] = {
    "aggregated": True,
    "n": "users",
    "metrics": ["bought=bought"],
    **COLUMNS,
}


def load(store: Store, path: Path, **options: Any) -> LoadSummary:
    plan = LoadPlan.from_arguments({"path": str(path), **options})
    return load_file(store, plan, lambda done, total, message: None)


def rows(path: Path, count: int = 400) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user", "variant", "spent"])
        writer.writerows([f"u{i}", "ab"[i % 2], i % 7] for i in range(count))
    return path


def totals(path: Path, bought: int = 120) -> Path:
    path.write_text(f"variant,users,bought\na,1000,100\nb,1000,{bought}\n")
    return path


def look(store: Store) -> Analysis:
    return analyze(store, "shop", now=datetime.now(UTC))


def test_rows_without_times_have_none_anywhere(store: Store, tmp_path: Path) -> None:
    load(store, rows(tmp_path / "shop.csv"), **ROWS, finished=True)
    experiment = store.experiments.get("shop")
    assert (experiment.started_at, experiment.ended_at) == (None, None)
    seen = store.experiments.seen("shop")
    assert seen is not None
    assert (seen.units, seen.first_event_at, seen.last_event_at) == (400, None, None)
    moments = store.moments.summarise(experiment)
    assert moments.first_exposure_at is moments.last_exposure_at is moments.last_event_at is None
    assert store.health.units_by_day("shop") == store.health.units_by_hour("shop") == ()
    assert store.health.lateness("shop").events == 0
    assert store.traffic.observed() is None
    found = look(store)
    freshness = next(c for c in found.validity.checks if c.name == "data_freshness")
    assert (freshness.status, freshness.detail) == ("pass", "loaded from files without times")
    assert (found.last_event_at, found.by_days) == (None, ())
    assert found.look.fixed_horizon_decides
    facts = facts_of(found)
    assert (facts.dated, facts.duration_days) == (False, None)
    assert draw(store, found, "allocation").png is None
    assert "no exposure has a time" in draw(store, found, "allocation").detail
    assert draw(store, found, "sequence").png is not None  # the interval alone, without a course


def test_the_same_rows_again_leave_a_declared_end_and_others_take_it_back(
    store: Store, tmp_path: Path
) -> None:
    path = rows(tmp_path / "shop.csv")
    load(store, path, **ROWS, finished=True)
    again = load(store, path, **ROWS)
    assert (again.status, look(store).look.fixed_horizon_decides) == ("stopped", True)
    grown = load(store, rows(path, 500), **ROWS)
    assert grown.status == "running"
    assert any("is running again, and watched" in warning for warning in grown.warnings)
    assert not look(store).look.fixed_horizon_decides


def test_totals_without_times_have_none_either(store: Store, tmp_path: Path) -> None:
    path = totals(tmp_path / "totals.csv")
    load(store, path, **TOTALS, finished=True)
    experiment = store.experiments.get("shop")
    assert (experiment.started_at, experiment.ended_at) == (None, None)
    found = look(store)
    assert found.last_event_at is None
    assert found.metrics[0].comparisons[0].mean_treatment == pytest.approx(0.12)
    assert load(store, path, **TOTALS).status == "stopped"
    grown = load(store, totals(path, 150), **TOTALS)
    assert grown.status == "running"
    assert look(store).metrics[0].comparisons[0].mean_treatment == pytest.approx(0.15)
