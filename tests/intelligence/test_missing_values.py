"""Units without a value of a metric: out of that metric, and a check of whether it differs."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from neonblue.ingest.files.load import load_file
from neonblue.ingest.files.load_plan import LoadPlan
from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.evidence import Check
from neonblue.stores import Store

Look = Callable[[int, int], Check]


def load(store: Store, path: Path, missing: dict[str, int], *, primary: str = "spent") -> None:
    """1,000 units a variant, the first of which miss ``spent``."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user", "variant", "bought", "spent"])
        for variant, count in missing.items():
            for i in range(1000):
                spent = "" if i < count else i % 7 + 0.5
                writer.writerow([f"{variant}{i}", variant, int(i % 3 == 0), spent])
    metrics = {"spent": "spent:mean=spent", "bought": "bought:proportion=bought"}
    ordered = [metrics.pop(primary), *metrics.values()]
    plan = LoadPlan.from_arguments(
        {
            "path": str(path),
            "experiment_id": "shop",
            "unit": "user",
            "variant": "variant",
            "control": "a",
            "metrics": ordered,
            "finished": True,
        }
    )
    load_file(store, plan, lambda done, total, message: None)


def check(store: Store) -> Check:
    found = analyze(store, "shop", now=datetime.now(UTC))
    return next(item for item in found.validity.checks if item.name == "missing_values")


def test_values_that_miss_alike_are_said_and_the_metric_is_about_the_others(
    store: Store, tmp_path: Path
) -> None:
    load(store, tmp_path / "shop.csv", {"a": 100, "b": 95})
    made = check(store)
    assert made.status == "pass"
    assert "195 units (9.8%) have no value of 'spent'" in made.detail
    assert "a 100, b 95" in made.detail
    found = analyze(store, "shop", now=datetime.now(UTC))
    comparisons = {metric.definition.name: metric.comparisons[0] for metric in found.metrics}
    assert (comparisons["spent"].n_control, comparisons["spent"].n_treatment) == (900, 905)
    assert (comparisons["bought"].n_control, comparisons["bought"].n_treatment) == (1000, 1000)


def test_a_primary_metric_that_misses_more_of_one_variant_is_invalid(
    store: Store, tmp_path: Path
) -> None:
    load(store, tmp_path / "shop.csv", {"a": 60, "b": 200})
    made = check(store)
    assert made.status == "fail"
    assert "a 60, b 200" in made.detail
    assert "--missing-as-zero" in made.detail


def test_a_secondary_metric_warns(store: Store, tmp_path: Path) -> None:
    load(store, tmp_path / "shop.csv", {"a": 60, "b": 200}, primary="bought")
    made = check(store)
    assert (made.status, made.metrics) == ("warn", ("spent",))


def test_nothing_missing_passes(store: Store, tmp_path: Path) -> None:
    load(store, tmp_path / "shop.csv", {"a": 0, "b": 0})
    assert check(store).detail == "every unit has a value of every metric"


def test_a_variant_without_any_value_is_no_traceback(store: Store, tmp_path: Path) -> None:
    load(store, tmp_path / "shop.csv", {"a": 0, "b": 900}, primary="bought")
    assert check(store).status == "warn"
