"""What reading a file into staging found out, whatever the shape of the file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from neonblue.models import MetricKind


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """Rows that were read, left out by ``--exclude`` and repeated; ``timed`` if it had times."""

    rows_read: int
    rows_excluded: int
    repeated_rows: int = 0
    timed: bool
    kinds: Mapping[str, MetricKind]
    warnings: tuple[str, ...] = field(default=())
