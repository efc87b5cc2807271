"""What is loaded again with other values, in other encodings, or a metric at a time."""

import csv
import json
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.load import LoadSummary
from neonblue.intelligence.analysis import analyze
from neonblue.stores import Store
from neonblue.stores.event_types import event_types

HEADER = ("user", "variant", "bought", "spent")
LONG = ("user", "variant", "metric", "value")
UNITS = {"experiment_id": "shop", "unit": "user", "variant": "variant", "control": "a"}
Load = Callable[..., LoadSummary]


@pytest.fixture
def usual() -> dict[str, Any]:
    return {**UNITS, "metrics": ["bought=bought", "spent:mean=spent"]}


def rows(count: int = 40) -> list[list[Any]]:
    """Spent is i + 0.5 for unit i; two variants in turn."""
    return [[f"u{i}", "ab"[i % 2], int(i % 3 == 0), i + 0.5] for i in range(count)]


def text_of(content: Sequence[Sequence[Any]], header: Sequence[str] = HEADER) -> str:
    lines = (",".join(map(str, row)) for row in [header, *content])
    return "\n".join(lines) + "\n"


def write(path: Path, content: Sequence[Sequence[Any]], header: Sequence[str] = HEADER) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *content])
    return path


def mean_of(store: Store, metric: str, variant: str = "a") -> tuple[float, float]:
    found = store.moments.summarise(store.experiments.get("shop")).summary(metric, variant)
    return found.n, found.mean


def test_a_value_that_becomes_zero_or_blank_is_taken_as_it_comes(
    store: Store, load: Load, tmp_path: Path
) -> None:
    """A 0 leaves no event of its own, so the earlier value must not stay."""
    first, later = rows(), rows()
    first[0][2:] = ["", 100.0]  # u0: bought unknown, then 0; spent 100, then 0
    first[2][2:] = [1, ""]  # u2: bought, then not; spent unknown, then 0
    later[0][2:], later[2][2:] = [0, 0], [0, 0]
    later[4][3] = ""  # u4: a value, then unknown
    for content in (first, later, later):
        load(write(tmp_path / "shop.csv", content))
        truth = [row for row in content if row[1] == "a"]
        for metric, place in (("bought", 2), ("spent", 3)):
            known = [row[place] for row in truth if row[place] != ""]
            assert mean_of(store, metric) == (len(known), pytest.approx(sum(known) / len(known)))
    names = [item.name for item in event_types(store.database, "shop").types]
    assert sorted(names) == ["bought", "exposure", "spent"]


def test_a_first_load_writes_nothing_for_zeros(store: Store, load: Load, tmp_path: Path) -> None:
    summary = load(write(tmp_path / "shop.csv", rows()))
    assert summary.events == 40 + 14 + 40


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "zip"])
def test_text_that_names_its_encoding_is_read(
    store: Store, load: Load, tmp_path: Path, encoding: str, kind: str
) -> None:
    content = [[f"ü{i}", *row[1:]] for i, row in enumerate(rows())]
    text = text_of(content)
    if kind == "jsonl":
        text = "\n".join(json.dumps(dict(zip(HEADER, row, strict=True))) for row in content)
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    data = (mark + text).encode(encoding)
    path = tmp_path / f"shop.{kind}"
    path.write_bytes(data)
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("shop.csv", data)
    load(path)
    assert mean_of(store, "spent") == (20, pytest.approx(19.5))


def test_a_long_file_reads_each_metric_by_a_rule_of_its_own(
    store: Store, load: Load, tmp_path: Path
) -> None:
    """Words, per cents, money and what nobody asked for stand in one column."""
    content = []
    for user, variant, bought, spent in rows():
        content += [
            [user, variant, "bought", "yes" if bought else "no"],
            [user, variant, "spent", f"$ ({spent:.2f})"],
            [user, variant, "share", f"{spent:g} %".replace(".", ",")],
            [user, variant, "country", "DE"],
        ]
    metrics = ["bought=bought", "spent:mean=spent", "share:mean=share"]
    path = write(tmp_path / "long.csv", content, LONG)
    summary = load(path, long="metric=value", metrics=metrics)
    assert (summary.rows_rejected, summary.warnings) == (0, ())
    assert summary.metrics["bought"] == "proportion"
    assert mean_of(store, "bought") == (20, pytest.approx(0.35))
    assert mean_of(store, "spent") == (20, pytest.approx(-19.5))
    assert mean_of(store, "share") == (20, pytest.approx(0.195))


