"""Names that are like one that is not known, for messages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

# Comparing takes time with the square of the length, and no name is longer.
MAX_LENGTH = 256
MAX_COMPARED = 5_000
WORD = re.compile(r"[^\W_]+")


def close_names(
    name: str, known: Iterable[str], count: int = 3, *, cutoff: float = 0.6
) -> list[str]:
    """At most ``count`` of the known names, closest first; letter case makes no difference.

    A name that has every word of ``name`` is close, however much longer it is.
    """
    if len(name) > MAX_LENGTH:
        return []
    folded: dict[str, str] = {}
    for other in known:
        if len(other) <= MAX_LENGTH and len(folded) < MAX_COMPARED:
            folded.setdefault(other.casefold(), other)
    words = _words(name)
    holding = sorted((other for other in folded if words and words <= _words(other)), key=len)
    alike = get_close_matches(name.casefold(), folded, n=count, cutoff=cutoff)
    exact = [other for other in alike if other == name.casefold()]
    ranked = dict.fromkeys([*exact, *holding, *alike])
    return [folded[other] for other in ranked][:count]


def _words(name: str) -> frozenset[str]:
    return frozenset(WORD.findall(name.casefold()))
