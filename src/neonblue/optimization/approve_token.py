"""A token of scope ``approve`` is a key.

It is 32 secret bytes, and the registry knows the public half: nothing that is kept on this machine
can be turned into the token.
"""

from __future__ import annotations

import os

from neonblue.optimization.signatures import SigningKey, decoded, encoded

PREFIX = "nbapprove_"


def new_token() -> tuple[str, SigningKey]:
    """A token, to be shown once, and its key."""
    seed = os.urandom(32)
    return f"{PREFIX}{encoded(seed)}", SigningKey.of_seed(seed)


def key_of_token(token: str) -> SigningKey | None:
    """The key that a token is; None for any other text."""
    if not token.startswith(PREFIX):
        return None
    try:
        return SigningKey.of_seed(decoded(token.removeprefix(PREFIX)))
    except ValueError:
        return None
