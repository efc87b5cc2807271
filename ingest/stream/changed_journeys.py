"""Journeys whose events the worker has just stored, handed over to the index in memory.

ClickHouse has the same marks, so nothing depends on what is here: it saves the index from asking
for news, and from looking through the marks of every unit there is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import datetime

from neonblue.stores.journey_marks import ChangedJourney

MOST = 20_000


class ChangedJourneys:
    """Shared by the worker, which adds, and the index, which takes."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._at: dict[str, datetime] = {}
        self._too_many = False

    def add(self, user_ids: Sequence[str], touched_at: datetime) -> None:
        """Say that units have new events that are durable, marked with this time."""
        with self._news:
            self._at.update(dict.fromkeys(user_ids, touched_at))
            if len(self._at) > MOST:
                self._at.clear()
                self._too_many = True
            self._news.notify_all()

    def put_back(self, journeys: Iterable[ChangedJourney]) -> None:
        """Journeys that were taken and not indexed yet; a later touch of the same unit stays."""
        with self._news:
            for each in journeys:
                self._at.setdefault(each.user_id, each.touched_at)

    def take(self, limit: int) -> list[ChangedJourney] | None:
        """All of them, the newest first, or None when they are more than ``limit``: then the
        order matters, and ClickHouse knows which go first."""
        with self._news:
            too_many = self._too_many or len(self._at) > limit
            taken = [] if too_many else sorted(self._at.items(), key=_touched_at, reverse=True)
            self._at.clear()
            self._too_many = False
        if too_many:
            return None
        return [ChangedJourney(user_id=user, touched_at=at) for user, at in taken]

    def wait(self, seconds: float) -> None:
        """Return when there is something, or when woken, or when the time is up."""
        with self._news:
            if not self._at and not self._too_many:
                self._news.wait(seconds)

    def wake(self) -> None:
        """Let whoever waits look around."""
        with self._news:
            self._news.notify_all()


def _touched_at(item: tuple[str, datetime]) -> datetime:
    return item[1]
