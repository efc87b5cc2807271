"""A line-wise connection from this process to the owner of a data directory."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from neonblue.owner.handshake import SECONDS, Request, token_line
from neonblue.owner.lock import Address


class Connection:
    """Lines out, lines in. Threads may send while one of them reads."""

    def __init__(self, address: Address, request: Request) -> None:
        """Connect and be accepted; ``OSError`` when nobody who knows the token answers."""
        self._socket = socket.create_connection(("127.0.0.1", address.port), timeout=SECONDS)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._incoming = self._socket.makefile("rb")
            self._socket.sendall(token_line(address.token))
            self.owner = _read_welcome(self._incoming.readline())
            self._socket.settimeout(None)
            self._socket.sendall(request.line())
        except BaseException:
            # Also on an interrupt: nobody else would close it.
            self._socket.close()
            raise

    def send(self, line: bytes) -> None:
        """Send one line, its newline included; ``OSError`` when the owner is gone."""
        self._socket.sendall(line)

    def lines(self) -> Iterator[bytes]:
        """What the owner sends, until it ends the connection or dies."""
        try:
            while (line := self._incoming.readline()).endswith(b"\n"):
                yield line
        except OSError:
            return

    @property
    def ended(self) -> bool:
        """Whether the owner is known to have hung up: what is sent now would be lost."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Hang up, also under a thread that reads."""
        with suppress(OSError):  # the owner may have hung up first
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _read_welcome(line: bytes) -> dict[str, Any]:
    try:
        welcome = json.loads(line)
    except ValueError:
        welcome = None
    if not isinstance(welcome, dict) or "pid" not in welcome:
        raise ConnectionRefusedError("whoever listens there is not the owner")
    return welcome
