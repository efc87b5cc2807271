"""Things that one taker alone may have, decided by the store.

All takers insert under one token, of which the engine keeps the first; whoever is in the row has
it. So it holds for threads, for processes and for machines on one server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from neonblue.errors import ConflictError
from neonblue.models.reader import current_reader

if TYPE_CHECKING:
    from neonblue.stores.database import Database

DEPLOYMENT = "deployment"


class Claims:
    """Append-only: what was taken stays taken."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, name: str, claimant: str) -> bool:
        """Whether ``claimant`` has it now; the same claimant may ask again."""
        holder = self.holder(name)
        if holder is None:
            self._database.insert_rows(
                "claims", ["name", "claimant"], [[name, claimant]], once=name
            )
            holder = self.holder(name)
        return holder == claimant

    def deployment(self) -> str:
        """A short name of this data, the same for all who share it and for nobody else.

        Who may not write gets '' until somebody else has made it.
        """
        if (known := self.holder(DEPLOYMENT)) is None and current_reader().records:
            self.take(DEPLOYMENT, uuid4().hex[:12])
            known = self.holder(DEPLOYMENT)
        return known or ""

    def holder(self, name: str) -> str | None:
        """Who took it first, or None.

        Raises ``ConflictError`` when two did: the engine does not let that happen.
        """
        rows = self._database.rows(
            "SELECT DISTINCT claimant FROM claims WHERE name = {name:String}", {"name": name}
        )
        if len(rows) > 1:
            raise ConflictError(
                f"{name!r} was taken by two, so rows were added by something else than NeonBlue: "
                "run `neonblue audit verify`"
            )
        return str(rows[0][0]) if rows else None
