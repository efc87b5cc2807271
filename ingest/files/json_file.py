"""JSON files as batches of text columns: an object a line, or one array of objects.

A value inside an object is a column with a dotted name (``properties.variant``), also in lists of
keys with values as BigQuery exports them (``event_params.variant``).
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.file_batch import (
    MAX_LINE_BYTES,
    WHOLE_ROW,
    BadLine,
    FileBatch,
    line_too_long,
)
from neonblue.ingest.files.packed import byte_stream

if TYPE_CHECKING:
    from pathlib import Path

BLOCK_BYTES = 8 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SAMPLED_OBJECTS = 1000
MAX_NAMES = 10_000
MAX_DEPTH = 5
BETWEEN = " \t\r\n,"
# As Python and JavaScript libraries write what JSON has no word for.
NO_JSON_NUMBER = re.compile(rb"[:\[,]\s*-?(NaN|Infinity)\b")


def json_columns(path: Path) -> tuple[str, ...]:
    """The keys of the first thousand objects, in order of appearance, and dotted ones."""
    import msgspec

    names: dict[str, None] = {}
    inner: dict[str, None] = {}
    lines = chain.from_iterable(chunk for chunk, _ in json_lines(path))
    for line in islice(lines, SAMPLED_OBJECTS):
        try:
            item = msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        names |= dict.fromkeys(item)
        if len(inner) < MAX_NAMES:
            inner |= dict.fromkeys(_inner_names(item, 1))
    if not names:
        raise InvalidInputError(
            f"{path.name!r} holds no JSON objects: write one object a line (JSON Lines), or one "
            "array of objects"
        )
    return tuple(dict.fromkeys([*names, *inner]))


def json_batches(path: Path, columns: Sequence[str]) -> Iterator[FileBatch]:
    """The named columns as text; what is no object is a bad line."""
    row = 1
    for lines, position in json_lines(path):
        yield _batch(path, lines, columns, row, position)
        row += len(lines)


def json_lines(path: Path) -> Iterator[tuple[list[bytes], int]]:
    """The objects' own text in chunks, each with the bytes read so far."""
    with byte_stream(path) as (stream, position):
        start = stream.read(BLOCK_BYTES).removeprefix(BYTE_ORDER_MARK)
        if start.lstrip().startswith(b"["):
            yield from _items(path, stream, start, position)
        else:
            yield from _lines(path, stream, start, position)


def _lines(
    path: Path, stream: Any, block: bytes, position: Any
) -> Iterator[tuple[list[bytes], int]]:
    rest, seen = b"", 1
    while block:
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise line_too_long(path.name, seen + len(lines))
        seen += len(lines)
        yield [line for line in lines if line.strip()], position()
        block = stream.read(BLOCK_BYTES)
    if rest.strip():
        yield [rest], position()


def _items(
    path: Path, stream: Any, block: bytes, position: Any
) -> Iterator[tuple[list[bytes], int]]:
    """The elements of one array, without holding the array."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    scan = json.JSONDecoder().raw_decode
    rest = decoder.decode(block).lstrip()[1:]
    count = 0
    while True:
        items, at, ended = _whole_items(rest, scan)
        count += len(items)
        if items:
            yield items, position()
        rest = rest[at:]
        if ended:
            return
        if len(rest) > MAX_LINE_BYTES or not block:
            raise InvalidInputError(
                f"the JSON array in {path.name!r} is broken after {count} objects, or an object "
                f"is longer than {MAX_LINE_BYTES >> 20} MB: export it again, best with one object "
                "a line. Nothing was loaded"
            )
        block = stream.read(BLOCK_BYTES)
        rest += decoder.decode(block, final=not block)


def _whole_items(text: str, scan: Any) -> tuple[list[bytes], int, bool]:
    items: list[bytes] = []
    at = 0
    while True:
        begin = at
        while begin < len(text) and text[begin] in BETWEEN:
            begin += 1
        if text.startswith("]", begin):
            return items, begin, True
        try:
            _, end = scan(text, begin)
        except (ValueError, RecursionError):
            return items, at, False
        if end == len(text):  # a number may go on
            return items, at, False
        items.append(text[begin:end].encode())
        at = end


def _batch(
    path: Path, lines: Sequence[bytes], columns: Sequence[str], start: int, position: int
) -> FileBatch:
    import msgspec
    import pyarrow as pa

    decode = msgspec.json.Decoder(dict[str, Any]).decode
    objects, whole, numbers, bad = [], [], [], []
    for row, line in enumerate(lines, start):
        try:
            objects.append(decode(line))
            numbers.append(row)
            whole.append(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            text = line.decode("utf-8", "replace")
            bad.append(BadLine(row=row, reason=_fault(line, error), text=text))
    arrays = [
        pa.array([line.decode("utf-8", "replace") for line in whole], pa.string())
        if name == WHOLE_ROW
        else pa.array(_column(path, objects, name), pa.string())
        for name in columns
    ]
    table = pa.Table.from_arrays(arrays, names=list(columns))
    return FileBatch(table=table, rows=numbers, bad=tuple(bad), bytes_read=position)


def _fault(line: bytes, error: Exception) -> str:
    if NO_JSON_NUMBER.search(line):
        return "no JSON object: NaN and Infinity are no JSON, write null where there is no value"
    return f"no JSON object: {error}"


def _column(path: Path, objects: Sequence[dict[str, Any]], name: str) -> list[str | None]:
    if "." not in name:
        return [_text(path, name, item.get(name)) for item in objects]
    return [_text(path, name, _value(item, name)) for item in objects]


def _value(item: Any, name: str) -> Any:
    """What a dotted name stands for; a key that has the dots itself comes first."""
    if isinstance(item, list):
        item = _pairs(item)
    if not isinstance(item, Mapping):
        return None
    if name in item:
        return item[name]
    at = name.find(".")
    while at >= 0:
        if name[:at] in item:
            return _value(item[name[:at]], name[at + 1 :])
        at = name.find(".", at + 1)
    return None


def _pairs(items: Sequence[Any]) -> dict[str, Any] | None:
    """A list of ``{"key": …, "value": …}`` as an object; a value may be typed by its key."""
    pairs: dict[str, Any] = {}
    for item in items:
        if not isinstance(item, Mapping) or not isinstance(item.get("key"), str):
            return None
        value = item.get("value")
        if isinstance(value, Mapping):
            typed = [v for k, v in value.items() if k.endswith("_value") and v is not None]
            value = typed[0] if len(typed) == 1 else (value if typed else None)
        pairs.setdefault(item["key"], value)
    return pairs


def _inner_names(item: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, value in item.items():
        inner = _pairs(value) if isinstance(value, list) else value
        if not isinstance(inner, Mapping) or depth >= MAX_DEPTH:
            continue
        for name in inner:
            yield f"{key}.{name}"
        for name in _inner_names(inner, depth + 1):
            yield f"{key}.{name}"


def _text(path: Path, name: str, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value or None
    if isinstance(value, dict | list):
        inner = next(iter(_inner_names({name: value}, 1)), None)
        hint = f"name a value in them, as in {inner!r}" if inner else "flatten it when exporting"
        kind = "objects" if isinstance(value, dict) else "lists"
        raise InvalidInputError(
            f"column {name!r} of {path.name!r} holds {kind}: {hint}. Nothing was loaded"
        )
    import msgspec

    return msgspec.json.encode(value).decode()
