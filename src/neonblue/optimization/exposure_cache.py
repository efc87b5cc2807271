"""What is known of units' first exposures, kept for a while: most units ask more than once.

That a unit was exposed stays true, so it is kept for ``KEPT_SECONDS`` whatever the weights do. That
it was not is kept only as long as the weights stay: until then its exposure, if one comes, is to
the variant that it gets anyway.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

KEPT_SECONDS = 60.0
MAX_UNITS = 200_000

Limits = tuple[int, ...]


class _Known(NamedTuple):
    variant_id: str | None
    limits: Limits
    since: float


class ExposureCache:
    """First exposures by experiment and unit; safe to share between threads."""

    def __init__(
        self, max_units: int = MAX_UNITS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_units = max_units
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._guard = threading.Lock()

    def find(self, experiment_id: str, unit: str, limits: Limits) -> tuple[bool, str | None]:
        """Whether it is known, and the variant_id, None for a unit that was not exposed."""
        known = self._known.get((experiment_id, unit))
        if known is None or self._clock() - known.since > KEPT_SECONDS:
            return False, None
        if known.variant_id is None and known.limits != limits:
            return False, None
        return True, known.variant_id

    def keep(self, experiment_id: str, unit: str, variant_id: str | None, limits: Limits) -> None:
        """Remember what the store said while these were the weights' boundaries."""
        with self._guard:
            self._known[experiment_id, unit] = _Known(variant_id, limits, self._clock())
            self._known.move_to_end((experiment_id, unit))
            while len(self._known) > self._max_units:
                self._known.popitem(last=False)
