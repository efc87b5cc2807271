"""The process's stdin and stdout as lines, with stdout kept for the protocol alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from neonblue.servers.json_rpc import EDGE_BYTES, MAX_MESSAGE_BYTES, oversize

CHUNK_BYTES = 1 << 16


class Wire(NamedTuple):
    """Private copies of the descriptors that the client is connected to."""

    incoming: int
    outgoing: int

    def lines(self) -> Iterator[bytes]:
        """What the client sends, until it leaves; what is too long, shortened to be refused."""
        begun = _Line()
        while chunk := os.read(self.incoming, CHUNK_BYTES):
            end, *others = chunk.split(b"\n")
            begun.add(end)
            for piece in others:
                yield from begun.whole()
                begun = _Line()
                begun.add(piece)
        yield from begun.whole()

    def write(self, line: bytes) -> None:
        """Write one line whole; ``OSError`` when the client has left."""
        left = memoryview(line)
        while left:
            left = left[os.write(self.outgoing, left) :]


class _Line:
    """A line in the making: its pieces are joined once, and not kept when there are too many."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._head = self._tail = b""

    def add(self, piece: bytes) -> None:
        """Add what came next."""
        self._size += len(piece)
        if self._size <= MAX_MESSAGE_BYTES:
            self._pieces.append(piece)
            return
        if self._pieces:
            kept = b"".join(self._pieces)
            self._pieces = []
            self._head, self._tail = kept[:EDGE_BYTES], kept[-EDGE_BYTES:]
        self._tail = (self._tail + piece)[-EDGE_BYTES:]

    def whole(self) -> Iterator[bytes]:
        """The line with its end, unless it is blank."""
        if self._size > MAX_MESSAGE_BYTES:
            yield oversize(self._head, self._tail, self._size)
            return
        line = b"".join(self._pieces)
        if line.strip():
            yield line + b"\n"


def take_stdio() -> Wire:
    """Take stdin and stdout for the protocol: whatever prints from now on goes to stderr."""
    incoming, outgoing = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return Wire(incoming=incoming, outgoing=outgoing)
