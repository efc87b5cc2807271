"""Names of variants, events and metrics that are one name spelt in two ways."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import combinations

from neonblue.errors import InvalidInputError

# Letters of other scripts that look like Latin ones.
ALIKE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u051b\u043a\u043c\u0442"
    "\u0432\u043d\u03bf\u03b1\u03c1\u03bd\u03b9\u03ba\u03c4\u03c5\u03b2\u03b5\u03c7",
    "aeopcyxijsdlkmtbhoapviktubex",
)


def alike(names: Sequence[str]) -> tuple[str, str, str] | None:
    """Two names that are probably one, and what they differ in; None when there are none."""
    for one, other in combinations(sorted(names), 2):
        if (difference := _difference(one, other)) is not None:
            return one, other, difference
    return None


def refuse_twin(what: str, name: str, others: Iterable[str]) -> None:
    """Refuse a name beside one that is probably the same: what has the other would not count."""
    for other in others:
        if other != name and (difference := _difference(name, other)) is not None:
            raise InvalidInputError(
                f"the {what} {name!r} and {other!r} differ in {difference} alone: write one of "
                "them in all rows, or leave the other out with --exclude. Nothing was loaded"
            )


def _difference(one: str, other: str) -> str | None:
    if _visible(one) == _visible(other):
        return "characters that nobody sees"
    if _visible(one).casefold() == _visible(other).casefold():
        return "letter case"
    if _latin(one) == _latin(other):
        return "letters of two scripts that look the same"
    if _plain(one) == _plain(other):
        return "blanks, hyphens or a decimal point"
    return None


def _visible(name: str) -> str:
    """Without characters of format, compatibility forms folded, blanks alike."""
    folded = unicodedata.normalize("NFKC", name)
    kept = "".join(letter for letter in folded if unicodedata.category(letter) != "Cf")
    return " ".join(kept.split())


def _latin(name: str) -> str:
    return _visible(name).casefold().translate(ALIKE)


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", re.sub(r"^(\d+)\.0+$", r"\1", _latin(name)))
