"""Files of events and of aggregates end in the same numbers as their units would give."""

import csv
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from neonblue.errors import InvalidInputError, UnavailableError
from neonblue.ingest.files.load import LoadSummary
from neonblue.stores import Store

Load = Callable[..., LoadSummary]
Write = Callable[[str, Sequence[dict[str, Any]]], Path]


@pytest.fixture
def usual() -> dict[str, Any]:
    return {"allow_rejects": 0.5}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def run(name: str, rows: Sequence[dict[str, Any]]) -> Path:
        path = tmp_path / name
        with path.open("w", newline="") as file:
            if name.endswith("jsonl"):
                file.write("\n".join(json.dumps(row) for row in rows))
            else:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        return path

    return run


def event(number: int, unit: str, kind: str, day: int, **fields: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "user_id": unit,
        "experiment_id": "shop",
        "event_type": kind,
        "timestamp": f"2026-01-{day:02}T00:00:00Z",
        **fields,
    }


def story(count: int = 20) -> list[dict[str, Any]]:
    """Units exposed on day 2; every other one buys on day 3, every unit looked on day 1."""
    events = []
    for i in range(count):
        unit = f"u{i}"
        events.append(event(3 * i, unit, "look", 1, variant_id=None, value=None))
        events.append(event(3 * i + 1, unit, "exposure", 2, variant_id="ab"[i % 2], value=None))
        if i % 4 < 2:
            events.append(event(3 * i + 2, unit, "buy", 3, variant_id=None, value=i))
    return events


METRICS = ["bought=buy", "revenue:mean=buy", "looked=look", "per_look:ratio=buy/look"]


def test_events_of_the_contract_load_without_being_told_anything(
    store: Store, load: Load, write: Write
) -> None:
    summary = load(write("events.jsonl", story()))
    assert (summary.events, summary.version) == (50, 0)
    (listing,) = store.experiments.list()
    assert (listing.experiment_id, listing.status) == ("shop", "undefined")
    assert listing.seen is not None
    assert listing.seen.variants == ("a", "b")
    assert listing.seen.units == 20


@pytest.mark.parametrize("name", ["events.jsonl", "events.csv"])
def test_metrics_are_computed_from_events_after_exposure(
    store: Store, load: Load, write: Write, name: str
) -> None:
    path = write(name, story())
    summary = load(path, experiment_id="shop", control="a", metrics=METRICS)
    load(path, experiment_id="shop", control="a", metrics=METRICS)
    assert (summary.rows_read, summary.rows_rejected, summary.events) == (50, 0, 50)
    moments = store.moments.summarise(store.experiments.get("shop"))
    assert moments.summary("bought", "a").mean == 0.5
    assert moments.summary("revenue", "a").mean == pytest.approx((0 + 4 + 8 + 12 + 16) / 10)
    assert moments.summary("looked", "a").mean == 0.0


@pytest.mark.parametrize("name", ["events.jsonl", "events.csv"])
def test_an_option_about_cells_takes_nothing_from_the_events_of_the_contract(
    store: Store, load: Load, write: Write, name: str
) -> None:
    """Ids, properties and values as without it, but for the word that means nothing."""
    events = story()
    for number, item in enumerate(events):
        item["properties"] = {"country": "NA" if number % 2 else "DE", "visits": number}
        item["session_id"] = "NA"
    if name == "events.csv":
        for item in events:
            item["properties"] = json.dumps(item["properties"])
    load(write(name, events), null_words=["NA"], experiment_id="shop", control="a", metrics=METRICS)
    rows = store.database.rows(
        "SELECT event_id, properties, session_id FROM events WHERE experiment_id = 'shop'"
    )
    assert len(rows) == len(events)
    assert {session for _, _, session in rows} == {""}
    kept = {str(item["event_id"]): n for n, item in enumerate(events)}
    for event_id, properties, _ in rows:
        number = kept[event_id]
        country = {} if number % 2 else {"country": "DE"}
        assert properties == {**country, "visits": str(number)}
    moments = store.moments.summarise(store.experiments.get("shop"))
    assert moments.summary("revenue", "a").mean == pytest.approx((0 + 4 + 8 + 12 + 16) / 10)


