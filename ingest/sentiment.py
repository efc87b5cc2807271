"""Keywords and sentiment of short texts, by word lists: a rule, not a model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

VERSION = "lexicon-1"
MAX_KEYWORDS = 8
WORD = re.compile(r"[^\W\d_]{3,30}")
GOOD_WORDS = """
amazing awesome beautiful best better brilliant clean clear comfortable convenient cool delight
delighted easy enjoy enjoyed excellent fantastic fast fine fun glad good great happy helpful
impressed intuitive like liked love loved lovely nice perfect pleasant pleased quick recommend
reliable satisfied simple smooth super superb thank thanks useful win wonderful worth wow
"""
GOOD = frozenset(GOOD_WORDS.split())
BAD_WORDS = """
annoyed annoying awful bad broken bug buggy cancel cancelled confused confusing crash crashed
crashes damaged dead delay delayed difficult disappointed disappointing error errors expensive
fail failed failing failure fault faulty frustrated frustrating hard hate horrible impossible
issue issues lost mess missing never poor problem problems refund refused rude scam slow spam
stuck terrible trouble ugly unable unhappy unusable upset useless waste wrong worse worst
"""
BAD = frozenset(BAD_WORDS.split())
NEGATIONS_WORDS = """
not never isn wasn don doesn didn can couldn won without hardly
"""
NEGATIONS = frozenset(NEGATIONS_WORDS.split())
# Words that say nothing about what an event was about.
FILLER_WORDS = """
the and for with from that this are was were you your our its not but have has had they http
https www com html php true false null none page event
"""
FILLER = frozenset(FILLER_WORDS.split())


@dataclass(frozen=True, slots=True)
class Reading:
    """``sentiment`` is -1 to 1, or None when no word of the lists stands in the text."""

    keywords: tuple[str, ...]
    sentiment: float | None


@lru_cache(maxsize=32_768)
def read_text(text: str) -> Reading:
    """Distinct words in order of appearance, and the balance of good and bad words.

    A word right after a negation counts the other way round.
    """
    words = [word.lower() for word in WORD.findall(text)]
    keywords = tuple(dict.fromkeys(word for word in words if word not in FILLER))[:MAX_KEYWORDS]
    return Reading(keywords, _sentiment(words))


def _sentiment(words: list[str]) -> float | None:
    scores = []
    for before, word in zip(["", *words], words, strict=False):
        score = (word in GOOD) - (word in BAD)
        if score:
            scores.append(-score if before in NEGATIONS else score)
    return sum(scores) / len(scores) if scores else None
