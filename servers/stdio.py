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
        rest = b""
        while chunk := os.read(self.incoming, CHUNK_BYTES):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (line + b"\n" for line in whole if line.strip())
        if rest.strip():
            yield rest + b"\n"

    def write(self, line: bytes) -> None:
        """Write one line whole; ``OSError`` when the client has left."""
        left = memoryview(line)
        while left:
            left = left[os.write(self.outgoing, left) :]


def take_stdio() -> Wire:
    """Take stdin and stdout for the protocol: whatever prints from now on goes to stderr."""
    incoming, outgoing = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return Wire(incoming=incoming, outgoing=outgoing)
