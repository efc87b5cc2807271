"""What the last training on the organisation's own experiments came to, as a small file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from neonblue.models.private_file import replace_private

RECORD = "last_training.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """``considered`` are the experiments that had finished by then, used or not."""

    considered: frozenset[str] = frozenset()
    outcome: str = "none"
    detail: str = "no training on finished experiments yet"
    at: datetime | None = None


def last_training(folder: Path) -> TrainingRecord:
    """The record below the models' folder; an empty one before the first training."""
    try:
        found = json.loads((folder / RECORD).read_text("utf-8"))
        return TrainingRecord(
            considered=frozenset(found["considered"]),
            outcome=found["outcome"],
            detail=found["detail"],
            at=datetime.fromisoformat(found["at"]),
        )
    except (OSError, ValueError, KeyError, TypeError):  # not there, or written by another version
        return TrainingRecord()


def write_record(folder: Path, record: TrainingRecord) -> None:
    """Replace the record in one step."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = {
        "considered": sorted(record.considered),
        "outcome": record.outcome,
        "detail": record.detail,
        "at": record.at.isoformat() if record.at else "",
    }
    replace_private(folder / RECORD, json.dumps(content, ensure_ascii=False).encode())


def record_training(
    folder: Path, considered: Iterable[str], summary: Mapping[str, Any], *, at: datetime
) -> TrainingRecord:
    """Write down what ``training_summary`` says came of a training."""
    record = TrainingRecord(
        considered=frozenset(considered),
        outcome="kept" if summary["kept_new"] else "rejected",
        detail=f"{summary['version']}: {summary['reason']}",
        at=at,
    )
    write_record(folder, record)
    return record
