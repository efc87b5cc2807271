"""How a text is built, as numbers that a person would name."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORD = re.compile(r"[A-Za-z0-9'$%-]+")
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
MARKS = (",", ":", "'", '"', "-", "(", "$", "%", "#")
WORD_CLASSES = {
    "you": r"(you|your|you're|yourself)",
    "she": r"(she|her|hers)",
    "he": r"(he|his|him)",
    "we": r"(we|us|our)",
    "i": r"(i|my|me|i'm)",
    "they": r"(they|their|them)",
    "this": r"this",
    "these": r"these",
    "what": r"what",
    "why": r"why",
    "how": r"how",
    "when": r"when",
    "who": r"who",
    "if": r"if",
    "so": r"so",
    "negation": r"(not|no|never|nothing|don't|can't|isn't|won't|doesn't)",
    "superlative": r"(most|best|worst|ever|all|every|everyone|always)",
    "here": r"here('s)?",
    "perceive": r"(see|watch|look|hear|listen)",
    "tease": r"(guess|imagine|wait|until|till)",
    "turn": r"(but|then|until|except)",
    "man": r"(man|men|guy|guys|dude|boy)",
    "woman": r"(woman|women|girl|girls|lady|mom)",
    "child": r"(kid|kids|child|children|baby|year-old)",
    "medium": r"(video|song|clip|speech|chart|map|graph|ad|commercial)",
    "thing": r"(thing|things|something)",
}
ANYWHERE = tuple(re.compile(rf"\b{words}\b", re.IGNORECASE) for words in WORD_CLASSES.values())
AT_START = tuple(re.compile(rf"{words}\b", re.IGNORECASE) for words in WORD_CLASSES.values())


def style_matrix(texts: Sequence[str]) -> NDArray[np.float64]:
    """One row of style features a text."""
    import numpy as np

    return np.array([style_of(text) for text in texts], dtype=np.float64)


def style_of(text: str) -> list[float]:
    """Length, sentences, punctuation, capitals, word classes: always the same number of values."""
    plain = text.replace("’", "'").replace("“", '"').replace("”", '"')
    words = WORD.findall(plain)
    return [
        *_lengths(plain, words),
        *_punctuation(plain),
        *_capitals(words),
        *(float(bool(found.search(plain))) for found in ANYWHERE),
        *(float(bool(found.match(plain))) for found in AT_START),
    ]


def _lengths(text: str, words: Sequence[str]) -> list[float]:
    count = len(words) or 1
    sentences = [part for part in SENTENCE_END.split(text.strip()) if part] or [""]
    sizes = [len(word) for word in words] or [0]
    relative = len(text) / 80
    return [
        math.log1p(len(text)),
        relative,
        relative**2,
        len(words) / 15,
        sum(sizes) / count,
        max(sizes) / 10,
        sum(size <= 3 for size in sizes) / count,
        sum(size >= 8 for size in sizes) / count,
        len({word.lower() for word in words}) / count,
        float(len(sentences)),
        float(len(sentences) > 1),
        len(sentences[0].split()) / 10,
        len(sentences[-1].split()) / 10,
    ]


def _punctuation(text: str) -> list[float]:
    end = text.rstrip()
    return [
        float("?" in text),
        float(end.endswith("?")),
        float(end.endswith(".")),
        float("!" in text),
        float("..." in text or "…" in text),
        *(float(text.count(mark)) for mark in MARKS),
        float(any(character.isdigit() for character in text)),
        float(text[:1].isdigit()),
    ]


def _capitals(words: Sequence[str]) -> list[float]:
    count = len(words) or 1
    shouted = sum(word.isupper() and len(word) > 1 for word in words)
    return [sum(word[:1].isupper() for word in words) / count, float(shouted), shouted / count]
