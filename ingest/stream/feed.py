"""Sends what the database has to somewhere outside, in order and at least once, in the background.

A row is in ClickHouse before anybody hears of it. What was sent is a place in an order; from there
on everything is sent again, so a crash between sending and remembering sends twice.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from neonblue.errors import UnavailableError

if TYPE_CHECKING:
    from neonblue.stores.published_changes import PublishedChanges

BATCH = 200
LOOK_SECONDS = 3.0
MAX_WAIT_SECONDS = 60.0
SEND_SECONDS = 10.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """Whether everything was sent: ``off`` where there is nowhere to. ``detail`` says why not."""

    state: Literal["published", "pending", "off"]
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; ``headers`` are names and values."""

    key: str
    value: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Messages in order, and the place in ``order`` that is reached when they are sent."""

    messages: Sequence[Message]
    order: str
    upto: int


class Feed(ABC):
    """The way of rows out; a subclass says what waits and how it is sent.

    ``name`` is the thread's, ``what`` stands in messages.
    """

    name: str
    what: str

    def __init__(self, published: PublishedChanges) -> None:
        self._published = published
        self._one_at_a_time = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    @abstractmethod
    def is_on(self) -> bool:
        """Whether there is somewhere to send to."""

    @abstractmethod
    def waiting(self) -> Batch | None:
        """What was not sent yet, at most ``BATCH`` messages; None where everything was."""

    @abstractmethod
    async def send(self, messages: Sequence[Message], seconds: float) -> None:
        """Send them in order. Raises ``UnavailableError`` when that does not succeed in time."""

    def start(self) -> Self:
        """Look every few seconds from now on; without a place to send to nothing is done."""
        if self.is_on and self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()
        return self

    def close(self) -> None:
        """End the background work; what is not sent stays for the next process."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(SEND_SECONDS)

    def publish(self, *, seconds: float = SEND_SECONDS) -> Publishing:
        """Send what waits. It is kept, whether or not this succeeds."""
        if not self.is_on:
            return Publishing(state="off", detail="it is not configured")
        try:
            self.send_all(seconds=seconds)
        except UnavailableError as error:
            return Publishing(state="pending", detail=str(error))
        return Publishing(state="published")

    def send_all(self, *, seconds: float = SEND_SECONDS) -> int:
        """Send what waits; how many messages that were.

        Raises ``UnavailableError`` when nobody takes them.
        """
        with self._one_at_a_time:
            sent = 0
            while (batch := self.waiting()) is not None:
                if batch.messages:
                    asyncio.run(self.send(batch.messages, seconds))
                self._published.mark(batch.order, batch.upto)
                sent += len(batch.messages)
            return sent

    def _run(self) -> None:
        wait = LOOK_SECONDS
        while not self._closed.wait(wait):
            try:
                self.send_all()
                wait = LOOK_SECONDS
            except UnavailableError as error:
                if wait == LOOK_SECONDS:
                    logger.warning("%s wait to be sent: %s", self.what, error)
                wait = min(2 * wait, MAX_WAIT_SECONDS)
