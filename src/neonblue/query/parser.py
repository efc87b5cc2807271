"""From a question to a plan by rules: every word has to be accounted for, or nothing is claimed.

Names come from the catalogue, times from ``time_range``, the rest from ``lexicon``. A word that
none of them knows lowers the confidence: below ``ANSWERED`` the question is not answered but
returned with what could be asked. Where two plans fit, both are readings to choose from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from neonblue.query import lexicon
from neonblue.query.event_readings import moved_reading, retention_reading, step_reading
from neonblue.query.experiment_readings import experiment_reading, experiments_in, kind_of
from neonblue.query.measure_words import (
    asked_in,
    breakdown_in,
    events_in,
    filters_in,
    grain_in,
)
from neonblue.query.phrases import moved_in, plain, retention_in, step_in
from neonblue.query.plan import Plan
from neonblue.query.question_words import Words
from neonblue.query.reading import Reading, choose, sure, unread
from neonblue.query.sql_functions import words as listed
from neonblue.query.time_range import find_time_range, find_two_ranges
from neonblue.query.vocabulary import Vocabulary, words_of

NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10,
}  # fmt: skip
AGAINST = r"\b(?:versus|vs|against|compared?|comparison|than|opposed to)\b"


def parse(question: str, vocabulary: Vocabulary, now: datetime) -> Reading:
    """Read a question; never raises for what it does not understand."""
    text = " ".join(coded(question, vocabulary.codes).casefold().split()).rstrip("?!. ")
    text = plain(text, carts="cart" in vocabulary.events)
    returning = retention_in(text)
    if returning is not None:
        text = returning[1]
    values, text, compare = _times(text, now)
    text, threshold = _threshold(text)
    moving = moved_in(text) if returning is None else None
    asked = text if moving is None else moving
    words = Words(words_of(asked))
    experiments = experiments_in(words, vocabulary)
    values["experiments"] = experiments
    if returning is not None:
        return retention_reading(words, vocabulary, returning[0], values)
    if moving is not None and not words.has(lexicon.EXPERIMENT_WORDS | lexicon.VALIDITY):
        return moved_reading(words, vocabulary, values)
    stepping = step_in(text)
    if stepping is not None:
        step, front, back = stepping
        found = step_reading(
            Words(words_of(front)), Words(words_of(back)), vocabulary, step, dict(values)
        )
        if found is not None:
            return found
    words = Words(words_of(text))
    experiments_in(words, vocabulary)
    values["compare"] = compare or _comparison(words, timed=values["since"] is not None)
    if values["compare"]:
        _forget_comparison(words)
    kind = kind_of(text, words, experiments, vocabulary)
    if kind == "measure":
        return _measure(words, vocabulary, values, much="how much" in text)
    kept = {name: values[name] for name in ("since", "until", "experiments")}
    if kind == "funnel":
        return _funnel(words, vocabulary, kept)
    kept |= {"at_least": threshold, "limit": _limit(words) or 50}
    return experiment_reading(kind, text, words, vocabulary, kept)


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


def _measure(
    words: Words, vocabulary: Vocabulary, values: dict[str, Any], *, much: bool = False
) -> Reading:
    values["limit"] = _limit(words) or 50
    often = words.has(listed("often times"))
    if often or _event_before_users(words, vocabulary):
        words.take(lexicon.MEASURES["users"] - lexicon.BUYERS)
    ascending, ordered = words.has(lexicon.LOWEST), words.has(lexicon.HIGHEST | lexicon.LOWEST)
    words.take(lexicon.HIGHEST | lexicon.LOWEST)
    values["grain"] = grain_in(words)
    values["filters"] = filters_in(words, vocabulary)
    values["breakdown"], per_user = breakdown_in(words, vocabulary, ordered=ordered)
    if any(values["breakdown"] == one.name for one in values["filters"]):
        values["breakdown"] = ""
    if words.has(lexicon.MEASURES["count"]) and "sales" in words.left:
        words.left = ["sale" if word == "sales" else word for word in words.left]
    events = events_in(words, vocabulary)
    asked = asked_in(words, per_user=per_user)
    if asked is None:
        asked = "sum" if much and set(events) <= set(vocabulary.valued) else "count"
        if not events:
            return unread(words)
    if len(events) > 1:
        return _several(words, asked, events, vocabulary, values)
    event = events[0] if events else ""
    if asked in ("sum", "average", "per_user") and not event:
        if len(vocabulary.valued) != 1:
            return _of_any(words, asked, vocabulary, values)
        event = vocabulary.valued[0]
    if asked == "rate" and not event:
        return _of_any(words, asked, vocabulary, values)
    if ordered and not values["grain"] and not values["breakdown"]:
        return unread(words)
    of_event = vocabulary.exposure if asked in ("rate", "per_user") else ""
    if values["limit"] == 50 and ordered and _singular(words):
        values["limit"] = 1
    plan = Plan(
        kind="measure",
        measure=asked,
        event_type=event,
        of_event=of_event if of_event != event else "",
        ascending=ascending,
        **values,
    )
    return sure(plan, words)


def _event_before_users(words: Words, vocabulary: Vocabulary) -> bool:
    """Whether what is counted is the event, as in tickets of German visitors, and not the users."""
    users = [i for i, word in enumerate(words.left) if word in lexicon.MEASURES["users"]]
    events = [start for start, _, phrase in words.phrases() if phrase in vocabulary.events]
    if not users or not events or words.has(lexicon.MEASURES["rate"]):
        return False
    per = words.left[max(0, users[0] - 1)] in ("per", "each", "every")
    return min(events) < users[0] and not per


def _several(
    words: Words, asked: str, events: list[str], vocabulary: Vocabulary, values: dict[str, Any]
) -> Reading:
    """Two events: a share of one among the users of the other."""
    if asked == "rate" and len(events) == 2 and vocabulary.exposure in events:
        event = next(one for one in events if one != vocabulary.exposure)
        plan = Plan(
            kind="measure", measure="rate", event_type=event, of_event=vocabulary.exposure, **values
        )
        return sure(plan, words)
    if asked == "rate":
        return _funnel_plan(words, events, values)
    plans = tuple(
        Plan(kind="measure", measure=asked, event_type=one, **values)  # type: ignore[arg-type]
        for one in events
    )
    return choose(plans, words, 0.5)


def _of_any(words: Words, asked: str, vocabulary: Vocabulary, values: dict[str, Any]) -> Reading:
    """A measure that does not say of which event: the readings to choose from."""
    names = sorted(set(vocabulary.events.values()) - {vocabulary.exposure})
    if asked in ("sum", "average"):
        names = list(vocabulary.valued)
    of_event = vocabulary.exposure if asked in ("rate", "per_user") else ""
    plans = tuple(
        Plan(kind="measure", measure=asked, event_type=one, of_event=of_event, **values)  # type: ignore[arg-type]
        for one in names[:5]
    )
    return choose(plans, words, 0.4)


def _limit(words: Words) -> int | None:
    for index, word in enumerate(words.left):
        number = NUMBER_WORDS.get(word) or (int(word) if word.isdigit() else None)
        ranked = words.has(lexicon.HIGHEST | lexicon.LOWEST)
        if ranked and number is not None and 0 < number <= 500:
            words.cut(index, 1)
            return number
    return None


def _singular(words: Words) -> bool:
    return "which" in words.left or "what" in words.left


def _funnel(words: Words, vocabulary: Vocabulary, values: dict[str, Any]) -> Reading:
    order = " ".join(words.left)
    named = [(order.find(said), name) for said, name in vocabulary.events.items() if said in order]
    steps = list(dict.fromkeys(name for _, name in sorted(named)))
    events_in(words, vocabulary)
    words.take(lexicon.FUNNEL | lexicon.MEASURES["users"] | lexicon.MEASURES["rate"])
    words.take(lexicon.EXPERIMENT_WORDS)
    return _funnel_plan(words, steps, values)


def _funnel_plan(words: Words, steps: list[str], values: dict[str, Any]) -> Reading:
    if len(steps) < 2:
        return unread(words)
    kept = {key: values[key] for key in ("since", "until", "experiments")}
    return sure(Plan(kind="funnel", steps=tuple(steps), **kept), words)
