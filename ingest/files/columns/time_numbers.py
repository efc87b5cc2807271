"""Numbers as times: epoch seconds to nanoseconds by their size, Excel's serial days where said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXCEL_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
# The years 1954 to 2119 as Excel counts days.
SERIALS = (20_000.0, 80_000.0)
MICROSECONDS_A_DAY = 86_400_000_000
# Up to these sizes a number counts seconds, milli-, micro- and nanoseconds.
UNITS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (1e20, 1e-3))


def epoch_microseconds(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Microseconds since 1970; NaN where a number is too large for any unit."""
    size = np.abs(numbers)
    found = np.full(len(numbers), np.nan)
    for limit, factor in reversed(UNITS):
        found = np.where(size < limit, numbers * factor, found)
    return np.round(found)


def excel_microseconds(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Microseconds since 1970 of Excel's days since 1900, to the millisecond (its precision)."""
    start = EXCEL_EPOCH.timestamp() * 1e6
    found = np.round((start + numbers * MICROSECONDS_A_DAY) / 1000) * 1000
    return np.where((numbers >= 1) & (numbers < 2_958_466), found, np.nan)


def is_serial(numbers: NDArray[np.float64]) -> Any:
    """Which numbers are days as Excel counts them rather than anything since 1970."""
    return (numbers >= SERIALS[0]) & (numbers < SERIALS[1])
