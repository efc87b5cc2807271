"""Questions with the plan that somebody checked: rows are added, the newest of a name counts."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neonblue.stores.database import Database

COLUMNS = ("name", "question", "question_key", "plan", "answered")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRow:
    """``question_key`` is the question without what only phrases it; ``plan`` and ``answered``
    (status, sentence and rows as they were) are JSON."""

    name: str
    question: str
    question_key: str
    plan: str
    answered: str


class VerifiedQuestions:
    """Append-only; forgetting a name is a row as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: VerifiedRow) -> None:
        """Store a question, or another version of it."""
        self._insert(row, forgotten=False)

    def forget(self, name: str) -> None:
        """No question is of that name from now on; what was stored stays in the table."""
        row = VerifiedRow(name=name, question="", question_key="", plan="", answered="")
        self._insert(row, forgotten=True)

    def all(self) -> tuple[VerifiedRow, ...]:
        """The newest of each name, the name stored last at the end."""
        rows = self._database.rows(
            f"""
            SELECT {", ".join(COLUMNS)} FROM (
                SELECT {", ".join(COLUMNS)}, forgotten, recorded_at FROM verified_questions
                ORDER BY recorded_at DESC LIMIT 1 BY name
            ) WHERE NOT forgotten ORDER BY recorded_at, name
            """
        )
        return tuple(VerifiedRow(**dict(zip(COLUMNS, row, strict=True))) for row in rows)

    def _insert(self, row: VerifiedRow, *, forgotten: bool) -> None:
        self._database.insert_rows(
            "verified_questions", [*COLUMNS, "forgotten"], [[*astuple(row), int(forgotten)]]
        )
