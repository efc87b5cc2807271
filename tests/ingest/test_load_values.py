"""What cells mean in a load: missing values, repeated units, long files, ids and variant names."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.load import LoadSummary
from neonblue.stores import Store

HEADER = ("user", "variant", "bought", "spent", "country")
UNITS = {"experiment_id": "shop", "unit": "user", "variant": "variant", "control": "a"}
Load = Callable[..., LoadSummary]


@pytest.fixture
def usual() -> dict[str, Any]:
    return {**UNITS, "metrics": ["bought=bought", "spent:mean=spent"], "allow_rejects": 0.5}


def rows(count: int = 40) -> list[list[Any]]:
    """Spent is i + 0.5 for unit i; two variants in turn."""
    return [[f"u{i}", "ab"[i % 2], int(i % 3 == 0), i + 0.5, "DE"] for i in range(count)]


def write(path: Path, content: Sequence[Sequence[Any]], header: Sequence[str] = HEADER) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *content])
    return path


def summary_of(store: Store, metric: str, variant: str = "a") -> tuple[float, float]:
    moments = store.moments.summarise(store.experiments.get("shop"))
    found = moments.summary(metric, variant)
    return found.n, found.mean


def test_a_blank_leaves_that_metric_without_the_unit(
    store: Store, load: Load, tmp_path: Path
) -> None:
    content = rows()
    content[0][3] = ""  # variant a: 0, 2, …, 38
    content[2][2] = ""
    summary = load(write(tmp_path / "shop.csv", content))
    assert (summary.rows_rejected, summary.variants) == (0, {"a": 20, "b": 20})
    spent = [i + 0.5 for i in range(2, 40, 2)]
    assert summary_of(store, "spent") == (19, pytest.approx(sum(spent) / 19))
    bought = [i % 3 == 0 for i in range(0, 40, 2) if i != 2]
    assert summary_of(store, "bought") == (19, pytest.approx(sum(bought) / 19))
    assert summary_of(store, "spent", "b")[0] == 20
    said = "1 units have no value in 'spent' ('a' 1): its metrics leave them out"
    assert any(warning.startswith(said) for warning in summary.warnings)


def test_a_blank_is_zero_where_that_was_said(store: Store, load: Load, tmp_path: Path) -> None:
    content = rows()
    content[0][3] = ""
    load(write(tmp_path / "shop.csv", content), missing_as_zero=True)
    assert summary_of(store, "spent") == (20, pytest.approx(sum(range(2, 40, 2)) / 20 + 19 / 40))


def test_a_ratio_a_cap_and_a_covariate_leave_out_what_is_missing(
    store: Store, load: Load, tmp_path: Path
) -> None:
    content = [[*row, i + 1.0] for i, row in enumerate(rows())]
    content[0][3] = content[2][5] = ""
    load(
        write(tmp_path / "shop.csv", content, (*HEADER, "visits")),
        metrics=["a_visit:ratio=spent/visits", "spent:mean=spent"],
        covariates=["past=visits"],
        winsorize=["spent=0.9"],
    )
    moments = store.moments.summarise(store.experiments.get("shop"))
    ratio, spent = moments.summary("a_visit", "a"), moments.summary("spent", "a")
    kept = [i for i in range(0, 40, 2) if i not in (0, 2)]
    assert ratio.n == 18
    assert ratio.mean == pytest.approx(sum(i + 0.5 for i in kept) / 18)
    assert ratio.denominator_mean == pytest.approx(sum(i + 1 for i in kept) / 18)
    assert (spent.n, spent.mean > 15) == (19, True)


def test_a_value_that_comes_later_takes_the_place_of_the_blank(
    store: Store, load: Load, tmp_path: Path
) -> None:
    content = rows()
    content[0][3] = ""
    load(write(tmp_path / "shop.csv", content))
    load(write(tmp_path / "shop.csv", rows()))
    assert summary_of(store, "spent") == (20, pytest.approx(19.5))


def test_mostly_blank_columns_are_refused_unless_said(
    store: Store, load: Load, tmp_path: Path
) -> None:
    content = [
        [*row[:3], row[3] if i % 4 < 2 and i > 3 else "", "DE"] for i, row in enumerate(rows())
    ]
    path = write(tmp_path / "shop.csv", content)
    with pytest.raises(InvalidInputError, match="22 of 40 units have no value in 'spent'"):
        load(path)
    load(path, keep_missing=True)
    assert summary_of(store, "spent")[0] == 9
    ones = write(tmp_path / "ones.csv", [[*row[:2], row[2] or "", *row[3:]] for row in rows()])
    with pytest.raises(InvalidInputError, match=r"all others have 1\. Say --missing-as-zero"):
        load(ones, experiment_id="ones")


def test_only_what_was_said_is_null_in_every_kind_of_file(
    store: Store, load: Load, tmp_path: Path
) -> None:
    content = [[*row[:3], "none" if i == 0 else row[3], "NA"] for i, row in enumerate(rows())]
    write(tmp_path / "shop.csv", content)
    columns = [list(map(str, column)) for column in zip(*content, strict=True)]
    pq.write_table(pa.table(dict(zip(HEADER, columns, strict=True))), tmp_path / "shop.parquet")
    lines = [json.dumps(dict(zip(HEADER, row, strict=True))) for row in content]
    (tmp_path / "shop.jsonl").write_text("\n".join(lines))
    for name in ("shop.csv", "shop.parquet", "shop.jsonl"):
        options: dict[str, Any] = {"segments": ["country"], "replace": True}
        refused = load(tmp_path / name, **options)
        assert refused.reasons == {"wrong_type": 1}
        assert any("'none' (1)" in warning for warning in refused.warnings)
        kept = load(tmp_path / name, **options, null_words=["none"])
        assert (kept.rows_rejected, summary_of(store, "spent")[0]) == (0, 19)
        found = store.database.rows(
            "SELECT properties['country'], count() FROM events FINAL "
            "WHERE event_type = 'exposure' GROUP BY 1"
        )
        assert found == [("NA", 40)]


def test_a_null_word_that_is_a_number_holds_for_numbers(
    store: Store, load: Load, tmp_path: Path
) -> None:
    content = [[*row[:3], -999.0 if i == 0 else row[3], "DE"] for i, row in enumerate(rows())]
    columns = [list(column) for column in zip(*content, strict=True)]
    pq.write_table(pa.table(dict(zip(HEADER, columns, strict=True))), tmp_path / "shop.parquet")
    load(tmp_path / "shop.parquet", null_words=["-999"])
    assert summary_of(store, "spent") == (19, pytest.approx(20.5))


def test_an_exclusion_that_matches_nothing_is_said(load: Load, tmp_path: Path) -> None:
    path = write(tmp_path / "shop.csv", rows())
    summary = load(path, excludes=["country = 'ZZ'", "spent < 2"])
    assert summary.rows_excluded == 2
    assert [w for w in summary.warnings if "--exclude" in w] == [
        "--exclude \"country = 'ZZ'\" matched no row: check how its values are written"
    ]


def test_numbers_in_an_exclusion_are_read_as_the_column_is(load: Load, tmp_path: Path) -> None:
    content = [[*row[:3], f"{row[3]:.1f}".replace(".", ","), "DE"] for row in rows()]
    path = write(tmp_path / "shop.csv", content)
    assert load(path, excludes=["spent < 2"]).rows_excluded == 2


REPEATS = [["u0", "a", 0, 100, "FR"], ["u1", "b", 1, 7, "DE"], ["u1", "b", 0, 9, "DE"]]


def test_repeated_rows_that_differ_are_refused_with_the_choice(load: Load, tmp_path: Path) -> None:
    path = write(tmp_path / "shop.csv", [*rows(), *REPEATS])
    with pytest.raises(
        InvalidInputError,
        match=r"2 units .* differ in 'bought', 'spent' \(unit 'u0' .*--aggregate sum",
    ):
        load(path)


def test_a_few_repeated_rows_that_differ_are_said(store: Store, load: Load, tmp_path: Path) -> None:
    summary = load(write(tmp_path / "shop.csv", [*rows(200), ["u0", "a", 1, 900, "FR"]]))
    assert any(
        warning.startswith("1 units of 'shop.csv' have several rows that differ in 'spent' (unit")
        and warning.endswith("without it the first row counts")
        for warning in summary.warnings
    )
    assert summary_of(store, "spent") == (100, pytest.approx(99.5))


@pytest.mark.parametrize(
    ("aggregate", "first", "second"),
    [("sum", 100.5, 17.5), ("mean", 50.25, 17.5 / 3), ("max", 100, 9), ("min", 0.5, 1.5)],
)
def test_repeated_rows_are_combined_as_was_said(
    store: Store, load: Load, tmp_path: Path, aggregate: str, first: float, second: float
) -> None:
    path = write(tmp_path / "shop.csv", [*rows(), *REPEATS])
    metrics = ["bought:proportion=bought", "spent:mean=spent"]
    summary = load(path, aggregate=aggregate, metrics=metrics)
    assert (summary.repeated_rows, summary.units) == (3, 40)
    a = sum(i + 0.5 for i in range(2, 40, 2)) + first
    b = sum(i + 0.5 for i in range(3, 40, 2)) + second
    assert summary_of(store, "spent") == (20, pytest.approx(a / 20))
    assert summary_of(store, "spent", "b") == (20, pytest.approx(b / 20))
    # Whether it happened stays 0 or 1: u0 and u1 did it in one of their rows.
    did = [i % 3 == 0 for i in range(3, 40, 2)]
    assert summary_of(store, "bought", "b") == (20, pytest.approx((sum(did) + 1) / 20))


def test_repeated_rows_that_agree_count_once(store: Store, load: Load, tmp_path: Path) -> None:
    blank = ["u3", "b", "", "", "FR"]
    summary = load(write(tmp_path / "shop.csv", [blank, *rows(), *rows()[:2]]))
    assert (summary.repeated_rows, summary.units) == (3, 40)
    assert summary_of(store, "spent", "b") == (20, pytest.approx(20.5))


def long_rows() -> list[list[Any]]:
    content = []
    for user, variant, bought, spent, _ in rows():
        content.append([user, variant, "bought", bought])
        if user != "u0":
            content.append([user, variant, "spent", spent])
        content.append([user, variant, "clicks", 3])
    return content


def test_a_long_file_is_read_or_refused_with_the_option(
    store: Store, load: Load, tmp_path: Path
) -> None:
    header = ("user", "variant", "metric", "value")
    path = write(tmp_path / "long.csv", long_rows(), header)
    with pytest.raises(InvalidInputError, match="say --long metric=value"):
        load(path)
    with pytest.raises(InvalidInputError, match=r"differ in 'value' .* or --long metric=value if"):
        load(path, metrics=["v:mean=value"])
    with pytest.raises(InvalidInputError, match=r"no row of 'long\.csv' has 'sold' in 'metric'"):
        load(path, long="metric=value", metrics=["sold=sold"])
    summary = load(path, long="metric=value")
    assert (summary.units, summary.metrics) == (40, {"bought": "proportion", "spent": "mean"})
    assert summary_of(store, "spent") == (19, pytest.approx(20.5))
    assert summary_of(store, "bought") == (20, pytest.approx(7 / 20))
    load(path, long="metric=value", missing_as_zero=True, replace=True)
    assert summary_of(store, "spent") == (20, pytest.approx(20.5 * 19 / 20))


@pytest.mark.parametrize("nobody", ["undefined", "NaN", "null", "None", "(not set)"])
def test_ids_that_are_nobodys_are_rejected_by_name(load: Load, tmp_path: Path, nobody: str) -> None:
    content = [*rows(), [nobody, "a", 1, 3, "DE"], [nobody, "b", 1, 3, "DE"]]
    summary = load(write(tmp_path / "shop.csv", content))
    assert (summary.reasons, summary.units) == ({"no_id": 2}, 40)
    assert f"user is '{nobody}', which is nobody's id" in (tmp_path / "rejects.csv").read_text()


def test_ids_with_characters_that_nobody_sees_are_rejected(load: Load, tmp_path: Path) -> None:
    content = [*rows(), ["u1\u200b", "a", 1, 3, "DE"]]
    assert load(write(tmp_path / "shop.csv", content)).reasons == {"invisible_character": 1}


def test_ids_that_a_spreadsheet_rounded_refuse_the_file(load: Load, tmp_path: Path) -> None:
    content = [[f"1.{i % 5}3457E+12", *row[1:]] for i, row in enumerate(rows())]
    with pytest.raises(InvalidInputError, match=r"40 ids in 'user' .* a spreadsheet rounded"):
        load(write(tmp_path / "shop.csv", content))


def test_whole_doubles_are_ids_without_a_point(store: Store, load: Load, tmp_path: Path) -> None:
    columns = [list(column) for column in zip(*rows(), strict=True)]
    columns[0] = [float(1_700_000_000_000 + i) for i in range(40)]
    pq.write_table(pa.table(dict(zip(HEADER, columns, strict=True))), tmp_path / "shop.parquet")
    load(tmp_path / "shop.parquet")
    assert store.database.rows("SELECT min(user_id) FROM events") == [("1700000000000",)]


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ("A", "letter case"),
        ("a\u200b", "characters that nobody sees"),
        ("\u0430", "letters of two scripts"),
        ("a-", "blanks, hyphens"),
        ("\uff41", "characters that nobody sees"),
    ],
)
def test_a_variant_spelt_in_two_ways_is_named(
    load: Load, tmp_path: Path, other: str, difference: str
) -> None:
    content = [[row[0], other if i == 4 else row[1], *row[2:]] for i, row in enumerate(rows())]
    with pytest.raises(InvalidInputError, match=f"differ in {difference}"):
        load(write(tmp_path / "shop.csv", content))


def test_blanks_around_a_variant_are_none_of_it(load: Load, tmp_path: Path) -> None:
    content = [[row[0], f" {row[1]}\u00a0", *row[2:]] for row in rows()]
    assert load(write(tmp_path / "shop.csv", content)).variants == {"a": 20, "b": 20}


def test_per_cents_are_no_proportion(load: Load, tmp_path: Path) -> None:
    content = [[*row[:2], f"{i} %", *row[3:]] for i, row in enumerate(rows())]
    path = write(tmp_path / "shop.csv", content)
    with pytest.raises(InvalidInputError, match="holds per cents, but a proportion needs 0 or 1"):
        load(path, metrics=["bought:proportion=bought"])
    assert load(path).metrics == {"bought": "mean", "spent": "mean"}


TOTALS = {"aggregated": True, "n": "users", "metrics": ["bought=bought"], "unit": None}


@pytest.mark.parametrize(
    ("bought", "message"),
    [("0.052", "0.052, which is no count"), ("5.2", "5.2, which is no"), ("5 %", "per cents")],
)
def test_rates_are_no_totals(load: Load, tmp_path: Path, bought: str, message: str) -> None:
    content = [["a", 10_000, bought], ["b", 10_000, bought]]
    path = write(tmp_path / "totals.csv", content, ("variant", "users", "bought"))
    with pytest.raises(InvalidInputError, match=message):
        load(path, **TOTALS)


def test_totals_are_read_as_people_write_them(store: Store, load: Load, tmp_path: Path) -> None:
    content = [["a", "1,010,000", "1,200"], ["b", "1,009,000", "1,300"]]
    path = write(tmp_path / "totals.csv", content, ("variant", "users", "bought"))
    load(path, **TOTALS, decimal=".")
    found = {item.variant_id: item.summary for item in store.aggregates.latest("shop")}
    assert (found["a"].n, found["a"].mean) == (1_010_000, pytest.approx(1200 / 1_010_000))


def test_a_time_out_of_range_is_a_bad_row(load: Load, tmp_path: Path) -> None:
    columns = [list(column) for column in zip(*rows(), strict=True)]
    table = pa.table(dict(zip(HEADER, columns, strict=True)))
    times = pa.array([-(2**62), *([1_775_037_600_000_000] * 39)], pa.timestamp("us"))
    pq.write_table(table.append_column("at", times), tmp_path / "shop.parquet")
    summary = load(tmp_path / "shop.parquet", timestamp="at")
    assert summary.reasons == {"bad_timestamp": 1}
    assert str(-(2**62)) in (tmp_path / "rejects.csv").read_text()


def test_a_refused_time_is_shown_with_the_forms_that_are_known(load: Load, tmp_path: Path) -> None:
    content = [[*row, "2026-04-01"] for row in rows()]
    content[3][5] = "1 avril"
    path = write(tmp_path / "shop.csv", content, (*HEADER, "at"))
    assert load(path, timestamp="at").reasons == {"bad_timestamp": 1}
    written = (tmp_path / "rejects.csv").read_text()
    assert "at is '1 avril', no time; known are 2026-04-01 10:00:00" in written
