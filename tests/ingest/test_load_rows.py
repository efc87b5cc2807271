"""Files with one row a unit: what is kept, what is refused, and that numbers stay the same."""

import csv
import gzip
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neonblue.errors import ConflictError, InvalidInputError, NotFoundError
from neonblue.ingest.files.load import LoadSummary
from neonblue.intelligence.analysis import analyze
from neonblue.stores import Store

HEADER = ("user", "variant", "day", "bought", "spent", "os", "age")
Row = Sequence[object]
UNITS = {"experiment_id": "shop", "unit": "user", "variant": "variant", "control": "a"}
Load = Callable[..., LoadSummary]


@pytest.fixture
def usual() -> dict[str, Any]:
    return {**UNITS, "metrics": ["bought=bought", "spent:mean=spent"], "allow_rejects": 0.5}


def rows(count: int = 40) -> list[list[object]]:
    return [
        [f"u{i}", "ab"[i % 2], f"2026-01-{1 + i % 28:02}", i % 3 == 0, i / 4, "ios", 20 + i]
        for i in range(count)
    ]


def write(path: Path, content: Sequence[Row], delimiter: str = ",") -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([HEADER, *content])
    return path


def spent(store: Store, variant: str) -> tuple[float, float]:
    summary = store.moments.summarise(store.experiments.get("shop")).summary("spent", variant)
    return summary.n, summary.mean


