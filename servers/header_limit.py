"""Connections have to send the headers of a request in time: an open one costs memory.

The HTTP server that comes with fastmcp waits for them for ever; who opens thousands of connections
and sends a byte now and then would hold them all.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

HEADER_SECONDS = 10.0
PROTOCOL = "uvicorn.protocols.http.auto:AutoHTTPProtocol"


def header_limited(seconds: float = HEADER_SECONDS) -> type[Any]:
    """The server's HTTP protocol, hanging up when headers take longer than so many seconds."""
    base: Any = resolve_name(PROTOCOL)

    class HeaderLimited(base):  # type: ignore[misc]
        """One connection; ``cycle`` is the request that it serves, once its headers are there."""

        _waiting: Any = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait_for_headers()

        def data_received(self, data: bytes) -> None:
            self._wait_for_headers()
            super().data_received(data)

        def connection_lost(self, error: Exception | None) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
            super().connection_lost(error)

        def _wait_for_headers(self) -> None:
            if self._waiting is None and not self._serves():
                self._waiting = self.loop.call_later(seconds, self._hang_up, self.cycle)

        def _hang_up(self, before: Any) -> None:
            """Unless another request than before has come since, served or not."""
            self._waiting = None
            if self.cycle is before and not self._serves():
                self.transport.close()

        def _serves(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

    return HeaderLimited
