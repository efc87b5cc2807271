"""Public data loads as its textbook analysis has it."""

import json
from pathlib import Path
from typing import Any

import pytest

from neonblue.ingest.files.load import LoadSummary, load_file
from neonblue.ingest.files.load_plan import LoadPlan
from neonblue.stores import Store
from neonblue.stores.unit_query import UnitScope


@pytest.fixture
def textbook(shared_data: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((shared_data / "data" / "textbook_ab.json").read_text())
    return content


def load(store: Store, path: Path, **options: Any) -> LoadSummary:
    plan = LoadPlan.from_arguments({"path": str(path), **options})
    return load_file(store, plan, lambda done, total, message: None)


UDACITY = {
    "experiment_id": "udacity",
    "unit": "user_id",
    "variant": "group",
    "control": "control",
    "metrics": ["converted=converted"],
    "timestamp": "timestamp",
}
MISMATCH = [
    "group = control and landing_page = new_page",
    "group = treatment and landing_page = old_page",
]


def test_udacity_cleaned_by_the_loader(
    store: Store, shared_data: Path, textbook: dict[str, Any]
) -> None:
    path = shared_data / "data" / "udacity_ab_data" / "ab_data.csv.gz"
    summary = load(store, path, **UDACITY, excludes=MISMATCH)
    assert (summary.rows_excluded, summary.repeated_rows) == (3893, 1)
    check_proportion(store, "udacity", "converted", "treatment", textbook["udacity_clean"])


def test_udacity_by_day_is_the_daily_replay(store: Store, shared_data: Path) -> None:
    import csv
    from datetime import UTC, datetime, timedelta

    folder = shared_data / "data" / "udacity_ab_data"
    load(store, folder / "ab_data.csv.gz", **UDACITY, excludes=MISMATCH)
    experiment = store.experiments.get("udacity")
    with (folder / "daily_replay.csv").open() as file:
        days = list(csv.DictReader(file))
    for day in (days[0], days[10], days[-1]):
        names = list(day)
        end = datetime.fromisoformat(day[names[0]]).replace(tzinfo=UTC) + timedelta(days=1)
        scope = UnitScope(as_of=end - timedelta(milliseconds=1))
        moments = store.moments.summarise(experiment, scope=scope)
        found = [moments.summary("converted", v) for v in ("control", "treatment")]
        numbers = {round(s.n) for s in found} | {round(s.n * s.mean) for s in found}
        assert numbers <= {round(float(day[name])) for name in names[1:] if day[name]}


def test_udacity_uncleaned_has_its_users_in_both_variants(store: Store, shared_data: Path) -> None:
    path = shared_data / "data" / "udacity_ab_data" / "ab_data.csv.gz"
    summary = load(store, path, **UDACITY)
    assert summary.multiple_variant_units == 1895
    assert store.health.multiple_exposures("udacity")[0].units == 1895


def test_cookie_cats(store: Store, shared_data: Path, textbook: dict[str, Any]) -> None:
    load(
        store,
        shared_data / "data" / "cookie_cats" / "cookie_cats.csv.gz",
        experiment_id="cats",
        unit="userid",
        variant="version",
        control="gate_30",
        metrics=["day1=retention_1", "day7=retention_7", "rounds:mean=sum_gamerounds"],
    )
    check_proportion(store, "cats", "day1", "gate_40", textbook["cookie_retention_1"])
    check_proportion(store, "cats", "day7", "gate_40", textbook["cookie_retention_7"])
    rounds = store.moments.summarise(store.experiments.get("cats")).summary("rounds", "gate_30")
    assert rounds.mean == pytest.approx(textbook["cookie_rounds_all"]["mean_c"], abs=1e-6)
    largest = store.health.concentration(store.experiments.get("cats"), "rounds")[0]
    assert largest.largest_value == 49854


def test_hillstrom(store: Store, shared_data: Path, textbook: dict[str, Any]) -> None:
    load(
        store,
        shared_data / "data" / "hillstrom" / "hillstrom.csv.gz",
        experiment_id="mail",
        variant="segment",
        control="No E-Mail",
        metrics=["visit=visit", "conversion=conversion", "spend:mean=spend"],
        segments=["channel"],
        covariates=["history=history"],
    )
    check_proportion(store, "mail", "visit", "Mens E-Mail", textbook["hillstrom_Mens _visit"])
    expected = textbook["hillstrom_Mens _conversion"]
    check_proportion(store, "mail", "conversion", "Mens E-Mail", expected)
    spend = store.moments.summarise(store.experiments.get("mail")).summary("spend", "Mens E-Mail")
    assert spend.mean == pytest.approx(textbook["hillstrom_Mens _spend"]["mean_t"], abs=1e-6)


def check_proportion(
    store: Store, experiment_id: str, metric: str, treatment: str, expected: dict[str, Any]
) -> None:
    experiment = store.experiments.get(experiment_id)
    moments = store.moments.summarise(experiment)
    control = moments.summary(metric, experiment.control.variant_id)
    treated = moments.summary(metric, treatment)
    assert (control.n, treated.n) == (expected["n_c"], expected["n_t"])
    assert control.n * control.mean == pytest.approx(expected["x_c"])
    assert treated.n * treated.mean == pytest.approx(expected["x_t"])