def test_csv_gz_parquet_and_jsonl_give_the_same_numbers(
    store: Store, load: Load, tmp_path: Path
) -> None:
    plain = write(tmp_path / "shop.csv", rows())
    (tmp_path / "shop.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    columns = list(zip(*rows(), strict=True))
    table = pa.table({name: list(values) for name, values in zip(HEADER, columns, strict=True)})
    pq.write_table(table, tmp_path / "shop.parquet")
    lines = [json.dumps(dict(zip(HEADER, row, strict=True))) for row in rows()]
    (tmp_path / "shop.jsonl").write_text("\n".join(lines))
    write(tmp_path / "shop.tsv", rows(), delimiter="\t")
    found = []
    for name in ("shop.csv", "shop.csv.gz", "shop.parquet", "shop.jsonl", "shop.tsv"):
        summary = load(tmp_path / name, experiment_id=name, timestamp="day", replace=True)
        experiment = store.experiments.get(name)
        moments = store.moments.summarise(experiment)
        found.append((summary.variants, summary.metrics, moments.summaries, experiment.started_at))
    assert all(item == found[0] for item in found)
    assert found[0][1] == {"bought": "proportion", "spent": "mean"}


def test_the_same_file_twice_changes_no_number(store: Store, load: Load, tmp_path: Path) -> None:
    path = write(tmp_path / "shop.csv", rows())
    first = load(path, timestamp="day")
    before = store.moments.summarise(store.experiments.get("shop"))
    second = load(path, timestamp="day")
    assert store.moments.summarise(store.experiments.get("shop")) == before
    assert (first.version, second.version, second.events) == (1, 1, first.events)
    assert store.events.count("shop") == first.events


def test_a_second_file_adds_its_units(store: Store, load: Load, tmp_path: Path) -> None:
    load(write(tmp_path / "one.csv", rows(40)[:20]), timestamp="day")
    load(write(tmp_path / "two.csv", rows(40)[20:]), timestamp="day")
    assert spent(store, "a")[0] == 20
    assert store.experiments.get("shop").version <= 2


def test_of_repeated_rows_of_a_unit_the_first_counts(
    store: Store, load: Load, tmp_path: Path
) -> None:
    again = [["u0", "a", "2026-01-05", True, 999, "web", 1]]
    summary = load(write(tmp_path / "shop.csv", [*rows(), *again]), aggregate="first")
    assert summary.repeated_rows == 1
    assert spent(store, "a") == (20, pytest.approx(sum(i / 4 for i in range(0, 40, 2)) / 20))


def test_a_unit_in_two_variants_is_reported_and_left_out(
    store: Store, load: Load, tmp_path: Path
) -> None:
    summary = load(
        write(tmp_path / "shop.csv", [*rows(), ["u1", "a", "", "", 999, "", ""]]),
        missing_as_zero=True,
    )
    assert summary.multiple_variant_units == 1
    assert "1 units were seen in several variants" in summary.warnings[0]
    assert (spent(store, "a")[0], spent(store, "b")[0]) == (20, 19)


def test_excluded_rows_are_counted_and_not_there(store: Store, load: Load, tmp_path: Path) -> None:
    excludes = ["variant = a and age < 30", "os = 'nowhere'"]
    summary = load(write(tmp_path / "shop.csv", rows()), excludes=excludes)
    assert (summary.rows_excluded, summary.variants["a"]) == (5, 15)


def test_bad_rows_are_counted_and_written_down(store: Store, load: Load, tmp_path: Path) -> None:
    bad: list[Row] = [
        ["", "a", "2026-01-01", 1, 1, "", 1],
        ["x1", "", "2026-01-01", 1, 1, "", 1],
        ["x2", "a", "yesterday", 1, 1, "", 1],
        ["x3", "a", "2026-01-01", 1, "much", "", 1],
        ["x4", "a", "2026-01-01", 1, "", "", 1],
        ["x5", "a", "2026-01-01", 1, "nan", "", 1],
        ["x6", "a", "2026-01-01", 1, "-inf", "", 1],
        ["x10", "a", "2026-01-01", 1, "1e150", "", 1],
        ["x7", "a", "-86400", 1, 1, "", 1],
        ["x8", "a", "2999-01-01", 1, 1, "", 1],
        ["x9", "a", "2026-01-01", 0.5, 1, "", 1],
        ["y\0", "a", "2026-01-01", 1, 1, "", 1],
        ["y1", "a", "2026-01-01", 1, 1, "", "old"],
        ["y2", "a"],
    ]
    summary = load(
        write(tmp_path / "shop.csv", [*rows(), *bad]),
        timestamp="day",
        metrics=["bought:proportion=bought", "spent=spent"],
        covariates=["age=age"],
    )
    assert summary.rows_rejected == len(bad) - 1
    assert summary.reasons == {
        "empty_field": 2,
        "bad_timestamp": 1,
        "wrong_type": 5,
        "timestamp_out_of_range": 2,
        "nul_byte": 1,
        "bad_row": 1,
        "value_too_large": 1,
    }
    with Path(summary.rejects_file or "").open(newline="") as file:
        written = list(csv.DictReader(line.replace("\0", "") for line in file))
    numbers = [41 + place for place, row in enumerate(bad) if row[0] != "x4"]
    assert sorted(int(line["row"]) for line in written) == numbers
    assert spent(store, "a")[0] == 20


def test_segments_and_covariates_become_properties(
    store: Store, load: Load, tmp_path: Path
) -> None:
    load(write(tmp_path / "shop.csv", rows()), segments=["os"], covariates=["past=age"])
    experiment = store.experiments.get("shop")
    assert (experiment.segments, experiment.metrics[0].covariate) == (("os",), "past")
    summary = store.moments.summarise(experiment).summary("spent", "a")
    assert summary.covariate_mean == pytest.approx(20 + 19)
    assert summary.covariance_y_x == pytest.approx(summary.covariate_variance / 4)


def test_a_ratio_divides_two_columns(store: Store, load: Load, tmp_path: Path) -> None:
    load(write(tmp_path / "shop.csv", rows()), metrics=["per_age:ratio=spent/age"])
    summary = store.moments.summarise(store.experiments.get("shop")).summary("per_age", "a")
    assert summary.mean / summary.denominator_mean == pytest.approx((19 / 4) / 39)


def test_without_a_unit_column_each_row_is_a_unit(store: Store, load: Load, tmp_path: Path) -> None:
    path = write(tmp_path / "shop.csv", [*rows(), *rows()])
    assert load(path, unit=None).units == 80
    assert load(path, unit=None).units == 80
    assert spent(store, "a")[0] == 40


def test_replace_takes_back_what_was_there(store: Store, load: Load, tmp_path: Path) -> None:
    load(write(tmp_path / "shop.csv", rows()))
    fewer = [[*row[:4], 0, *row[5:]] for row in rows(10)]
    load(write(tmp_path / "shop.csv", fewer), replace=True)
    assert spent(store, "a") == (5, 0.0)


def test_a_watched_experiment_keeps_its_plan_once_it_was_read(
    store: Store, load: Load, tmp_path: Path
) -> None:
    path = write(tmp_path / "shop.csv", rows())
    load(path)
    load(path, metrics=["spent=spent"])
    assert store.experiments.get("shop").version == 2
    analyze(store, "shop", now=datetime.now(UTC))
    with pytest.raises(ConflictError, match=r"'shop' is running and its metrics may not change"):
        load(path)
    assert store.experiments.get("shop").version == 2


def test_a_constant_metric_is_loaded_with_a_warning(load: Load, tmp_path: Path) -> None:
    same = [[*row[:4], 3, *row[5:]] for row in rows()]
    summary = load(write(tmp_path / "shop.csv", same))
    assert "every unit has 3 in 'spent'" in summary.warnings[0]


BAD_PLANS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown column": ({"unit": "usr"}, r"has no column 'usr': did you mean 'user'\? It has"),
    "unknown control": ({"control": "c"}, r"--control 'c' is in no row: the variants are 'a', 'b'"),
    "one variant": ({"excludes": ["variant = b"]}, "there is only one variant, 'a'"),
    "nothing left": ({"excludes": ["age > 0"]}, "--exclude leaves none of the 40 rows"),
    "wrong column": ({"variant": "user", "control": "u1", "unit": None}, "probably another column"),
    "no metric": ({"metrics": []}, "needs --metric NAME=COLUMN"),
    "odd metric": ({"metrics": ["bought"]}, "--metric 'bought' cannot be read"),
    "half a ratio": ({"metrics": ["r:ratio=spent"]}, "write r:ratio=NUMERATOR/DENOMINATOR"),
    "metric twice": ({"metrics": ["m=spent", "m=age"]}, "--metric 'm' is given twice"),
    "text as metric": (
        {"metrics": ["m=os"]},
        r"column 'os' of 'shop.csv' holds no numbers, but 'ios'",
    ),
    "odd exclude": ({"excludes": ["os like 'i%'"]}, "--exclude \"os like 'i%'\" cannot be used"),
    "typo in exclude": ({"excludes": ["oss = ios and age > 1"]}, "cannot be used"),
    "odd guardrail": ({"guardrails": ["x"]}, "--guardrail 'x' is no metric"),
    "odd weight": ({"weights": ["c=1"]}, "--weight 'c' is no variant"),
    "far column": ({"unit": "zzzz"}, "has no column 'zzzz': it has 'user', 'variant'"),
    "mean of two": ({"metrics": ["m:mean=spent/age"]}, "write m:ratio=spent/age"),
    "odd kind": ({"metrics": ["m:median=spent"]}, "--metric 'm:median=spent' cannot be read"),
    "odd alpha": ({"alpha": 7.0}, "alpha 7.0 .* is out of range"),
    "odd plan": ({"planned_sample_size": -3}, "planned_sample_size -3 .* is no number of units"),
    "odd status": ({"status": "done"}, "cannot be understood"),
}