LOPSIDED = (("a", "2026-01-01"), ("b", "2026-01-01"), ("a", "2026-01-02"))


def test_columns_of_other_names_are_mapped(store: Store, load: Load, write: Write) -> None:
    rows = [
        {"who": f"u{i}", "test": "ab"[i % 2], "what": what, "when": when, "much": i, "os": "web"}
        for i in range(20)
        for what, when in (("open", "2026-01-01 10:00:00"), ("buy", "2026-01-02 10:00:00"))
    ]
    summary = load(
        write("log.csv", rows),
        experiment_id="shop",
        unit="who",
        variant="test",
        event_type="what",
        timestamp="when",
        value="much",
        control="a",
        metrics=["spent:mean=buy", "opened=open"],
        segments=["os"],
    )
    assert summary.variants == {"a": 10, "b": 10}
    experiment = store.experiments.get("shop")
    moments = store.moments.summarise(experiment)
    assert moments.summary("spent", "b").mean == 10.0
    assert moments.summary("opened", "b").mean == 1.0
    assert store.exposure_properties.units_by_value("shop", "os")[0].units == 10
    assert experiment.started_at == datetime(2026, 1, 1, 10, tzinfo=UTC)


def pages(count: int) -> list[dict[str, Any]]:
    """Purchases of one unit that agree in all that the product keeps, on pages of their own."""
    return [
        {
            "user_id": "u",
            "variant_id": "a",
            "event_type": "buy",
            "timestamp": f"2026-01-01T00:00:00.000{i}00Z",
            "value": 10,
            "page": f"/{i % 2}",
            "transaction": f"t{i}",
        }
        for i in range(count)
    ]


@pytest.mark.parametrize("name", ["events.csv", "events.jsonl"])
@pytest.mark.parametrize("same", ["page", "transaction", "timestamp"])
def test_all_that_a_row_says_is_an_events_identity(
    store: Store, load: Load, write: Write, name: str, same: str
) -> None:
    """Another page, another transaction or a tenth of a millisecond make another event."""
    rows = pages(2)
    for each in {"page", "transaction", "timestamp"} - {same}:
        rows[1][each] = rows[0][each]
    options = {"experiment_id": "shop", "event_type": "event_type"}
    assert load(write(name, [*rows, rows[0]]), **options).repeated_rows == 1
    load(write(f"again-{name}", rows), **options)
    sums = store.database.rows("SELECT sum(value) FROM events FINAL WHERE event_type = 'buy'")
    assert sums == [(20.0,)]


def test_an_event_id_that_is_empty_in_some_rows_falls_back_there(
    store: Store, load: Load, write: Write
) -> None:
    rows = pages(6)
    for number, row in enumerate(rows):
        row["order"] = f"o{number // 2}" if number < 4 else ""
    summary = load(
        write("events.csv", rows),
        experiment_id="shop",
        event_type="event_type",
        event_id="order",
    )
    assert summary.repeated_rows == 2
    sums = store.database.rows("SELECT sum(value) FROM events FINAL WHERE event_type = 'buy'")
    assert sums == [(40.0,)]


