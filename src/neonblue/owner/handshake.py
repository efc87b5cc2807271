"""How a connection to the owner begins: the token, a welcome, then the client's request.

Whoever cannot show the token (a web page that posts to the port, another user) is cut off before
anything is served, so no Host or Origin is ever trusted. The request follows only once the owner
has answered: a client that gave up waiting has asked for nothing, and may ask the next owner.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

MAX_TOKEN_LINE = 1 << 10
MAX_REQUEST_LINE = 1 << 20
SECONDS = 5.0

Kind = Literal["session", "job", "status"]


class Request(NamedTuple):
    """What a client wants: to talk to a server, to run a job, or to know who the owner is."""

    kind: Kind
    name: str = ""
    read_only: bool = False
    arguments: Mapping[str, Any] | None = None

    def line(self) -> bytes:
        """The request on the wire."""
        return json.dumps(self._asdict()).encode() + b"\n"


def token_line(token: str) -> bytes:
    """The first line of a client."""
    return json.dumps({"token": token}).encode() + b"\n"


def shows_token(line: bytes, token: str) -> bool:
    """Whether the line shows the token; takes as long whatever it shows."""
    try:
        shown = str(json.loads(line)["token"]).encode()
    except (ValueError, TypeError, KeyError):
        return False
    return hmac.compare_digest(shown, token.encode())


def read_request(line: bytes) -> Request | None:
    """The request in a line, or None when it is something else."""
    try:
        return Request(**json.loads(line))
    except (ValueError, TypeError):
        return None
