"""Who is behind a pseudonym, of the users that an answer named."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from neonblue.models.reader import current_reader

if TYPE_CHECKING:
    from neonblue.stores.database import Database

MOST_KNOWN = 100_000


class NamedUsers:
    """A pseudonym cannot be turned back, so whoever was named is written down."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[str] = set()
        self._guard = threading.Lock()

    def remember(self, names: Mapping[str, str]) -> None:
        """Write down pseudonyms by user id; those that this process named before cost nothing."""
        with self._guard:
            new = [[name, user] for user, name in names.items() if name not in self._known]
        if not new or not current_reader().records:
            return
        self._database.insert_rows("named_users", ["pseudonym", "user_id"], new)
        with self._guard:
            if len(self._known) > MOST_KNOWN:
                self._known.clear()
            self._known.update(name for name, _ in new)

    def user_of(self, pseudonym: str) -> str | None:
        """Whose pseudonym it is: of a user who was named, or who has a kept session."""
        row = self._database.row(
            """
            SELECT user_id FROM named_users WHERE pseudonym = {name:String}
            UNION ALL
            SELECT user_id FROM behavior_sessions WHERE pseudonym = {name:String}
            LIMIT 1
            """,
            {"name": pseudonym},
        )
        return str(row[0]) if row else None

    def refresh(self) -> None:
        """Forget what was written: somebody was forgotten."""
        with self._guard:
            self._known.clear()
