"""How far the history of experiments and the audit log have been published, by topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database


class PublishedChanges:
    """The place in an order up to which a topic has everything.

    The order of changes is named by its topic, that of a writer's audit entries by both.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def upto(self, topic: str) -> int:
        """The place of the last one that the topic has; 0 when it has none."""
        row = self._database.row(
            "SELECT max(sequence) FROM published_changes WHERE topic = {topic:String}",
            {"topic": topic},
        )
        return 0 if row is None else int(row[0])

    def mark(self, topic: str, sequence: int) -> None:
        """Remember that the topic has everything up to this place."""
        self._database.insert_rows(
            "published_changes",
            ["topic", "sequence"],
            [[topic, sequence]],
            once=f"published_changes {topic} {sequence}",
        )
