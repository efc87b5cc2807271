"""Charts drawn in this process, kept a while so that a client can fetch one by its address.

A chart shows what the look that drew it has shown; fetching it again reads no results.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import blake2b

from neonblue.errors import NotFoundError

MAX_CHARTS = 64


class ChartCache:
    """The newest charts, by a name that nobody can guess who has not the chart."""

    def __init__(self) -> None:
        self._charts: OrderedDict[str, bytes] = OrderedDict()
        self._guard = threading.Lock()

    def add(self, png: bytes) -> str:
        """Keep a chart; its name."""
        name = blake2b(png, digest_size=16).hexdigest()
        with self._guard:
            self._charts[name] = png
            self._charts.move_to_end(name)
            while len(self._charts) > MAX_CHARTS:
                self._charts.popitem(last=False)
        return name

    def get(self, name: str) -> bytes:
        """The chart; ``NotFoundError`` when it is no longer kept."""
        with self._guard:
            found = self._charts.get(name)
        if found is None:
            raise NotFoundError(
                f"chart {name!r} is no longer kept: call the tool that drew it again"
            )
        return found
