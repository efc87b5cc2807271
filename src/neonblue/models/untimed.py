"""The moment of events that have none: it is stored, and never shown."""

from datetime import UTC, datetime

# Rows of a file without a time column are stored at it; no real event is that old.
UNTIMED = datetime(1990, 1, 1, tzinfo=UTC)


def known_time(moment: datetime | None) -> datetime | None:
    """The moment, or None where it stands for no time."""
    return None if moment == UNTIMED else moment
