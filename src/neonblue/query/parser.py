"""From a question to a plan by rules: every word has to be accounted for, or nothing is claimed.

Names come from the catalogue, times from ``time_range``, the rest from ``lexicon``. A word that
none of them knows lowers the confidence: below ``ANSWERED`` the question is not answered but
returned with what could be asked. Where two plans fit, both are readings to choose from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from neonblue.query import lexicon
from neonblue.query.clauses import without_chatter
from neonblue.query.event_readings import moved_reading, retention_reading, step_reading
from neonblue.query.experiment_readings import (
    LEARNING,
    experiment_reading,
    experiments_in,
    kind_of,
)
from neonblue.query.measure_reading import funnel_reading, measure_reading
from neonblue.query.measure_shapes import shapes_in
from neonblue.query.measure_words import NUMBER_WORDS, limit_in
from neonblue.query.phrases import moved_in, plain, retention_in, step_in
from neonblue.query.question_words import Words
from neonblue.query.reading import GUESS_COST, Reading, unread
from neonblue.query.spelling import mended
from neonblue.query.sql_functions import words as listed
from neonblue.query.time_range import find_time_range, find_two_ranges
from neonblue.query.vocabulary import Vocabulary, stem, words_of

ABBREVIATED = re.compile(
    r"\b(no|nos|vs|excl|incl|avg|approx|resp|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.(?=\s)"
)
EXAMPLES = re.compile(r"\b(?:like|such as|for example|for instance|e\.?g\.?)\b[^,.;?]*")
"""What is named as an example of a topic narrows nothing."""
SIDE_BY_SIDE = listed("compare compared comparison versus vs against each respectively both than")
AGAINST = r"\b(?:versus|vs|against|compared?|comparison|than|opposed to)\b"


def parse(question: str, vocabulary: Vocabulary, now: datetime) -> Reading:
    """Read a question; never raises for what it does not understand."""
    text, slips = readable(question, vocabulary)
    return with_slips(_parsed(text, vocabulary, now), slips)


def _parsed(text: str, vocabulary: Vocabulary, now: datetime) -> Reading:
    """The reading of a text that is lower case and plain."""
    returning = retention_in(text)
    if returning is not None:
        text = returning[1]
    values, text, compare = _times(text, now)
    text, threshold = _threshold(text)
    moving = moved_in(text) if returning is None else None
    asked = text if moving is None else moving
    words = Words(words_of(asked))
    values["experiments"] = experiments_in(words, vocabulary)
    if returning is not None:
        return retention_reading(words, vocabulary, returning[0], values)
    if moving is not None and not words.has(lexicon.EXPERIMENT_WORDS | lexicon.VALIDITY):
        return moved_reading(words, vocabulary, values)
    return _stepping(text, vocabulary, values) or _read(
        text, vocabulary, values, compare=compare, threshold=threshold
    )


def readable(question: str, vocabulary: Vocabulary) -> tuple[str, tuple[str, ...]]:
    """A question in lower case, without talk, phrases as plain words, and what slips it has."""
    text = " ".join(coded(question, vocabulary.codes).casefold().split())
    text = ABBREVIATED.sub(r"\1", text)
    text = without_chatter(text, vocabulary.names_data).strip("?!. ,")
    text, slips = _spelt(text, vocabulary)
    return plain(text, carts="cart" in vocabulary.events), slips


def with_slips(reading: Reading, slips: tuple[str, ...]) -> Reading:
    """The reading, a little less sure by each slip that was mended."""
    if not slips:
        return reading
    confidence = max(0.05, round(reading.confidence - GUESS_COST * len(slips), 3))
    return replace(reading, confidence=confidence, assumed=(*reading.assumed, *slips))


def _spelt(text: str, vocabulary: Vocabulary) -> tuple[str, tuple[str, ...]]:
    known = vocabulary.parts | lexicon.every_word()
    slips: list[str] = []

    def mend(match: re.Match[str]) -> str:
        word = match.group()
        if word in known or stem(word) in known:
            return word
        right = mended(word, vocabulary.parts)
        if right != word:
            slips.append(f"{word!r} is read as {right!r}")
        return right

    return re.sub(r"(?<![@\w-])[a-z]+(?![\w-])", mend, text), tuple(slips)


def _stepping(text: str, vocabulary: Vocabulary, values: dict[str, Any]) -> Reading | None:
    stepping = step_in(text)
    if stepping is None:
        return None
    step, front, back = stepping
    return step_reading(
        Words(words_of(front)), Words(words_of(back)), vocabulary, step, dict(values)
    )


def _read(
    text: str,
    vocabulary: Vocabulary,
    values: dict[str, Any],
    *,
    compare: bool,
    threshold: float | None,
) -> Reading:
    """What no phrase has decided: the kind by its words, then the plan of that kind."""
    if re.search(LEARNING, text):
        text = EXAMPLES.sub(" ", text)
    shapes, rest = shapes_in(text)
    words = Words(words_of(rest))
    experiments = experiments_in(words, vocabulary)
    kind = kind_of(rest, words, experiments, vocabulary)
    sides = len(experiments) > 1 or _two_values(words, vocabulary)
    values["compare"] = compare or (
        not sides and _comparison(words, timed=values["since"] is not None)
    )
    if sides and kind == "measure":
        words.take(SIDE_BY_SIDE)
    if values["compare"]:
        _forget_comparison(words)
    if kind == "measure":
        return measure_reading(rest, words, vocabulary, values, shapes)
    if shapes.each or shapes.values:
        return unread(words)
    kept = {name: values[name] for name in ("since", "until", "experiments")}
    if kind == "funnel":
        return funnel_reading(words, vocabulary, kept)
    kept |= {"at_least": threshold, "limit": limit_in(words) or 50}
    return experiment_reading(kind, rest, words, vocabulary, kept)


def _two_values(words: Words, vocabulary: Vocabulary) -> bool:
    """Whether two values of one property are named."""
    named = [vocabulary.values[phrase] for _, _, phrase in words.longest(vocabulary.values)]
    return len(set(named)) > len({name for name, _ in named})


def _times(text: str, now: datetime) -> tuple[dict[str, Any], str, bool]:
    """The period, or two that are compared, as values of a plan; whether they are."""
    two = find_two_ranges(text, now) if re.search(AGAINST, text) else None
    if two is not None:
        one, other, text = two
        both = {"compare_since": other.since, "compare_until": other.until}
        return {"since": one.since, "until": one.until, **both}, text, True
    found, text = find_time_range(text, now)
    if found is None:
        return {"since": None, "until": None}, text, False
    return {"since": found.since, "until": found.until}, text, False


def read_times(question: str, now: datetime) -> dict[str, Any]:
    """The times that a question says, as fields of a plan."""
    text = plain(" ".join(question.casefold().split()).rstrip("?!. "))
    return _times(text, now)[0]


def coded(question: str, codes: Iterable[str]) -> str:
    """Values of two letters are known by their capitals: US is a country, us are we."""
    question = re.sub(r"\bU\.S\.(?:A\.)?|\bUSA\b", "US", question)
    for code in codes:
        question = re.sub(rf"\b{re.escape(code)}\b", f" @{code} ", question)
    return question


def _threshold(text: str) -> tuple[str, float | None]:
    match = re.search(
        r"(?:by )?(?:more than|over|above|at least|greater than|exceeding) (\d+(?:\.\d+)?) ?"
        r"(?:%|percent|per cent)",
        text,
    )
    if match is None:
        return text, None
    return f"{text[: match.start()]} {text[match.end() :]}", float(match[1]) / 100


def _comparison(words: Words, *, timed: bool) -> bool:
    told = listed("compared compare comparison versus vs change changed growth grew opposed")
    return timed and words.has(told)


def _forget_comparison(words: Words) -> None:
    words.take(lexicon.COMPARING | listed("than week month day days weeks period same"))
    words.left = [word for word in words.left if not word.isdigit() and word not in NUMBER_WORDS]
