"""What an event type seems to say about intent, guessed from the words of its name.

The kinds, from weak to strong: ``other``, ``exposure``, ``view``, ``engage``, ``consider``,
``convert``; and ``leave``. A type that no rule knows is ``other`` and changes no score. The guess
is the last resort: ``conversion_events`` asks the setting and the metrics of experiments first.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from neonblue.behavior import event_words as words

KINDS = ("other", "exposure", "view", "engage", "consider", "convert", "leave")
OTHER, EXPOSURE, VIEW, ENGAGE, CONSIDER, CONVERT, LEAVE = range(len(KINDS))

LETTERS = re.compile(r"[^\W\d_]+")
# "OrderPlaced" and "HTTPError" are two words each.
HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
PLAIN_LETTERS = str.maketrans({"ø": "o", "ł": "l", "ß": "ss", "æ": "ae", "ı": "i"})
# A word that takes a conversion back, in the order in which they are looked for.
AGAINST = (
    (words.DENIED, OTHER),
    (words.SORTING, ENGAGE),
    (words.FAILED, CONSIDER),
    (words.ABOUT, CONSIDER),
)
UNLESS_COMPLETED = ((words.CLICKED, ENGAGE), (words.SHOWN, VIEW), (words.ENGAGING, ENGAGE))
WEAKER = (
    (words.CONSIDERING, CONSIDER),
    (words.ENGAGING, ENGAGE),
    (words.VIEWING, VIEW),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A kind's number and the words that led to it: ``word`` for it, ``against`` a conversion."""

    kind: int
    word: str = ""
    against: str = ""


def kind_of(event_type: str) -> int:
    """The kind's number guessed for an event type such as ``add_to_cart`` or ``PageView``."""
    return guess(event_type).kind


@lru_cache(maxsize=4096)
def guess(event_type: str) -> Guess:
    """The kind that the words of an event type speak for."""
    found = words_of(event_type)
    if word := _in(found, words.EXPOSED):
        return Guess(kind=EXPOSURE, word=word)
    if word := _cancelled(found):
        shown = _in(found, words.SHOWN)
        return Guess(kind=VIEW if shown else LEAVE, word=shown or word)
    conversion = _conversion(found)
    if not conversion:
        return _weaker(found)
    return _weighed(found, conversion)


def words_of(event_type: str) -> frozenset[str]:
    """The words of a name: small letters, no accents, and the singular beside the plural."""
    plain = unicodedata.normalize("NFKD", HUMPS.sub("_", event_type))
    plain = "".join(one for one in plain if not unicodedata.combining(one))
    single = {word.lower().translate(PLAIN_LETTERS) for word in LETTERS.findall(plain)}
    singular = {word[:-1] for word in single if len(word) > 3 and word.endswith("s")}
    told = unicodedata.normalize("NFKC", event_type)
    unspaced = {
        f"{meaning}:{part}"
        for meaning, parts in words.UNSPACED.items()
        for part in parts
        if part in told
    }
    return frozenset(single | singular | unspaced)


def _in(found: frozenset[str], known: frozenset[str]) -> str:
    """One of the words that are known, the same each time; '' for none."""
    return min(found & known, default="")


def _unspaced(found: frozenset[str], meaning: str) -> str:
    return min((word for word in found if word.startswith(f"{meaning}:")), default="")[
        len(meaning) + 1 :
    ]


def _cancelled(found: frozenset[str]) -> str:
    if word := _in(found, words.CANCELLED) or _unspaced(found, "cancelled"):
        return word
    back = _in(found, words.GOES_BACK)
    return back if back and (len(found) == 1 or found & words.GOODS) else ""


def _conversion(found: frozenset[str]) -> str:
    """The word of a conversion: "sign up" is two, and a checkout is one once it is completed."""
    if word := _in(found, words.CONVERSION) or _unspaced(found, "conversion"):
        return word
    if {"sign", "up"} <= found or {"signed", "up"} <= found:
        return "sign up"
    for pair in words.CONVERTING_PAIRS:
        if pair <= found:
            return " ".join(sorted(pair))
    if "checkout" in found and found & words.COMPLETED:
        return "checkout"
    return ""


def _weighed(found: frozenset[str], conversion: str) -> Guess:
    completed = _in(found, words.COMPLETED)
    unspaced = {
        CONSIDER: _unspaced(found, "failed"),
        ENGAGE: _unspaced(found, "clicked"),
        VIEW: _unspaced(found, "shown"),
    }
    for kind, against in unspaced.items():
        if against:
            return Guess(kind=kind, word=conversion, against=against)
    if conversion == "order" and "by" in found:
        return Guess(kind=ENGAGE, word=conversion, against="by")
    if conversion in words.STARTED_BY_CONVERTING and found & {"start", "started"}:
        return Guess(kind=CONVERT, word=conversion)
    if (message := _in(found, words.MESSAGES)) and found & words.MESSAGE_FATES:
        return Guess(kind=ENGAGE, word=conversion, against=message)
    weighed = AGAINST if completed else (*AGAINST, *UNLESS_COMPLETED)
    for known, kind in weighed:
        if against := _in(found - {conversion}, known):
            return Guess(kind=kind, word=conversion, against=against)
    return Guess(kind=CONVERT, word=conversion)


def _weaker(found: frozenset[str]) -> Guess:
    if word := _unspaced(found, "considering"):
        return Guess(kind=CONSIDER, word=word)
    for known, kind in WEAKER:
        if word := _in(found, known):
            return Guess(kind=kind, word=word)
    for meaning, kind in (("clicked", ENGAGE), ("shown", VIEW)):
        if word := _unspaced(found, meaning):
            return Guess(kind=kind, word=word)
    return Guess(kind=OTHER)
