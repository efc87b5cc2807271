"""The kill switch as rows: thrown, and lifted again. Rows are only ever appended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from neonblue.stores.database import Database

HaltStepKind = Literal["thrown", "lifted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltStep:
    """One halt was thrown, or lifted; ``content`` says by whom and why, or holds the signature."""

    halt_id: str
    step: HaltStepKind
    content: Mapping[str, Any]
    taken_at: datetime


class Halts:
    """Append-only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, halt_id: str, step: HaltStepKind, content: Mapping[str, Any], taken_at: datetime
    ) -> None:
        """Append a step."""
        self._database.insert_rows(
            "halts",
            ["halt_id", "step", "content", "taken_at"],
            [[halt_id, step, json.dumps(dict(content)), taken_at]],
        )

    def steps(self) -> list[HaltStep]:
        """Every step, oldest first."""
        rows = self._database.rows(
            "SELECT halt_id, step, content, taken_at FROM halts ORDER BY taken_at, halt_id"
        )
        return [
            HaltStep(halt_id=halt_id, step=step, content=_read(content), taken_at=taken_at)
            for halt_id, step, content, taken_at in rows
        ]


def _read(content: str) -> dict[str, Any]:
    try:
        read = json.loads(content)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
