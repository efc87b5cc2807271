"""Who asks: the tool of a call, and whether the call may leave a record.

The servers set it around every call; whatever runs below reads it. Work that nobody asked for
(background threads) has no reader and records as itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

READ_ONLY = (
    "this server is read-only (NEONBLUE_READ_ONLY): the look is not recorded, so figures that hold "
    "for one look are withheld"
)

UNREAD = (
    "nobody has read these results yet, and this server is read-only (NEONBLUE_READ_ONLY): it "
    "cannot record that somebody does. Ask a server that records once (`neonblue call "
    "analyze_experiment_performance`), then they are shown here too"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """``tool`` is the tool, resource or prompt that was called; ``records`` is false in a
    read-only server, where nothing may be written."""

    tool: str = ""
    records: bool = True


_reader: ContextVar[Reader] = ContextVar("neonblue_reader", default=Reader())  # noqa: B039


def current_reader() -> Reader:
    """Who asks in this thread or task."""
    return _reader.get()


@contextmanager
def reading(reader: Reader) -> Iterator[None]:
    """Answer a call of this reader."""
    token = _reader.set(reader)
    try:
        yield
    finally:
        _reader.reset(token)