def test_bad_events_are_rejected_with_their_line(load: Load, write: Write, tmp_path: Path) -> None:
    path = write("events.jsonl", story())
    bad = ["{not json", '{"event_id": "x"}', json.dumps(event(99, "u", "buy", 1, value="many"))]
    path.write_text(path.read_text() + "\n" + "\n".join(bad))
    summary = load(path)
    assert summary.reasons == {"not_json": 1, "missing_field": 1, "wrong_type": 1}
    written = (tmp_path / "rejects.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in written] == ["row", "51", "52", "53"]


def test_a_metric_over_events_that_are_not_there_is_refused(
    store: Store, load: Load, write: Write
) -> None:
    with pytest.raises(InvalidInputError, match="needs events of type 'pay', but the file has"):
        load(write("e.jsonl", story()), experiment_id="shop", control="a", metrics=["paid=pay"])
    assert store.events.count() == 0


def totals(*rows: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [dict(zip(("variant", "day", "n", "won", "m", "v"), row, strict=True)) for row in rows]


AGGREGATED = {
    "experiment_id": "shop",
    "variant": "variant",
    "control": "a",
    "aggregated": True,
    "metrics": ["won=won", "spent:mean=m/v"],
}


def test_one_row_a_variant_is_a_snapshot(store: Store, load: Load, write: Write) -> None:
    path = write("t.csv", totals(("a", "", 100, 10, 2.5, 4), ("b", "", 120, 20, 2.0, 3)))
    assert load(path, **AGGREGATED).units == 220
    load(path, **AGGREGATED)
    assert store.experiments.get("shop").source == "aggregated"
    found = {
        (item.metric, item.variant_id): item.summary for item in store.aggregates.latest("shop")
    }
    assert found[("won", "b")].mean == pytest.approx(1 / 6)
    assert found[("won", "b")].variance == pytest.approx(1 / 6 * 5 / 6 * 120 / 119)
    assert (found[("spent", "a")].mean, found[("spent", "a")].variance) == (2.5, 4.0)
    assert len(store.aggregates.series("shop")) == 4


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4])
def test_totals_that_replace_others_are_there_whatever_fails(
    load: Load,
    store: Store,
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    steps: int,
) -> None:
    """Fails before the staged totals are taken, before the old ones go, before the definition."""
    monkeypatch.setattr("neonblue.stores.loads.UNFINISHED_AFTER_MINUTES", 0)
    options: dict[str, Any] = {
        "experiment_id": "shop",
        "variant": "variant",
        "control": "a",
        "aggregated": True,
        "metrics": ["bought=bought"],
        "timestamp": "day",
    }
    old = [{"variant": v, "day": "2026-01-02", "n": 100, "bought": 10} for v in "ab"]
    new = [{"variant": v, "day": "2026-01-01", "n": 300, "bought": 60} for v in "ab"]
    load(write("old.csv", old), **options)
    left = [steps]

    def failing(run: Callable[..., object]) -> Callable[..., object]:
        def counted(*arguments: object, **named: object) -> object:
            if left[0] <= 0:
                raise UnavailableError("the disk is full")
            left[0] -= 1
            return run(*arguments, **named)

        return counted

    with monkeypatch.context() as patch:
        for name in ("command", "insert_rows"):
            patch.setattr(store.database, name, failing(getattr(store.database, name)))
        with pytest.raises(UnavailableError):
            load(write("new.csv", new), replace=True, **options)
    counts = {item.summary.n for item in store.aggregates.latest("shop")}
    assert counts in ({100.0}, {300.0})
    store.loads.recover()
    assert {item.summary.n for item in store.aggregates.series("shop")} in ({100.0}, {300.0})
    load(write("new.csv", new), replace=True, **options)
    assert {item.summary.n for item in store.aggregates.series("shop")} == {300.0}


def test_several_times_are_a_series(store: Store, load: Load, write: Write) -> None:
    days = [(v, f"2026-01-0{d}", 100 * d, d, 1.0, 1.0) for d in (1, 2, 3) for v in "ab"]
    load(write("t.csv", totals(*days)), **AGGREGATED, timestamp="day")
    series = store.aggregates.series("shop")
    assert [item.summary.n for item in series if item.metric == "won"] == [
        100,
        100,
        200,
        200,
        300,
        300,
    ]
    assert store.aggregates.latest("shop")[0].summary.n == 300


BAD_TOTALS: dict[str, tuple[tuple[Any, ...], str]] = {
    "more won than units": (("b", "1", 10, 11, 1, 1), "not between 0 and n"),
    "negative variance": (("b", "1", 10, 1, 1, -1), "a negative variance"),
    "half a unit": (("b", "1", 10.5, 1, 1, 1), "not a count"),
    "no number": (("b", "1", "many", 1, 1, 1), "n is no finite number"),
    "infinite mean": (("b", "1", 10, 1, "inf", 1), "m is no finite number"),
    "no variant": (("", "1", 10, 1, 1, 1), "variant is empty"),
}


