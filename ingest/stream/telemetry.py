"""Ingest metrics for OpenTelemetry; without a configured exporter they cost next to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from neonblue.ingest.stream.batch import FORGOTTEN_USER

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

    from neonblue.ingest.stream.batch import Written


class Telemetry:
    """Counters and gauges under ``neonblue.ingest.``; the process's meter provider by default."""

    def __init__(self, meter: Meter | None = None) -> None:
        if meter is None:
            from opentelemetry.metrics import get_meter

            meter = get_meter("neonblue.ingest")
        counter, gauge = meter.create_counter, meter.create_gauge
        self._messages = counter("neonblue.ingest.messages", unit="{message}")
        self._events = counter("neonblue.ingest.events", unit="{event}")
        self._dead_letters = counter("neonblue.ingest.dead_letters", unit="{message}")
        self._dropped = counter("neonblue.ingest.dropped", unit="{message}")
        self._troubles = counter("neonblue.ingest.retries", unit="{attempt}")
        self._unpublished = counter("neonblue.ingest.unpublished", unit="{message}")
        self._indexed = counter("neonblue.ingest.journeys_indexed", unit="{journey}")
        self._lag = gauge("neonblue.ingest.lag", unit="{message}")
        self._waiting = gauge("neonblue.ingest.journeys_waiting", unit="{journey}")
        self._oldest = gauge("neonblue.ingest.oldest_journey", unit="s")

    def delivered(self, messages: int, written: Written) -> None:
        """A batch is durable; dead letters are counted by reason."""
        self._messages.add(messages)
        self._events.add(written.events)
        for letter in written.dead_letters:
            self._dead_letters.add(1, {"reason": letter.reason})
        if written.dropped:
            self._dropped.add(written.dropped, {"reason": FORGOTTEN_USER})

    def trouble(self) -> None:
        """Something has to be tried again."""
        self._troubles.add(1)

    def unpublished(self, topic: str, messages: int) -> None:
        """A topic did not take messages that are kept in ClickHouse."""
        self._unpublished.add(messages, {"topic": topic})

    def lag(self, behind: Mapping[str, int]) -> None:
        """Messages that are not committed yet, by topic and partition."""
        for name, messages in behind.items():
            topic, _, partition = name.rpartition(":")
            self._lag.set(messages, {"topic": topic, "partition": partition})

    def journeys(self, waiting: int, oldest_seconds: float) -> None:
        """How far the index of journeys is behind."""
        self._waiting.set(waiting)
        self._oldest.set(oldest_seconds)

    def journeys_indexed(self, indexed: int) -> None:
        """Journeys became searchable."""
        self._indexed.add(indexed)
