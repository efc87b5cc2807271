"""What a question about events names: measure, events, period, breakdown, filters."""

from __future__ import annotations

from typing import Any

from neonblue.query import lexicon
from neonblue.query.phrases import NOT
from neonblue.query.plan import PropertyFilter
from neonblue.query.question_words import Words
from neonblue.query.vocabulary import Vocabulary

EQUAL = frozenset({"is", "are", "was", "of", "equal", "equals", "to", "exactly"})
NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10,
}  # fmt: skip


def asked_in(words: Words, *, per_user: bool) -> Any:
    """Which measure the words ask for; None when none does."""
    rate = words.take(lexicon.MEASURES["rate"])
    median = words.take(lexicon.MEASURES["median"])
    average = words.take(lexicon.MEASURES["average"])
    users = words.take(lexicon.MEASURES["users"])
    total = words.take(lexicon.MEASURES["sum"])
    count = words.take(lexicon.MEASURES["count"])
    money = set(total) - {"sum", "total"}
    if rate:
        return "rate"
    if per_user and (money or total or average):
        return "per_user"
    if median:
        return "median"
    if average:
        return "average"
    if money:
        return "sum"
    if users:
        return "users"
    return "count" if count or total else None


def events_in(words: Words, vocabulary: Vocabulary) -> list[str]:
    """The event types that are named, in their order."""
    general = words.take(lexicon.EVENTS_IN_GENERAL)
    named = words.longest(vocabulary.events)
    words.remove(named)
    found = list(dict.fromkeys(vocabulary.events[phrase] for _, _, phrase in named))
    buyers = [word for word in words.left if word in lexicon.BUYERS]
    if buyers and not found and "purchase" in vocabulary.events:
        found.append(vocabulary.events["purchase"])
    if general and not found:
        words.left.append("count")
        words.general = True
    return found


def grain_in(words: Words) -> Any:
    """The length of a period, where values over time are asked for."""
    for name, group in lexicon.GRAINS.items():
        if words.has(group):
            words.take(group)
            words.take(lexicon.TREND)
            return name
    if words.has(lexicon.TREND):
        words.take(lexicon.TREND)
        return "day"
    return None


def breakdowns_in(
    words: Words, vocabulary: Vocabulary, *, ordered: bool = False
) -> tuple[list[str], bool]:
    """What to break down by, in its order, and whether the value is per user."""
    per_user = _per_user(words)
    named = words.longest(vocabulary.properties)
    words.remove(named)
    found = list(dict.fromkeys(vocabulary.properties[phrase] for _, _, phrase in named))
    if words.has(lexicon.EXPERIMENT_WORDS):
        asks = ordered or words.has(frozenset({"by", "per", "each", "which", "across", "every"}))
        words.take(lexicon.EXPERIMENT_WORDS)
        if asks and (not found or words.has(frozenset({"by", "per", "each"}))):
            found.append("experiment")
        return found, per_user
    for pair in ("event type", "type of event", "event types", "kind of event", "kinds of event"):
        parts = pair.split()
        if all(part in words.left or f"{part}s" in words.left for part in parts):
            words.take(frozenset({*parts, "events", "types", "kinds"}))
            words.left.append("count")
            return [*found, "event_type"], per_user
    return found, per_user


def _per_user(words: Words) -> bool:
    """Whether a figure is asked for each user; takes the words that say so."""
    users = lexicon.MEASURES["users"] - lexicon.BUYERS
    for index, word in enumerate(words.left[:-1]):
        if word in ("per", "each", "every", "a") and words.left[index + 1] in users:
            if word == "a" and "per" not in words.left:
                return False
            words.cut(index, 2)
            return True
    return False


def breakdown_in(words: Words, vocabulary: Vocabulary) -> str:
    """The one thing to break down by; what is named besides stays unexplained."""
    found, _ = breakdowns_in(words, vocabulary)
    words.left += found[1:]
    return found[0] if found else ""


def filters_in(words: Words, vocabulary: Vocabulary) -> tuple[PropertyFilter, ...]:
    """Values of properties that narrow the question, or that it leaves out."""
    named = words.longest(vocabulary.values)
    left_out = words.negated(named, lambda phrase: vocabulary.values[phrase][0])
    found: dict[tuple[str, bool], list[str]] = {}
    for match in named:
        name, value = vocabulary.values[match[2]]
        values = found.setdefault((name, match in left_out), [])
        if value not in values:
            values.append(value)
    words.remove(named)
    if named:
        words.take(lexicon.PLACE_FILLERS)
    for name, value in _numbers_in(words, vocabulary):
        found.setdefault((name, False), []).append(value)
    for name, excluded in found:
        if excluded and (name, False) in found:
            words.left.append(NOT)
    return tuple(
        PropertyFilter(name=name, value=one, or_values=tuple(others), excluded=excluded)
        for (name, excluded), (one, *others) in found.items()
    )


def _numbers_in(words: Words, vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """Values that are numbers, which only their property before them makes known."""
    found = []
    for start, length, phrase in reversed(words.longest(vocabulary.properties)):
        name = vocabulary.properties[phrase]
        at = start + length
        while at < len(words.left) and words.left[at] in EQUAL:
            at += 1
        if at < len(words.left) and words.left[at] in vocabulary.numbers.get(name, ()):
            found.append((name, words.left[at]))
            words.cut(start, at + 1 - start)
    return found


def left_out_event(words: Words, vocabulary: Vocabulary) -> bool:
    """Whether an event is what users did not do."""
    return bool(words.negated(words.longest(vocabulary.events)))


def limit_in(words: Words) -> int | None:
    """How many of a ranking are asked for."""
    if not words.has(lexicon.HIGHEST | lexicon.LOWEST):
        return None
    for index, word in enumerate(words.left):
        number = NUMBER_WORDS.get(word) or (int(word) if word.isdigit() else None)
        if number is not None and 0 < number <= 500:
            words.cut(index, 1)
            return number
    return None
