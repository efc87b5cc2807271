"""Names that are like one that is not known, for messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# Comparing takes time with the square of the length, and no name is longer.
MAX_LENGTH = 256
MAX_COMPARED = 5_000


def close_names(
    name: str, known: Iterable[str], count: int = 3, *, cutoff: float = 0.6
) -> list[str]:
    """At most ``count`` of the known names, closest first; letter case makes no difference."""
    if len(name) > MAX_LENGTH:
        return []
    folded: dict[str, str] = {}
    for other in known:
        if len(other) <= MAX_LENGTH and len(folded) < MAX_COMPARED:
            folded.setdefault(other.casefold(), other)
    found = get_close_matches(name.casefold(), folded, n=count, cutoff=cutoff)
    return [folded[other] for other in found]
