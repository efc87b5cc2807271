"""The dead-letter topic: a copy for whoever listens, never a reason to stop.

ClickHouse has every letter already. So publishing is tried once a batch and within a few seconds;
what a topic does not take is counted, and after a failure the topic is left alone for a while.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neonblue.ingest.stream.kafka import publish
from neonblue.ingest.stream.outgoing import dead_messages, shortened

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

    from neonblue.ingest.stream.status import StatusBoard
    from neonblue.stores.dead_letters import DeadLetter

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
REST_SECONDS = 30.0


class DeadLetterTopic:
    """Publishes letters as far as the topic takes them; never raises for what Kafka does."""

    def __init__(
        self,
        topic: str,
        status: StatusBoard,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self._topic = topic
        self._status = status
        self._patience_seconds = patience_seconds
        self._rest_seconds = rest_seconds
        self._resting_until = 0.0

    async def publish(self, producer: AIOKafkaProducer, letters: Sequence[DeadLetter]) -> None:
        """Whole where that fits, else the beginning with a reference to the whole."""
        from aiokafka.errors import KafkaError

        if time.monotonic() < self._resting_until:
            self._status.unpublished(self._topic, len(letters), "it failed a moment ago")
            return
        try:
            async with asyncio.timeout(self._patience_seconds):
                left = await self._whole_or_short(producer, letters)
        except (KafkaError, TimeoutError) as error:
            self._resting_until = time.monotonic() + self._rest_seconds
            left, why = len(letters), f"{error!r}; `neonblue dead-letters list` has them"
        else:
            why = "larger than the topic takes"
        if left:
            self._status.unpublished(self._topic, left, why)
            logger.warning("%d dead letters not published to %r: %s", left, self._topic, why)

    async def _whole_or_short(
        self, producer: AIOKafkaProducer, letters: Sequence[DeadLetter]
    ) -> int:
        too_large = await publish(producer, self._topic, dead_messages(letters))
        if not too_large:
            return 0
        return len(await publish(producer, self._topic, [shortened(each) for each in too_large]))
