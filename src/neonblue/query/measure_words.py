"""What a question about events names: measure, events, period, breakdown, filters."""

from __future__ import annotations

from typing import Any

from neonblue.query import lexicon
from neonblue.query.plan import PropertyFilter
from neonblue.query.question_words import Words
from neonblue.query.vocabulary import Vocabulary


def asked_in(words: Words, *, per_user: bool) -> Any:
    """Which measure the words ask for; None when none does."""
    rate = words.take(lexicon.MEASURES["rate"])
    average = words.take(lexicon.MEASURES["average"])
    users = words.take(lexicon.MEASURES["users"])
    total = words.take(lexicon.MEASURES["sum"])
    count = words.take(lexicon.MEASURES["count"])
    money = set(total) - {"sum", "total"}
    if rate:
        return "rate"
    if per_user and (money or total or average):
        return "per_user"
    if average:
        return "average"
    if money:
        return "sum"
    if users:
        return "users"
    return "count" if count or total else None


def events_in(words: Words, vocabulary: Vocabulary) -> list[str]:
    """The event types that are named, longest names first."""
    found: list[str] = []
    general = words.take(lexicon.EVENTS_IN_GENERAL)
    for _ in range(3):
        for start, length, phrase in words.phrases():
            name = vocabulary.events.get(phrase)
            if name is None:
                continue
            words.cut(start, length)
            if name not in found:
                found.append(name)
            break
        else:
            break
    buyers = [word for word in words.left if word in lexicon.BUYERS]
    if buyers and not found and "purchase" in vocabulary.events:
        found.append(vocabulary.events["purchase"])
    if general and not found:
        words.left.append("count")
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


def breakdown_in(
    words: Words, vocabulary: Vocabulary, *, ordered: bool = False
) -> tuple[str, bool]:
    """What to break down by, and whether the value is per user; the best are experiments."""
    per_user = False
    for index, word in enumerate(words.left[:-1]):
        if word in ("per", "each", "every", "a") and words.left[index + 1] in (
            lexicon.MEASURES["users"] - lexicon.BUYERS
        ):
            per_user = word != "a" or "per" in words.left
            if per_user:
                words.cut(index, 2)
            break
    for start, length, phrase in words.phrases():
        name = vocabulary.properties.get(phrase)
        if name is not None:
            words.cut(start, length)
            return name, per_user
    if words.has(lexicon.EXPERIMENT_WORDS):
        words.take(lexicon.EXPERIMENT_WORDS)
        asks = ordered or words.has(frozenset({"by", "per", "each", "which", "across", "every"}))
        return ("experiment" if asks else ""), per_user
    for pair in ("event type", "type of event", "event types", "kind of event", "kinds of event"):
        parts = pair.split()
        if all(part in words.left or f"{part}s" in words.left for part in parts):
            words.take(frozenset({*parts, "events", "types", "kinds"}))
            words.left.append("count")
            return "event_type", per_user
    return "", per_user


def filters_in(words: Words, vocabulary: Vocabulary) -> tuple[PropertyFilter, ...]:
    """Values of properties that narrow the question."""
    found: dict[str, str] = {}
    for _ in range(3):
        for start, length, phrase in words.phrases():
            if phrase in vocabulary.values:
                name, value = vocabulary.values[phrase]
                found.setdefault(name, value)
                words.cut(start, length)
                words.take(lexicon.PLACE_FILLERS)
                break
        else:
            break
    return tuple(PropertyFilter(name=name, value=value) for name, value in found.items())
