"""One-time codes: short enough to be typed, bound to one approval by an approver's signature."""

from __future__ import annotations

import hashlib
import secrets

ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Letters and digits that are not taken for each other."""
LETTERS = 10
PART = 5
MEMORY_COST, BLOCK_SIZE = 1 << 14, 8


def new_code() -> str:
    """Ten letters, 49 bits: enough behind five tries and a slow digest."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))
    return f"{letters[:PART]}-{letters[PART:]}"


def plain_code(text: str) -> str:
    """The letters of a code, however it was typed."""
    return "".join(one for one in text.upper() if one.isalnum())


def code_digest(code: str, approval_id: str) -> str:
    """The digest of a code for one approval; slow on purpose, so that it cannot be searched."""
    digest = hashlib.scrypt(
        plain_code(code).encode(),
        salt=f"neonblue code {approval_id}".encode(),
        n=MEMORY_COST,
        r=BLOCK_SIZE,
        p=1,
        dklen=32,
    )
    return digest.hex()
