"""What happens when partitions come and go between the members of the group."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError

logger = logging.getLogger(__name__)


class Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]
    """Commits what is under way before partitions go, and checks offsets when they come."""

    def __init__(
        self,
        *,
        drain: Callable[[], Awaitable[None]],
        assigned: Callable[[Iterable[TopicPartition]], Awaitable[None]],
    ) -> None:
        self._drain = drain
        self._assigned = assigned

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish and commit, so that the next owner starts where this one ended."""
        await self._drain()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Offsets past the end of a log would stall in silence."""
        try:
            await self._assigned(assigned)
        except KafkaError as error:
            logger.warning("could not compare offsets with the log: %r", error)
