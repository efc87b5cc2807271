"""Some rows of a file: columns as they came, and the lines that could not be split into them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.packed import byte_stream, encoding_of
from neonblue.ingest.files.text_encoding import not_utf8

if TYPE_CHECKING:
    import pyarrow as pa

# Asked for like a column: everything that the row says, for what makes an event the same event.
WHOLE_ROW = "\x00row"
# Longer lines are no rows: a file without line breaks must not be held in memory.
MAX_LINE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that could not be split into columns; ``row`` counts data rows from 1."""

    row: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBatch:
    """Some rows: columns as they came (text from CSV and JSONL), numbers of the rows from 1."""

    table: pa.Table
    rows: Sequence[int]
    bad: tuple[BadLine, ...]
    bytes_read: int


def line_too_long(name: str, line: int) -> InvalidInputError:
    """The complaint about a line that never ends."""
    return InvalidInputError(
        f"line {line} of {name!r} is longer than {MAX_LINE_BYTES >> 20} MB: a quote is not closed, "
        "or the file has no line breaks; export it again. Nothing was loaded"
    )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say in one line what is wrong with a file and what to do."""
    import pyarrow as pa

    try:
        yield
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error
    except (pa.ArrowException, OSError, EOFError, BadZipFile, NotImplementedError) as error:
        text = str(error)
        if "UTF8" in text or "UTF-8" in text:
            raise _not_utf8(path) from error
        shown = text.splitlines()[0][:200] if text else type(error).__name__
        raise InvalidInputError(
            f"{path.name!r} cannot be read ({shown}): it is cut off, damaged "
            "or not what its name says; export it again. Nothing was loaded"
        ) from error


def _not_utf8(path: Path) -> InvalidInputError:
    with byte_stream(path) as (stream, _):
        return not_utf8(path, stream, encoding=encoding_of(path))
