"""The process's stdin and stdout as lines, with stdout kept for the protocol alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

CHUNK_BYTES = 1 << 16


class Wire(NamedTuple):
    """Private copies of the descriptors that the client is connected to."""

    incoming: int
    outgoing: int

    def lines(self) -> Iterator[bytes]:
        """What the client sends, until it leaves."""
        begun: list[bytes] = []  # joined once: a long line arrives in many pieces
        while chunk := os.read(self.incoming, CHUNK_BYTES):
            end, *others = chunk.split(b"\n")
            begun.append(end)
            for piece in others:
                yield from _line(begun)
                begun = [piece]
        yield from _line(begun)

    def write(self, line: bytes) -> None:
        """Write one line whole; ``OSError`` when the client has left."""
        left = memoryview(line)
        while left:
            left = left[os.write(self.outgoing, left) :]


def _line(pieces: list[bytes]) -> Iterator[bytes]:
    line = b"".join(pieces)
    if line.strip():
        yield line + b"\n"


def take_stdio() -> Wire:
    """Take stdin and stdout for the protocol: whatever prints from now on goes to stderr."""
    incoming, outgoing = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return Wire(incoming=incoming, outgoing=outgoing)
