"""Names for users that say nothing about them, the same every time for one store."""

from __future__ import annotations

from hashlib import blake2b

PREFIX = "u_"


class Pseudonyms:
    """Keyed hashes of user ids: without the key they can be neither guessed nor linked."""

    def __init__(self, key: bytes) -> None:
        self._key = key[:64]

    def of(self, user_id: str) -> str:
        """The pseudonym of a user."""
        digest = blake2b(user_id.encode(), key=self._key, digest_size=10).hexdigest()
        return f"{PREFIX}{digest}"
