"""Secrets and texts at a terminal: typed by a person there, shown as they are."""

from __future__ import annotations

import getpass
import os

from neonblue.errors import ApprovalRequiredError, InvalidInputError
from neonblue.models.written_text import visible


def require_terminal() -> None:
    """Raises ``ApprovalRequiredError`` where nobody sits who could type a passphrase."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        raise ApprovalRequiredError(
            "this needs a passphrase, which a person types at a terminal: run it in one; "
            "arguments, variables and pipes are not read for it"
        ) from None


def ask_secret(prompt: str) -> str:
    """What a person types at the controlling terminal, without showing it."""
    require_terminal()
    try:
        return getpass.getpass(f"{prompt}: ")
    except EOFError:
        raise InvalidInputError("nothing was typed: try again") from None


def shown(text: str) -> str:
    """Text from outside on one line, in which nothing moves the cursor or hides a part."""
    return visible(text.replace("\n", "\\n").replace("\t", "\\t"))
