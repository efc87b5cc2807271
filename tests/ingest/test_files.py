"""Files as the world writes them: what is read, and that no row is lost without a word."""

import csv
import gzip
import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterable
from datetime import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.data_file import WHOLE_ROW, open_file

ROWS = [(f"u{i}", "ab"[i % 2], str(i)) for i in range(40)]
PLAIN = "".join(f"{','.join(row)}\n" for row in ROWS)


def read(path: Path, *columns: str) -> list[tuple[str | None, ...]]:
    """All rows as they come, in the order of the file; broken lines are not allowed."""
    found: list[tuple[int, tuple[str | None, ...]]] = []
    for batch in open_file(path).batches(columns):
        assert not batch.bad
        lines = zip(*(batch.table[name].to_pylist() for name in columns), strict=True)
        found += zip(batch.rows, lines, strict=True)
    assert sorted(row for row, _ in found) == list(range(1, len(found) + 1))
    return [line for _, line in sorted(found)]


def bad_lines(path: Path, *columns: str) -> dict[int, str]:
    batches = open_file(path).batches(columns)
    return {line.row: line.reason for batch in batches for line in batch.bad}


def file_of(tmp_path: Path, text: str, name: str = "in.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffuser,variant,n\n" + PLAIN,
        "sep=;\r\nuser;variant;n\r\n" + PLAIN.replace(",", ";"),
        '\ufeff"sep=\t"\nuser\tvariant\tn\n' + PLAIN.replace(",", "\t"),
        "# ------\n# Report, of today\n# 2026-01-01, 2026-02-01\n\nuser,variant,n\n" + PLAIN,
        "Report of today\nfrom,to\n\nuser,variant,n\n" + PLAIN,
        "\n\n  \nuser,variant,n\n" + PLAIN + "\n\n \n\n".replace(" ", ""),
        'user;variant;n;"revenue, net, EUR, a, b, c"\n' + PLAIN.replace(",", ";").replace(
            "\n", ";1,5\n"
        ),
        'user,variant,n,"first\nline, second ""one"""\n' + PLAIN.replace("\n", ",x\n"),
        "user,variant,n,,\n" + PLAIN.replace("\n", ",,\n"),
        "user,variant,n,,\n" + PLAIN,
        "user,variant,n\n" + PLAIN.replace("\n", ",,\n"),
        ",user,variant,n\n" + "".join(f"{i},{','.join(row)}\n" for i, row in enumerate(ROWS)),
        "user,variant,n,note,note\n" + PLAIN.replace("\n", ",x,y\n"),
        " user , variant,n\n" + PLAIN,
        ("user,variant,n\n" + PLAIN).replace("\n", "\r"),
        "user|variant|n\n" + PLAIN.replace(",", "|"),
        '"user","variant","n"\n' + "".join(f'"{a}","{b}","{c}"\n' for a, b, c in ROWS),
        "#user,variant,n,user\n" + "".join(f"9,{b},{c},{a}\n" for a, b, c in ROWS),
    ],
    ids=lambda text: repr(text[:24]),
)  # fmt: skip
def test_headers_as_other_programs_write_them(tmp_path: Path, text: str) -> None:
    """Marks, ``sep=``, lines before the header, any delimiter, columns without a name."""
    assert read(file_of(tmp_path, text), "user", "variant", "n") == ROWS


def test_a_name_may_have_line_breaks_and_commas(tmp_path: Path) -> None:
    path = file_of(tmp_path, '"user\nid",variant,"n, ""all"""\n' + PLAIN)
    assert read(path, "user\nid", "variant", 'n, "all"') == ROWS


def test_a_name_that_two_columns_have_is_refused_when_it_is_used(tmp_path: Path) -> None:
    path = file_of(tmp_path, "user,variant,n,n\n" + PLAIN.replace("\n", ",7\n"))
    assert read(path, "user", "variant") == [row[:2] for row in ROWS]
    with pytest.raises(InvalidInputError, match="column 'n' more than once: rename one"):
        read(path, "user", "n")


