"""Which text model is in use, and how its training on finished experiments stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from neonblue.intelligence.text_model.model import current_version
from neonblue.intelligence.text_model.own_tests import experiments_with_texts
from neonblue.intelligence.text_model.training import is_training
from neonblue.intelligence.text_model.training_record import last_training

if TYPE_CHECKING:
    from neonblue.stores import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class TextModelStanding:
    """``waiting`` experiments have finished since the last training, which is due at ``after``
    (0: never by itself). Accuracy and log loss are on held-out tests."""

    version: str | None
    pairs: int | None
    accuracy: float | None
    log_loss: float | None
    training_now: bool
    waiting: int
    after: int
    last_outcome: str
    last_detail: str
    last_at: datetime | None

    @property
    def line(self) -> str:
        """The same for a person."""
        used = f"{self.version}, {self.pairs:,} pairs" if self.version else "none trained yet"
        due = f"{self.waiting} of {self.after} new experiments" if self.after else "switched off"
        now = "; training now" if self.training_now else ""
        last = f"; last training {self.last_outcome}" if self.last_at else ""
        return f"{used}; retraining: {due}{now}{last}"


def text_model_standing(store: Store, folder: Path, *, after: int) -> TextModelStanding:
    """Read the current model's card and the record of the last training."""
    version, record = current_version(folder), last_training(folder)
    card = json.loads((folder / version / "model.json").read_text())["card"] if version else {}
    held_out = card.get("held_out", {})
    return TextModelStanding(
        version=version,
        pairs=card.get("pairs"),
        accuracy=held_out.get("accuracy", {}).get("value"),
        log_loss=held_out.get("log_loss"),
        training_now=is_training(folder),
        waiting=len(set(experiments_with_texts(store)) - record.considered),
        after=after,
        last_outcome=record.outcome,
        last_detail=record.detail,
        last_at=record.at,
    )
