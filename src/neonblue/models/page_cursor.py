"""Cursors of pages that are positions in a list."""

from __future__ import annotations

import base64
import binascii

from neonblue.errors import InvalidInputError


def cursor_at(position: int) -> str:
    """The cursor of a page that begins there."""
    return base64.urlsafe_b64encode(str(position).encode()).decode()


def position_of(cursor: str | None, tool: str) -> int:
    """Where the page begins; ``InvalidInputError`` names the tool that gives cursors."""
    if cursor is None:
        return 0
    try:
        return max(0, int(base64.urlsafe_b64decode(cursor.encode())))
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError(
            f"{cursor!r} is not a cursor: take next_cursor from {tool}, or leave it out"
        ) from error
