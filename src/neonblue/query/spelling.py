"""Words with a slip of the keyboard, read as the one known word that is nearest.

A word that is English is no slip: a county is not a country. What counts as English is the
vocabulary of the embedding model, which has the commoner words whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache

from neonblue.memory.minilm import TOKENIZER_FILE

SHORTEST = 5
LONG = 8
ENDINGS = ("", "s", "es", "ed", "d", "e", "ing", "ly")


@cache
def english() -> frozenset[str]:
    """Words that are written right, in lower case."""
    tokenizer = json.loads(TOKENIZER_FILE.read_text(encoding="utf-8"))
    return frozenset(word for word in tokenizer["model"]["vocab"] if word.isalpha())


def mended(word: str, known: Iterable[str]) -> str:
    """The one known word that is a slip away (two for long words), or the word itself."""
    if len(word) < SHORTEST or not word.isalpha() or _is_english(word):
        return word
    reach = 2 if len(word) >= LONG else 1
    near: dict[int, set[str]] = {}
    for other in known:
        if other[:1] == word[0] and abs(len(other) - len(word)) <= reach:
            slips = _slips(word, other, reach)
            if slips <= reach:
                near.setdefault(slips, set()).add(other)
    closest = near.get(min(near), set()) if near else set()
    return closest.pop() if len(closest) == 1 else _of_one_stem(closest, word)


def _is_english(word: str) -> bool:
    """Whether a word, or another form of it, is English."""
    stems = {word, *(word.removesuffix(ending) for ending in ENDINGS)}
    return any(f"{stem}{ending}" in english() for stem in stems for ending in ENDINGS)


def _of_one_stem(near: set[str], word: str) -> str:
    """Forms of one word are as good as one."""
    if near and len({one.rstrip("sed")[:5] for one in near}) == 1:
        return min(near, key=lambda one: (one[-1] != word[-1], one))
    return word


def _slips(word: str, other: str, reach: int) -> int:
    """Letters left out, put in, changed or swapped with the next; more than ``reach`` is enough."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(word, 1):
        row = [i]
        for j, against in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and word[i - 2] == against:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > reach:
            return reach + 1
        before, last = last, row
    return last[-1]
