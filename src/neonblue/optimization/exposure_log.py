"""Exposures that assignment records: events like any other, through the ingest path.

Where Kafka is configured they are published to the events topic, else they go through the worker's
own pipeline: either way validated, enriched and counted as what a platform sends. A unit's exposure
is recorded once: not again by this process, nor where the store has one. (A second one, from
another process at the same moment, changes no number: a unit's first exposure counts.)
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from neonblue.errors import NeonBlueError, UnavailableError

if TYPE_CHECKING:
    from neonblue.models import Experiment
    from neonblue.optimization.assignment import Assignment
    from neonblue.stores.exposures import Exposures

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.25
RETRY_SECONDS = 2.0
MAX_WAITING = 50_000
MAX_REMEMBERED = 200_000
CLOSE_SECONDS = 5.0


class Sender(Protocol):
    """Where messages go: the pipeline of this process, or Kafka."""

    def __call__(self, messages: Sequence[bytes]) -> None:
        """Return when the messages are safe."""

    def close(self) -> None:
        """Let go of what it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A unit that is shown a variant now; ``properties`` go with the event."""

    experiment_id: str
    unit: str
    variant_id: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    exposed_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    event_id: str = field(default_factory=lambda: f"exposure-{uuid4().hex}")

    def message(self) -> bytes:
        """The event as the contract has it."""
        import msgspec

        event = {
            "event_id": self.event_id,
            "user_id": self.unit,
            "experiment_id": self.experiment_id,
            "variant_id": self.variant_id,
            "event_type": "exposure",
            "timestamp": self.exposed_at,
            "properties": dict(self.properties),
        }
        return msgspec.json.encode(event)


class ExposureLog:
    """Takes exposures without waiting and sends them in batches from a thread of its own."""

    def __init__(self, exposures: Exposures, send: Sender) -> None:
        self._exposures = exposures
        self._send = send
        self._waiting: list[Exposure] = []
        self._remembered: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._changed = threading.Condition()
        self._sending = 0
        self._fault: NeonBlueError | None = None
        self._closing = False
        self._thread: threading.Thread | None = None

    def record(self, exposure: Exposure) -> bool:
        """Take one exposure; False when this process has recorded the unit's before.

        ``UnavailableError`` while so many wait, because nothing can be written, that no more fit.
        """
        key = (exposure.experiment_id, exposure.unit)
        with self._changed:
            if key in self._remembered:
                return False
            if len(self._waiting) >= MAX_WAITING:
                raise UnavailableError(
                    f"{len(self._waiting):,} exposures wait to be written ({self._fault}): "
                    "`neonblue doctor` says what is away; send exposures as events meanwhile"
                )
            self._remembered[key] = None
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
            self._waiting.append(exposure)
            self._start()
            self._changed.notify_all()
        return True

    def record_assignment(
        self, experiment: Experiment, unit: str, found: Assignment, properties: Mapping[str, Any]
    ) -> bool:
        """``record`` for a unit that was just assigned; False where it takes no part.

        Of its properties only those go with it that the plan names, in targeting or segments.
        """
        if found.variant is None or not found.takes_part:
            return False
        named = {one.property for one in experiment.targeting} | set(experiment.segments)
        return self.record(
            Exposure(
                experiment_id=experiment.experiment_id,
                unit=unit,
                variant_id=found.variant.variant_id,
                properties={name: properties[name] for name in named & properties.keys()},
            )
        )

    def flush(self, timeout_seconds: float = 10.0) -> None:
        """Return when all that was taken is sent; raises what hinders it."""
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while self._waiting or self._sending:
                if self._fault is not None:
                    raise self._fault
                if not self._changed.wait(deadline - time.monotonic()):
                    raise UnavailableError(
                        f"{len(self._waiting):,} exposures are not written after "
                        f"{timeout_seconds:g} s: they are kept and tried again"
                    )

    def close(self) -> None:
        """Send what waits, then end."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread is None:
            return
        thread.join(CLOSE_SECONDS)
        if not thread.is_alive():
            self._send.close()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="exposures", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if not self._waiting:
                    return
                closing = self._closing
            if not closing:
                time.sleep(FLUSH_SECONDS)
            if not self._send_waiting() and closing:
                return

    def _send_waiting(self) -> bool:
        """Send what waits; keep it, and say why, when that cannot be done now."""
        with self._changed:
            batch, self._waiting = self._waiting, []
            self._sending = len(batch)
        fault: NeonBlueError | None = None
        try:
            if first := self._first_ones(batch):
                self._send([exposure.message() for exposure in first])
        except NeonBlueError as error:
            fault = error
            logger.warning("exposures wait: %s", error)
        with self._changed:
            if fault is not None:
                self._waiting = batch + self._waiting
            self._sending, self._fault = 0, fault
            self._changed.notify_all()
        if fault is not None:
            time.sleep(RETRY_SECONDS)
        return fault is None

    def _first_ones(self, batch: Sequence[Exposure]) -> list[Exposure]:
        """Those whose unit the store knows no exposure of."""
        known: set[tuple[str, str]] = set()
        for experiment_id in {exposure.experiment_id for exposure in batch}:
            units = [one.unit for one in batch if one.experiment_id == experiment_id]
            stored = self._exposures.first_variants(experiment_id, units)
            known.update((experiment_id, unit) for unit in stored)
        return [one for one in batch if (one.experiment_id, one.unit) not in known]