def test_what_cannot_be_read_is_said_before_what_follows_from_it(
    load: Load, tmp_path: Path
) -> None:
    """Not that a metric has no values, with an option that would make zeros of them."""
    content = [[user, variant, "spent", "much"] for user, variant, *_ in rows()]
    content += [[user, variant, "bought", bought] for user, variant, bought, _ in rows()]
    path = write(tmp_path / "long.csv", content, LONG)
    with pytest.raises(InvalidInputError, match=r"column 'value' \(of 'spent'\) .* no numbers"):
        load(path, long="metric=value")
    content[0][3] = 5
    path = write(tmp_path / "long.csv", content, LONG)
    said = r"39 of 80 rows .* spent is 'much', no number \(--null much if it means"
    with pytest.raises(InvalidInputError, match=said):
        load(path, long="metric=value")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("N/A", r"\(--null N/A if it means that there is no value\)"),
        (r"\N", r"\(--null '\\N' if"),
        ("-", r"\(--null=- if .*, and --missing-as-zero too if it means 0"),
    ],
)
def test_a_word_is_refused_with_the_option_that_takes_it(
    store: Store, load: Load, tmp_path: Path, cell: str, said: str
) -> None:
    content = rows()
    for row in content[:8]:
        row[3] = cell
    path = write(tmp_path / "shop.csv", content)
    with pytest.raises(InvalidInputError, match=said):
        load(path)
    load(path, null_words=[cell], missing_as_zero=True)
    zeros = [0 if i < 8 else i + 0.5 for i in range(0, 40, 2)]
    assert mean_of(store, "spent") == (20, pytest.approx(sum(zeros) / 20))


def test_nan_of_a_parquet_file_is_refused_with_its_option(
    store: Store, load: Load, tmp_path: Path
) -> None:
    table = pa.table(dict(zip(HEADER, map(list, zip(*rows(), strict=True)), strict=True)))
    spent = pa.array([float("nan") if i < 8 else i + 0.5 for i in range(40)])
    pq.write_table(table.set_column(3, "spent", spent), tmp_path / "shop.parquet")
    with pytest.raises(InvalidInputError, match=r"spent is nan, .* \(--null NaN if"):
        load(tmp_path / "shop.parquet")
    load(tmp_path / "shop.parquet", null_words=["NaN"])
    assert mean_of(store, "spent") == (16, pytest.approx(23.5))


def test_ids_beyond_what_a_double_tells_apart_refuse_the_file(load: Load, tmp_path: Path) -> None:
    table = pa.table(dict(zip(HEADER, map(list, zip(*rows(), strict=True)), strict=True)))
    ids = pa.array([9.007199254740993e15 + i for i in range(40)])
    pq.write_table(table.set_column(0, "user", ids), tmp_path / "shop.parquet")
    with pytest.raises(InvalidInputError, match=r"40 ids in 'user' .* column of floats"):
        load(tmp_path / "shop.parquet")


@pytest.mark.parametrize("other", ["BUY", "buy\u200b", "bu\u0443"])
def test_events_of_a_metric_in_two_spellings_are_named(
    load: Load, tmp_path: Path, other: str
) -> None:
    content = [[f"u{i}", "ab"[i % 2], "see", "2026-04-01"] for i in range(40)]
    content += [[f"u{i}", "", other if i % 4 else "buy", "2026-04-02"] for i in range(40)]
    path = write(tmp_path / "clicks.csv", content, ("user", "variant", "action", "at"))
    options: dict[str, Any] = {
        "event_type": "action",
        "timestamp": "at",
        "metrics": ["bought=buy"],
    }
    with pytest.raises(InvalidInputError, match=r"the events 'buy' and .* differ in"):
        load(path, **options)
    load(path, **options, excludes=[f"action = '{other}'"])


def test_metrics_of_a_long_file_in_two_spellings_are_named(load: Load, tmp_path: Path) -> None:
    content = [[f"u{i}", "ab"[i % 2], "Spent" if i % 4 else "spent", i] for i in range(40)]
    path = write(tmp_path / "long.csv", content, LONG)
    with pytest.raises(InvalidInputError, match="the metrics 'spent' and 'Spent' differ in letter"):
        load(path, long="metric=value", metrics=["spent:mean=spent"], keep_missing=True)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("%d.%m.%Y", r"no time; --time-format '%d\.%m\.%Y' reads times like '01\.04\.2026'"),
        ("excel", r"no time; --time-format excel reads day numbers"),
    ],
)
def test_a_time_of_another_form_is_refused_with_the_form_that_was_asked_for(
    load: Load, tmp_path: Path, form: str, said: str
) -> None:
    content = [[*row, "4/13/2026"] for row in rows()]
    path = write(tmp_path / "shop.csv", content, (*HEADER, "at"))
    with pytest.raises(InvalidInputError, match=said):
        load(path, timestamp="at", time_format=form)


def test_only_a_few_of_many_experiments_on_the_same_units_are_named(
    store: Store, load: Load, tmp_path: Path
) -> None:
    path = write(tmp_path / "shop.csv", rows())
    for name in "abcde":
        load(path, experiment_id=name, finished=True)
        analyze(store, name, now=datetime.now(UTC))
    said = load(path, experiment_id="f").warnings
    assert len(said) == 4
    assert said[-1] == "the same holds for 2 more experiments"