@pytest.mark.parametrize("name", ["in.csv", "in.csv.gz", "in.zip", "in.csv.zip", "in.txt"])
@pytest.mark.parametrize("packing", ["gzip", "zip", "none"])
def test_packed_files_are_known_by_their_bytes(tmp_path: Path, name: str, packing: str) -> None:
    data = ("user,variant,n\n" + PLAIN).encode()
    if packing == "gzip":
        data = gzip.compress(data)
    elif packing == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("__MACOSX/._data.csv", b"x")
            archive.writestr("data.csv", data)
        data = packed.getvalue()
    path = tmp_path / name
    path.write_bytes(data)
    if packing == "none" and name == "in.zip":
        with pytest.raises(InvalidInputError, match="of no known kind"):
            open_file(path)
    else:
        assert read(path, "user", "variant", "n") == ROWS


def test_a_workbook_is_named_as_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.csv", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(InvalidInputError, match="is a spreadsheet: save the sheet as 'CSV UTF-8'"):
        open_file(tmp_path / "in.csv")


def stray(changes: dict[int, str]) -> str:
    """A file of items in which some lines are written in another way."""
    lines = [f"u{i},{'ab'[i % 2]},{i},item" for i in range(40)]
    for row, line in changes.items():
        lines[row - 1] = line
    return "user,variant,n,item\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize("tail", ["", "\n", "\n\n\n"])
@pytest.mark.parametrize(
    ("line", "item"),
    [
        ('u4,a,4,tv 12"', 'tv 12"'),
        ('u4,a,4,"tv', '"tv'),
        ('u4,a,4,"', '"'),
        ('u4,a,4,"5"" pipe"', '5" pipe'),
        ('u4,a,4,"5" pipe"', '5" pipe'),
        ('u4,a,4,5" pipe 3"', '5" pipe 3"'),
        ('"u4","a","4","the ""best"', 'the "best'),
        ('u4,a,4,"two\nlines, with, many, commas"', "two\nlines, with, many, commas"),
        ('u4,a,4,"a, b\nc"', "a, b\nc"),
    ],
)
def test_a_quote_swallows_no_row(tmp_path: Path, line: str, item: str, tail: str) -> None:
    """The quote is a character where it can be nothing else, and fields may have line breaks."""
    found = read(file_of(tmp_path, stray({5: line}) + tail), "user", "variant", "n", "item")
    assert len(found) == 40
    assert found[4] == ("u4", "a", "4", item)
    assert found[5] == ("u5", "b", "5", "item")


@pytest.mark.parametrize(
    "changes",
    [
        {5: 'u4,a,4,"tv', 30: 'u29,b,29,12"'},
        {5: 'u4,"a,4,tv', 30: 'u29,b",29,tv'},
        {5: 'u4,a,4,"tv', 6: 'u5,b,5,tv"'},
        {5: '"u4,a,4,tv', 30: 'u29",b,29,tv'},
    ],
)
def test_where_two_readings_fit_the_file_is_refused(
    tmp_path: Path, changes: dict[int, str]
) -> None:
    path = file_of(tmp_path, stray(changes))
    with pytest.raises(InvalidInputError, match=r"a quote in line 6 that is closed only in line"):
        read(path, "user")


def test_prose_over_two_lines_is_no_row(tmp_path: Path) -> None:
    """As many commas as a row has do not make one: its values would have to look like a row's."""
    found = read(file_of(tmp_path, stray({5: 'u4,a,4,"Hello\nwell, I, must, go"'})), "item")
    assert found[4] == ("Hello\nwell, I, must, go",)
    assert len(found) == 40


def test_a_line_that_fits_no_reading_is_a_bad_row(tmp_path: Path) -> None:
    path = file_of(tmp_path, stray({5: 'u4,a,"4', 9: "u8,a", 12: 'u11,b,11,"5" pipe, 3m"'}))
    assert bad_lines(path, "user") == {
        5: "a quote that is not closed or not doubled",
        9: "2 columns instead of 4",
        12: "a quote that is not closed or not doubled",
    }
    rows = [n for batch in open_file(path).batches(["n"]) for n in batch.table["n"].to_pylist()]
    assert rows == [str(i) for i in range(40) if i not in (4, 8, 11)]


