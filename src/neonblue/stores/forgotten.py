"""Tombstones: which users must not come back, kept without their ids.

A tombstone is a hash of the id under the secret of this data. From ``accepted_from`` on a user's
events are taken again; until somebody says so, that is never.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database
    from neonblue.stores.sessions import Sessions

NEVER = datetime(2200, 1, 1, tzinfo=UTC)
# Another process may forget somebody; in this one it is known at once.
READ_SECONDS = 1.0
MOST_CLEARED = 200_000


class Forgotten:
    """Safe between threads."""

    def __init__(self, database: Database, sessions: Sessions) -> None:
        self._database, self._sessions = database, sessions
        self._guard = threading.RLock()
        self._accepted: dict[str, datetime] = {}
        self._cleared: set[str] = set()
        self._read_at: float | None = None

    def add(self, user_id: str) -> None:
        """From now on nothing of this user is taken."""
        self._say(user_id, NEVER)

    def readmit(self, user_id: str) -> bool:
        """Take the user's events from this moment on; whether the user had been forgotten."""
        known = bool(self.among([user_id]))
        if known:
            self._say(user_id, datetime.now(UTC))
        return known

    def anybody(self) -> bool:
        """Whether anybody at all is forgotten: a stream need not look at its users until then."""
        with self._guard:
            self._read()
            return bool(self._accepted)

    def among(self, user_ids: Iterable[str]) -> dict[str, datetime]:
        """Those who are forgotten, with the time from which their events are taken again."""
        with self._guard:
            self._read()
            if not self._accepted:
                return {}
            unknown = [user for user in set(user_ids) if user not in self._cleared]
            found = {user: self._accepted.get(self._digest(user)) for user in unknown}
            self._clear(user for user, accepted in found.items() if accepted is None)
            return {user: accepted for user, accepted in found.items() if accepted is not None}

    def reread(self) -> None:
        """Ask ClickHouse again at the next question, whatever was read a moment ago.

        Whoever writes rows of users asks once more when they are written: a tombstone that another
        process added in between is seen then, and one that is added later finds the rows.
        """
        with self._guard:
            if not self._database.embedded:
                self._read_at = None

    def _clear(self, users: Iterable[str]) -> None:
        if len(self._cleared) > MOST_CLEARED:
            self._cleared.clear()
        self._cleared.update(users)

    def _say(self, user_id: str, accepted_from: datetime) -> None:
        with self._guard:
            self._database.insert_rows(
                "forgotten", ["digest", "accepted_from"], [[self._digest(user_id), accepted_from]]
            )
            self._read_at = None

    def _read(self) -> None:
        current = self._read_at is not None and (
            self._database.embedded or time.monotonic() - self._read_at < READ_SECONDS
        )
        if current:
            return
        accepted: dict[str, datetime] = dict(
            self._database.rows("SELECT digest, accepted_from FROM forgotten FINAL")
        )
        if accepted != self._accepted:
            self._accepted = accepted
            self._cleared.clear()
        self._read_at = time.monotonic()

    def _digest(self, user_id: str) -> str:
        key = self._sessions.pseudonym_key()[:64]
        return blake2b(
            user_id.encode("utf-8", "surrogatepass"), key=key, person=b"forgotten", digest_size=16
        ).hexdigest()
