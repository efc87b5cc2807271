"""A message as it came from a source, and one that is on its way out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, NamedTuple, Protocol


class Record(Protocol):
    """What the worker needs of a message: where it stood, its key and its bytes.

    Kafka's own records have these names; ``LineRecord`` is a line of a file or of stdin.
    """

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


class LineRecord(NamedTuple):
    """A line of a file: ``topic`` is the file's name, ``offset`` the line's number from 0.

    ``origin`` tells files of one name apart. A letter that is replayed keeps its ``letter_id``.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    origin: str = ""
    letter_id: str = ""


def origin_of(record: Record) -> str:
    """What tells messages apart that stood at the same place: a line's file, a message's time."""
    if isinstance(record, LineRecord):
        return record.origin
    return str(getattr(record, "timestamp", ""))


class Outgoing(NamedTuple):
    """A message to publish; ``partition`` is the one its source message stood in."""

    partition: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def read_lines(
    stream: IO[bytes], name: str, batch_rows: int, first_line: int = 0, origin: str = ""
) -> Iterator[list[LineRecord]]:
    """Batches of the lines of a stream; blank lines count, but are left out."""
    batch: list[LineRecord] = []
    for number, line in enumerate(stream, first_line):
        text = line.strip(b"\r\n")
        if text.strip():
            batch.append(LineRecord(name, 0, number, None, text, origin))
        if len(batch) >= batch_rows:
            yield batch
            batch = []
    if batch:
        yield batch