def test_what_is_read_does_not_hang_on_where_blocks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two blocks of the size that is read at once, quotes and line breaks everywhere."""
    monkeypatch.setattr("neonblue.ingest.files.csv_file.BLOCK_BYTES", 1 << 16)
    expected = [
        (f"u{i}", f'say "{i}",\nplease' if i % 3 else f"{i}", "x" * 90) for i in range(4000)
    ]
    written = io.StringIO()
    csv.writer(written).writerows([("user", "n", "rest"), *expected])
    assert read(file_of(tmp_path, written.getvalue()), "user", "n", "rest") == expected


cells = st.text(st.sampled_from('ab1, ;"\n\té'), max_size=6)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(table=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=12))
def test_what_a_csv_writer_writes_is_read_or_refused(
    tmp_path: Path, table: list[tuple[str, str, str]]
) -> None:
    """Never another number of rows, never another cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("user", "variant", "item"), *table])
    path = file_of(tmp_path, text.getvalue())
    try:
        found = read(path, "user", "variant", "item")
    except InvalidInputError:
        return
    assert found == [tuple(cell or None for cell in row) for row in table]


def test_a_line_without_an_end_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "in.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"user,variant,n\nu1,a,")
        for _ in range(64):
            file.write(b"9" * (1 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInputError, match=r"line 2 of .* is longer than 16 MB"):
            read(path, "user")
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["in.csv", "in.jsonl"])
def test_a_file_of_one_endless_line_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b'{"a' + b"x" * (40 << 20))
    with pytest.raises(InvalidInputError, match="longer than"):
        open_file(path)


def test_many_columns_are_looked_at_once(tmp_path: Path) -> None:
    """20,000 columns were 2.6 seconds of comparing names."""
    names = ["user", *(f"c{i}" for i in range(20_000))]
    path = file_of(tmp_path, ",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    assert read(path, "c19999") == [("1",)]


def lines_of(items: Iterable[object], name: str, tmp_path: Path) -> Path:
    path = tmp_path / name
    path.write_text("".join(f"{json.dumps(item)}\n" for item in items))
    return path


NESTED = [
    {
        "user": f"u{i}",
        "properties": {"Variant name": "ab"[i % 2], "deep": {"n": i}},
        "params": [
            {"key": "n", "value": {"int_value": str(i), "string_value": None}},
            {"key": "page", "value": {"string_value": f"/p{i}"}},
        ],
    }
    for i in range(40)
]


def test_values_inside_objects_have_dotted_names(tmp_path: Path) -> None:
    path = lines_of(NESTED, "in.jsonl", tmp_path)
    assert read(path, "user", "properties.Variant name", "properties.deep.n") == ROWS
    assert read(path, "user", "properties.Variant name", "params.n") == ROWS
    with pytest.raises(InvalidInputError, match=r"no column 'page': did you mean 'params\.page'"):
        read(path, "page")
    with pytest.raises(InvalidInputError, match=r"'properties' .*holds objects: .*'properties\.V"):
        read(path, "properties")


def test_an_array_of_objects_is_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neonblue.ingest.files.json_file.BLOCK_BYTES", 500)
    path = tmp_path / "in.json"
    path.write_text("\ufeff" + json.dumps(NESTED, indent=2, ensure_ascii=False), "utf-8")
    assert read(path, "user", "properties.Variant name", "properties.deep.n") == ROWS


def test_parquet_structs_have_dotted_names_too(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(NESTED), tmp_path / "in.parquet")
    found = read(tmp_path / "in.parquet", "user", "properties.Variant name", "properties.deep.n")
    assert found == [(user, variant, int(n)) for user, variant, n in ROWS]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([b"x"], pa.binary()),
        pa.array([1], pa.duration("s")),
        pa.array([time(10)], pa.time64("us")),
        pa.array([None], pa.null()),
        pa.array([[1]]),
        pa.array([{"a": 1}]),
    ],
    ids=lambda values: str(values.type),
)
def test_types_that_are_no_cells_are_refused(tmp_path: Path, values: pa.Array) -> None:
    pq.write_table(pa.table({"user": ["u"], "x": values}), tmp_path / "in.parquet")
    assert read(tmp_path / "in.parquet", "user") == [("u",)]
    with pytest.raises(InvalidInputError, match=r"column 'x' of 'in\.parquet' holds "):
        read(tmp_path / "in.parquet", "x")


def test_the_whole_row_tells_rows_apart_that_agree_in_what_is_read(tmp_path: Path) -> None:
    path = file_of(tmp_path, "user,page,\nu,/a,\nu,/b,\nu,/b,\n")
    (batch,) = open_file(path).batches(["user", WHOLE_ROW])
    whole = batch.table[WHOLE_ROW].to_pylist()
    assert whole[0] != whole[1] == whole[2]
