"""Whether a change takes something away: the opposite of what its words are about."""

from __future__ import annotations

import re

from neonblue.intelligence.recollection.category import MATCHERS, REMOVAL
from neonblue.intelligence.recollection.category_table import BY_NAME

# How many words a removal reaches: "without the long list of customer logos".
REACH = 7
# What follows is taken away.
BEFORE = re.compile(
    r"\b(?:remov(?:e|es|ing)|without|hid(?:e|es|ing)|drops?|dropping|delet(?:e|es|ing)"
    r"|eliminat(?:e|es|ing)|no longer (?:show|display|offer|ask|send|need)s?|no(?= \w)"
    r"|do(?:es)? not (?:show|display|offer|ask|send)|don't (?:show|display|offer|ask|send)"
    r"|turn(?:s|ed|ing)? off|switch(?:es|ed|ing)? off|disabl(?:e|es|ing)|get(?:s|ting)? rid of"
    r"|tak(?:e|es|ing) (?:away|out|off)|strip(?:s|ping)?|leav(?:e|es|ing) out"
    r"|cut(?:s|ting)? out"
    r"|stop(?:s|ped)? (?:showing|asking|sending|offering))\b",
    re.IGNORECASE,
)
# What stands before it is gone.
AFTER = re.compile(
    r"\b(?:removed|hidden|dropped|deleted|eliminated|disabled|gone|left out"
    r"|taken (?:away|out|off)"
    r"|turned off|switched off"
    r"|no longer (?:shown|displayed|there|visible|offered|asked|sent|needed)"
    r"|(?:not|never) (?:shown|displayed|visible|offered|asked|sent|there)|not \w+ any ?more"
    r"|any ?more|off)\b",
    re.IGNORECASE,
)
NO_REMOVAL = re.compile(
    r"\bdrop-? ?downs?\b|\bno(?:-| )(?:one|matter|code|strings|more than)\b", re.IGNORECASE
)
WORD = re.compile(r"\S+")


def kind_of_change(category: str, change: str, called: str = "") -> str:
    """The category, or ``removal_of_…`` where a change takes away what the category is about.

    Kinds whose idea it is to take something away (``reduces``) have no opposite. ``called`` is what
    the experiment is called: a change such as "not shown any more" names nothing itself.
    """
    known = BY_NAME.get(category)
    if known is None or known.reduces:
        return category
    texts = [change] if _names(category, change) else [change, f"{called}: {change}"]
    return REMOVAL + category if any(_takes_away(category, text) for text in texts) else category


def category_within(kind: str) -> str:
    """The category that a kind of change is about, removed or not."""
    return kind.removeprefix(REMOVAL)


def is_removal(kind: str) -> bool:
    """Whether a kind of change takes something away."""
    return kind.startswith(REMOVAL)


def _takes_away(category: str, text: str) -> bool:
    plain = NO_REMOVAL.sub(" ", text)
    after = (_first(plain[found.end() :]) for found in BEFORE.finditer(plain))
    before = (_last(plain[: found.start()]) for found in AFTER.finditer(plain))
    return any(_names(category, part) for part in (*after, *before))


def _names(category: str, text: str) -> bool:
    words = next(words for name, words, _ in MATCHERS if name == category)
    return words.search(text) is not None


def _first(text: str) -> str:
    return " ".join(WORD.findall(re.split(r"[,;.:]", text)[0])[:REACH])


def _last(text: str) -> str:
    return " ".join(WORD.findall(text)[-REACH:])
