"""Which text model is in use, and how its training on finished experiments stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from neonblue.intelligence.text_model.model import current_version, usable_model
from neonblue.intelligence.text_model.own_tests import experiments_with_texts
from neonblue.intelligence.text_model.training import is_training
from neonblue.intelligence.text_model.training_record import last_training

if TYPE_CHECKING:
    from neonblue.stores import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class TextModelStanding:
    """``waiting`` experiments have finished since the last training, which is due at ``after``
    (0: never by itself). Accuracy and log loss are on held-out tests. ``damaged`` names a version
    whose files cannot be used."""

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
    damaged: str = ""

    @property
    def line(self) -> str:
        """The same for a person."""
        used = f"{self.version}, {self.pairs:,} pairs" if self.version else "none trained yet"
        if self.damaged:
            used = f"the files of {self.damaged} are damaged or gone, forecasts go without"
        due = f"{self.waiting} of {self.after} new experiments" if self.after else "switched off"
        now = "; training now" if self.training_now else ""
        last = f"; last training {self.last_outcome}" if self.last_at else ""
        return f"{used}; retraining: {due}{now}{last}"


def text_model_standing(store: Store, folder: Path, *, after: int) -> TextModelStanding:
    """Read the current model's card and the record of the last training."""
    named, record = current_version(folder), last_training(folder)
    model = usable_model(folder, named)
    version = None if model is None else named
    card = {} if model is None else model.card
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
        damaged="" if version == named else str(named),
    )
