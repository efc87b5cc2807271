"""The text model is trained again by itself, once enough experiments with texts have finished.

One thread looks every minute. A training is a child process: at the lowest priority, on one core,
with memory of its own, so that no tool waits for it. It ends with this process, and an interrupted
one is begun again next time; a model is used only once it is whole and better than the one before.
"""

from __future__ import annotations

import json
import logging
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from neonblue.errors import InvalidInputError, NeonBlueError
from neonblue.intelligence.text_model.arms import Pair, write_pairs
from neonblue.intelligence.text_model.own_tests import experiments_with_texts, own_pairs
from neonblue.intelligence.text_model.training import require_enough
from neonblue.intelligence.text_model.training_record import (
    TrainingRecord,
    last_training,
    record_training,
    write_record,
)

if TYPE_CHECKING:
    from neonblue.stores import Store

logger = logging.getLogger(__name__)
# A command that ends within this time trains nothing.
FIRST_AFTER_SECONDS = 60.0
EVERY_SECONDS = 60.0
STOP_SECONDS = 2.0

Round = Literal["off", "not_due", "busy", "stopped", "too_few", "failed", "rejected", "kept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingPlan:
    """``after`` new experiments a training is due, 0 for never; ``command`` takes a file of pairs
    and prints what came of it as JSON; it ends when its stdin does."""

    after: int
    command: tuple[str, ...]
    environment: Mapping[str, str]


class Retrainer:
    """Trains in the background when it is due, one training at a time."""

    def __init__(self, store: Store, folder: Path, plan: RetrainingPlan) -> None:
        self._store, self._folder, self._plan = store, folder, plan
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="neonblue-retrainer", daemon=True)

    @property
    def after(self) -> int:
        """How many newly finished experiments make a training due; 0 for never."""
        return self._plan.after

    def start(self) -> Retrainer:
        """Look from now on, the first time after a minute."""
        if self._plan.after > 0:
            self._thread.start()
        return self

    def close(self) -> None:
        """End a training that is under way and the thread."""
        self._closed.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(2 * STOP_SECONDS)

    def _run(self) -> None:
        self._closed.wait(FIRST_AFTER_SECONDS)
        while not self._closed.is_set():
            try:
                self.round()
            except (NeonBlueError, OSError) as error:  # the store is away, or the disk is full
                logger.warning("the text model was not trained in this round: %s", error)
            self._closed.wait(EVERY_SECONDS)

    def round(self) -> Round:
        """Train if it is due, and say what came of it."""
        if self._plan.after <= 0:
            return "off"
        tested = experiments_with_texts(self._store)
        new = set(tested) - last_training(self._folder).considered
        if len(new) < self._plan.after:
            return "not_due"
        pairs = own_pairs(self._store, now=datetime.now(UTC))
        try:
            require_enough(pairs)
        except InvalidInputError as error:
            return self._remember("too_few", str(error), tested)
        logger.info("%d more experiments have finished: the text model is trained again", len(new))
        return self._judged(self._train(pairs), tested)

    def _judged(self, found: Mapping[str, Any] | None, tested: Sequence[str]) -> Round:
        if found is None:
            return "stopped"
        if found.get("busy"):
            return "busy"
        if "error" in found:
            logger.warning("training the text model failed: %s", found["error"])
            return self._remember("failed", str(found["error"]), tested)
        record = record_training(self._folder, tested, found, at=datetime.now(UTC))
        logger.info("the text model was trained: %s", record.detail)
        return "kept" if found["kept_new"] else "rejected"

    def _remember(self, outcome: Round, detail: str, tested: Sequence[str]) -> Round:
        record = TrainingRecord(
            considered=frozenset(tested), outcome=outcome, detail=detail, at=datetime.now(UTC)
        )
        write_record(self._folder, record)
        return outcome

    def _train(self, pairs: Sequence[Pair]) -> Mapping[str, Any] | None:
        """What the child found; None when this process is to end."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="training-") as place:
            # Its name is the source on the model's card.
            path = Path(place) / "finished experiments"
            write_pairs(path, pairs)
            with (Path(place) / "out").open("w+") as out, (Path(place) / "log").open("w+") as log:
                with subprocess.Popen(
                    [*self._plan.command, str(path)],
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=log,
                    env=dict(self._plan.environment),
                ) as child:
                    status = self._ended(child)
                return None if status is None else _answer(status, _whole(out), _whole(log))

    def _ended(self, child: subprocess.Popen[bytes]) -> int | None:
        while child.poll() is None:
            if self._closed.wait(0.2):
                child.kill()
                return None
        return child.returncode


def _whole(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _answer(status: int, output: str, log: str) -> Mapping[str, Any]:
    try:
        found: dict[str, Any] = json.loads(output)
    except ValueError:
        last = (log.strip().splitlines() or ["no message"])[-1]
        return {"error": f"the training ended with status {status}: {last}"}
    return found