@pytest.mark.parametrize("name", BAD_TOTALS)
def test_a_bad_snapshot_is_a_rejected_row(
    store: Store, load: Load, write: Write, tmp_path: Path, name: str
) -> None:
    row, message = BAD_TOTALS[name]
    good = [("a", "", 100, 10, 2.5, 4), ("c", "", 120, 20, 2.0, 3)]
    summary = load(write("t.csv", totals(*good, row)), **AGGREGATED)
    assert summary.rows_rejected == 1
    assert message in (tmp_path / "rejects.csv").read_text()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", "", 1, 1, 1, 1), ("a", "", 2, 1, 1, 1), ("b", "", 1, 1, 1, 1)], "several rows"),
        ([("a", "2026-01-01", 9, 1, 1, 1), ("a", "2026-01-02", 5, 1, 1, 1)], "shrinks from 9 to 5"),
        ([("a", "", 1, 1, 1, 1)], "only one variant"),
        (
            [("a", "2026-01-01", 9, 5, 1, 1), ("a", "2026-01-02", 12, 3, 1, 1)],
            "has 3 successes of 'won' after 5: rows must be cumulative",
        ),
        (
            [(name, day, 9, 5, 1, 1) for name, day in LOPSIDED],
            "variant 'b' has no row for 2026-01-02 00:00, where 'a' has one",
        ),
    ],
)
def test_a_series_that_cannot_be_is_refused_whole(
    store: Store, load: Load, write: Write, rows: list[tuple[Any, ...]], message: str
) -> None:
    timestamp = "day" if rows[0][1] else None
    with pytest.raises(InvalidInputError, match=message):
        load(write("t.csv", totals(*rows)), **AGGREGATED, timestamp=timestamp)
    assert store.aggregates.series("shop") == ()
    assert store.experiments.list() == ()


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("r:ratio=m/v", "load one row a unit"),
        ("p:proportion=m/v", "write p=SUCCESSES for a proportion"),
    ],
)
def test_what_totals_cannot_say_is_refused(
    store: Store, load: Load, write: Write, metric: str, message: str
) -> None:
    path = write("t.csv", totals(("a", "", 100, 10, 2.5, 4), ("b", "", 120, 20, 2.0, 3)))
    with pytest.raises(InvalidInputError, match=message):
        load(path, **{**AGGREGATED, "metrics": [metric]})
    assert store.experiments.list() == ()


def test_a_complaint_about_variants_tells_of_the_rows_that_were_bad(
    load: Load, write: Write
) -> None:
    rows = [("a", "", 100, 101, 2.5, 4), ("b", "", 120, 20, 2.0, 3), ("c", "", 120, 20, 2.0, 3)]
    with pytest.raises(InvalidInputError, match=r"'a' is in no row.*1 rows could not be used"):
        load(write("t.csv", totals(*rows)), **AGGREGATED)


def test_events_of_another_experiment_are_named(load: Load, write: Write) -> None:
    with pytest.raises(InvalidInputError, match="no events of experiment 'shops'"):
        load(write("e.jsonl", story()), experiment_id="shops", control="a", metrics=["paid=buy"])


def test_a_mean_finds_the_column_called_variance(store: Store, load: Load, write: Write) -> None:
    rows = [{"variant": v, "n": 50, "mean": 2.0, "variance": 9.0} for v in "ab"]
    load(write("t.csv", rows), **{**AGGREGATED, "metrics": ["spent:mean=mean"]})
    assert store.experiments.get("shop").metrics[0].kind == "mean"
    assert store.aggregates.latest("shop")[0].summary.variance == 9.0
    path = write("u.csv", totals(("a", "", 1, 1, 1, 1)))
    with pytest.raises(InvalidInputError, match="or lost:mean=MEAN/VARIANCE"):
        load(path, **{**AGGREGATED, "metrics": ["lost:mean=m"]})
