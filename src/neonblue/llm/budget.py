"""How much models may cost a day (UTC): money is set aside before a call and settled after it.

What a call could cost at most is set aside, so that calls at once cannot pass the limit together.
Processes that share a ClickHouse server see each other's settled calls, not those in flight.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from neonblue.llm.provider import ModelFailedError

SpentSince = Callable[[datetime], float]


class Budget:
    """``spent_since`` is what was recorded from a time on, in US dollars."""

    def __init__(
        self,
        limit_usd: float,
        spent_since: SpentSince = lambda since: 0.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.limit_usd = limit_usd
        self._spent_since = spent_since
        self._now = now
        self._guard = threading.Lock()
        self._reserved = 0.0
        self._unrecorded: dict[datetime, float] = {}

    def reserve(self, usd: float) -> None:
        """Set aside; ``ModelFailedError`` where the day's budget would not cover it."""
        with self._guard:
            today = _day(self._now())
            spent = self._spent_since(today) + self._unrecorded.get(today, 0.0)
            if spent + self._reserved + usd > self.limit_usd:
                raise ModelFailedError(
                    f"the day's budget for language models ({self.limit_usd:g} USD) does not cover "
                    f"the call ({spent:.4f} spent, {self._reserved:.4f} in flight, up to "
                    f"{usd:.4f} for it): rules write until midnight UTC, or raise "
                    "NEONBLUE_LLM_DAILY_BUDGET_USD",
                    "over_budget",
                )
            self._reserved += usd

    def settle(self, reserved: float, cost_usd: float, *, recorded: bool) -> None:
        """Release what was set aside; a cost that no table has is remembered here."""
        with self._guard:
            self._reserved = max(0.0, self._reserved - reserved)
            if not recorded:
                today = _day(self._now())
                self._unrecorded = {today: self._unrecorded.get(today, 0.0) + cost_usd}


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