@pytest.mark.parametrize("name", BAD_PLANS)
def test_what_cannot_be_meant_is_said_in_one_line_and_nothing_is_loaded(
    store: Store, load: Load, tmp_path: Path, name: str
) -> None:
    options, message = BAD_PLANS[name]
    path = write(tmp_path / "shop.csv", rows(40 if name != "wrong column" else 60))
    with pytest.raises(InvalidInputError, match=message):
        load(path, **options)
    assert nothing_is_there(store)


def nothing_is_there(store: Store) -> bool:
    staged = store.database.rows("SELECT name FROM system.tables WHERE name LIKE 'load\\_%'")
    return not store.events.count() and not store.experiments.list() and not staged


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.csv", content)
    return packed.getvalue()


def tarred(content: bytes) -> bytes:
    """An archive of one file, packed."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("shop.csv")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def files(tmp_path: Path) -> dict[str, tuple[str, bytes, str]]:
    """Files that are no data: name, bytes, and what is said about them."""
    text = write(tmp_path / "good.csv", rows(5000)).read_bytes()
    pq.write_table(pa.table({"user": ["u"] * 5000}), tmp_path / "good.parquet")
    parquet = (tmp_path / "good.parquet").read_bytes()
    return {
        "empty": ("shop.csv", b"", "is empty: export it again"),
        "blank": ("shop.csv", b"\n\n", "has no header"),
        "header only": ("shop.csv", text.splitlines()[0] + b"\n", "has a header but no rows"),
        "cut gz": ("shop.csv.gz", cut(gzip.compress(text)), "cut off, damaged"),
        "cut parquet": ("shop.parquet", cut(parquet), "cut off, damaged"),
        "not parquet": ("shop.parquet", text, "cut off, damaged"),
        "latin-1": ("shop.csv", text + "u,a,,1,1,é,1\n".encode("latin-1"), "is not UTF-8"),
        "utf-16 cut": (
            "shop.csv",
            text.decode().encode("utf-16")[:-1],
            "is UTF-16 and ends within a character",
        ),
        "utf-16 without mark": (
            "shop.csv",
            text.decode().encode("utf-16-le"),
            "iconv -f utf-16le -t utf-8",
        ),
        "tar": ("shop.csv.tar.gz", tarred(text), "is a tar archive: unpack it"),
        "no files": ("shop.zip", zipped(), "a zip file without files"),
        "one column": ("shop.csv", text.replace(b",", b"~"), "Nothing in its header divides"),
        "latin-1 later": (
            "shop.csv",
            text.replace(b"u4999", b"u\xe9"),
            r"is not UTF-8 \(line 5001 has b'u\\xe9,.*windows-1252",
        ),
        "binary": ("shop.csv", bytes(range(256)) * 40, "shop.csv"),
        "json numbers": ("shop.json", b"[1, 2]", "holds no JSON objects"),
        "json array": ("shop.json", b'[{"user": 1}, {"us', "JSON array in 'shop.json' is broken"),
        "columns twice": (
            "shop.csv",
            b"user,variant,bought,spent,user\n1,a,1,1,2\n",
            "column 'user' more than once",
        ),
        "unknown kind": ("shop.docx", b"PK", "is of no known kind"),
        "two zipped": ("shop.csv", zipped(a=text, b=text), "a zip file of 2 files"),
        "two readings": (
            "shop.csv",
            text.replace(b",ios,30\r", b',"ios,30\r').replace(b",ios,90\r", b',ios",90\r'),
            "a quote in line",
        ),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("empty", "blank", "header only", "cut gz", "cut parquet", "not parquet"),
        *("latin-1", "latin-1 later", "utf-16 cut", "utf-16 without mark", "tar", "no files"),
        *("one column", "binary", "json numbers", "json array"),
        *("columns twice", "unknown kind", "two zipped", "two readings"),
    ],
)
def test_a_file_that_is_no_data_gives_one_message_and_leaves_nothing(
    store: Store, load: Load, tmp_path: Path, name: str
) -> None:
    file_name, content, message = files(tmp_path)[name]
    path = tmp_path / file_name
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=message) as raised:
        load(path)
    assert "\n" not in str(raised.value)
    assert nothing_is_there(store)


def test_a_column_of_lists_is_refused(store: Store, load: Load, tmp_path: Path) -> None:
    table = pa.table({"user": ["u"], "variant": ["a"], "bought": [[1]], "spent": [1.0]})
    pq.write_table(table, tmp_path / "shop.parquet")
    with pytest.raises(InvalidInputError, match=r"column 'bought' of 'shop\.parquet' holds list"):
        load(tmp_path / "shop.parquet")
    assert nothing_is_there(store)


def test_a_value_may_hold_a_line_break(load: Load, tmp_path: Path) -> None:
    content = [[*row[:5], 'two\nlines "quoted"', row[6]] for row in rows()]
    assert load(write(tmp_path / "shop.csv", content), segments=["os"]).rows_read == 40


@pytest.mark.parametrize("seconds", [0, 4_000_000_000])
def test_an_odd_file_time_is_no_reason_to_refuse_rows(
    load: Load, tmp_path: Path, seconds: int
) -> None:
    path = write(tmp_path / "shop.csv", rows())
    os.utime(path, (seconds, seconds))
    assert load(path).rows_rejected == 0


def test_a_folder_is_no_file(load: Load, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="is a folder"):
        load(tmp_path)


def test_a_file_that_is_not_there_is_said_so(load: Load, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no file"):
        load(tmp_path / "nowhere.csv")


def test_a_cut_off_last_row_is_one_bad_row(load: Load, tmp_path: Path) -> None:
    path = write(tmp_path / "shop.csv", rows())
    path.write_bytes(path.read_bytes()[:-20])
    summary = load(path)
    assert (summary.rows_rejected, summary.reasons) == (1, {"bad_row": 1})
