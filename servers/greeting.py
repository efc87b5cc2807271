"""The first line of a connection to the owner, and the owner's answer.

The client shows the owner's token and says what it wants. Whoever cannot (a web page that posts to
the port, another user) is cut off before anything is served, so no Host or Origin is ever trusted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

MAX_BYTES = 1 << 20
SECONDS = 5.0

Kind = Literal["session", "job", "status"]


class Wish(NamedTuple):
    """What a client wants: to talk to a server, to run a job, or to know who the owner is."""

    kind: Kind
    name: str = ""
    read_only: bool = False
    arguments: Mapping[str, Any] | None = None

    def line(self, token: str) -> bytes:
        """The wish on the wire."""
        return json.dumps({"token": token, **self._asdict()}).encode() + b"\n"


def read_wish(line: bytes) -> tuple[str, Wish] | None:
    """The token and the wish in a line, or None when it is something else."""
    try:
        fields = json.loads(line)
        return str(fields.pop("token")), Wish(**fields)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
