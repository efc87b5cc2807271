"""Plans of questions that ask for a figure over events."""

from __future__ import annotations

import re
from typing import Any

from neonblue.query import lexicon
from neonblue.query.measure_shapes import Shapes
from neonblue.query.measure_words import (
    asked_in,
    breakdowns_in,
    events_in,
    filters_in,
    grain_in,
    left_out_event,
    limit_in,
)
from neonblue.query.plan import Plan, PropertyFilter
from neonblue.query.question_words import Words
from neonblue.query.reading import Reading, choose, sure, unread
from neonblue.query.sql_functions import words as listed
from neonblue.query.vocabulary import Vocabulary
from neonblue.stores.question_query import TOTALLED

POOLED = listed("or combined together altogether")
BETTER = listed("better worse more higher lower fewer stronger weaker larger bigger smaller")
RATIO = r"\b(?:per|for (?:each|every|one)|ratio)\b"
EACH_FIRST = r"^(?:for|per) (?:each|every|one)?\b"
EXTREMES = listed(
    "largest biggest highest maximum max greatest priciest smallest lowest minimum min"
)
CONVERTING = listed(
    "conversion conversions convert converts converted converting converter converters"
)


def measure_reading(
    text: str, words: Words, vocabulary: Vocabulary, values: dict[str, Any], shapes: Shapes
) -> Reading:
    """A figure, by what it is broken down by; readings where it can mean several."""
    words.assumed.extend(shapes.assumed)
    values |= {"each": shapes.each, "values": shapes.values, "limit": limit_in(words) or 50}
    if words.has(listed("often times")) or _event_before_users(words, vocabulary):
        words.take(lexicon.MEASURES["users"] - lexicon.BUYERS)
    extreme = words.has(EXTREMES)
    if words.has(lexicon.HIGHEST) and words.has(lexicon.LOWEST):
        return unread(words, "one end of a ranking can be asked for at a time")
    ascending, ordered = words.has(lexicon.LOWEST), words.has(lexicon.HIGHEST | lexicon.LOWEST)
    words.take(lexicon.HIGHEST | lexicon.LOWEST)
    values["ascending"] = ascending
    values["grain"] = grain_in(words)
    pooled = words.has(POOLED) and not words.has(BETTER)
    values["filters"] = filters_in(words, vocabulary)
    if len(values["experiments"]) > 1 or any(one.or_values for one in values["filters"]):
        words.take(BETTER)
    found, per_user = breakdowns_in(words, vocabulary, ordered=ordered)
    if len(found) > 2:
        return unread(words, "at most two things can be broken down by")
    break_down(values, found, pooled=pooled)
    converting = words.has(CONVERTING)
    without = left_out_event(words, vocabulary)
    if words.has(lexicon.MEASURES["count"]) and "sales" in words.left:
        words.left = ["sale" if word == "sales" else word for word in words.left]
    events = events_in(words, vocabulary)
    asked = asked_in(words, per_user=per_user)
    if asked == "count" and not events and not words.general and not values["breakdown"]:
        return unread(words, "it does not say what is counted")
    if asked is None:
        much = "how much" in text
        asked = "sum" if much and set(events) <= set(vocabulary.valued) else "count"
        if not events:
            return unread(words)
    if ordered:
        refused = _ranked(values, words, asked, events, vocabulary, extreme=extreme)
        if refused is not None:
            return refused
        asked = values.pop("asked", asked)
    if without:
        return _without(words, asked, events, vocabulary, values)
    if shapes.share_of and asked == "rate":
        share = _share(words, shapes.share_of, events, vocabulary, values)
        if share is not None:
            return share
    if len(events) > 1:
        return _several(text, words, asked, events, vocabulary, values)
    return _of_one(words, asked, events, vocabulary, values, converting=converting)


def break_down(values: dict[str, Any], found: list[str], *, pooled: bool) -> None:
    """What is broken down by: what is named, or several values or experiments set side by side."""
    filters: tuple[PropertyFilter, ...] = values["filters"]
    single = {one.name for one in filters if not one.or_values and not one.excluded}
    found = [name for name in found if name not in single]
    several = [one.name for one in filters if one.or_values and not one.excluded]
    if not found and several and not pooled:
        found = several[:2]
    if not found and len(values["experiments"]) > 1 and not pooled:
        found = ["experiment"]
    values["breakdown"] = found[0] if found else ""
    values["then_by"] = found[1] if len(found) > 1 else ""
    if values["then_by"] in ("experiment", "event_type"):
        values["breakdown"], values["then_by"] = values["then_by"], values["breakdown"]


def _ranked(
    values: dict[str, Any],
    words: Words,
    asked: str,
    events: list[str],
    vocabulary: Vocabulary,
    *,
    extreme: bool,
) -> Reading | None:
    """The order of a ranking, of periods too; the largest of events; a refusal of any other."""
    if values["grain"]:
        values["ranked"] = True
    elif not values["breakdown"]:
        valued = [one for one in events or vocabulary.valued if one in vocabulary.valued]
        if not extreme or len(valued) != 1 or asked not in ("count", "sum") or words.counting:
            return unread(words)
        values["asked"] = "smallest" if values["ascending"] else "largest"
        values["ascending"] = False
        events[:] = valued
        return None
    if values["limit"] == 50 and (_singular(words) or values["grain"]):
        values["limit"] = 1
    return None


def _of_one(
    words: Words,
    asked: Any,
    events: list[str],
    vocabulary: Vocabulary,
    values: dict[str, Any],
    *,
    converting: bool,
) -> Reading:
    """A measure of one event, or of the only one that it can be of."""
    event = events[0] if events else ""
    if asked == "rate" and not event and converting and len(vocabulary.converting) == 1:
        event = vocabulary.converting[0]
        words.assumed.append(f"conversion is {event}, the primary metric")
    if asked in lexicon.OF_VALUES or values["values"]:
        if event and event not in vocabulary.valued:
            return unread(words, f"{event} carries no values")
        if not event and len(vocabulary.valued) != 1:
            return _of_any(words, asked, vocabulary, values)
        event = event or vocabulary.valued[0]
    if asked == "rate" and not event:
        return _of_any(words, asked, vocabulary, values)
    if values["each"] and (asked not in TOTALLED or values["grain"]):
        return unread(words, "a mean a day is known of counts, users and sums")
    if values["each"] and values["since"] is None:
        return unread(words, "say in which time, as in 'last week' or 'since Monday'")
    of_event = vocabulary.exposure if asked in ("rate", "per_user") else ""
    return sure(
        Plan(
            kind="measure",
            measure=asked,
            event_type=event,
            of_event=of_event if of_event != event else "",
            **values,
        ),
        words,
    )


def _without(
    words: Words, asked: str, events: list[str], vocabulary: Vocabulary, values: dict[str, Any]
) -> Reading:
    """Users who were exposed and did not do something."""
    rest = [one for one in events if one != vocabulary.exposure]
    if asked not in ("users", "count") or len(rest) != 1 or values["each"] or values["values"]:
        return unread(words, "who did not do something is known as a number of users")
    plan = Plan(
        kind="measure",
        measure="without",
        event_type=rest[0],
        of_event=vocabulary.exposure,
        **values,
    )
    return sure(plan, words)


def _share(
    words: Words,
    what: str,
    events: list[str],
    vocabulary: Vocabulary,
    values: dict[str, Any],
) -> Reading | None:
    """A part of all events, of all money or of all buyers; None where users are the whole."""
    parts = [one for one in values["filters"] if not one.excluded]
    divided = bool(values["breakdown"]) or len(values["filters"]) == 1
    if what in lexicon.MONEY and not events and len(vocabulary.valued) == 1:
        measure, event = "sum", vocabulary.valued[0]
    elif what in lexicon.BUYERS and len(events) == 1 and not values["breakdown"]:
        measure, event = "users", events[0]
    elif vocabulary.event(what) in events and len(events) == 1:
        measure, event = "count", events[0]
    elif what in lexicon.MEASURES["users"] and not events and parts:
        measure, event = "users", vocabulary.exposure
    else:
        return None
    if not divided or values["grain"] or values["then_by"] or values["each"]:
        return unread(words, "say of what the share is, as in 'share of orders from mobile'")
    twice = measure == "users" and values["breakdown"] == "experiment"
    if twice or any(one.name == values["breakdown"] for one in values["filters"]):
        return unread(words, "say which part of the whole is meant")
    return sure(
        Plan(kind="measure", measure=measure, event_type=event, of_total=True, **values),  # type: ignore[arg-type]
        words,
    )


def _event_before_users(words: Words, vocabulary: Vocabulary) -> bool:
    """Whether what is counted is the event, as in tickets of German visitors, and not the users."""
    users = [i for i, word in enumerate(words.left) if word in lexicon.MEASURES["users"]]
    events = [start for start, _, phrase in words.phrases() if phrase in vocabulary.events]
    if not users or not events or words.has(lexicon.MEASURES["rate"]):
        return False
    per = words.left[max(0, users[0] - 1)] in ("per", "each", "every")
    return min(events) < users[0] and not per


def _several(
    text: str,
    words: Words,
    asked: str,
    events: list[str],
    vocabulary: Vocabulary,
    values: dict[str, Any],
) -> Reading:
    """Two events: one for each of the other, a share among its users, or one of both."""
    if len(events) == 2 and asked in ("count", "rate") and re.search(RATIO, text):
        above, below = events[::-1] if re.search(EACH_FIRST, text) else events
        plan = Plan(kind="measure", measure="per_event", event_type=above, of_event=below, **values)
        return sure(plan, words)
    if asked == "rate" and len(events) == 2 and vocabulary.exposure in events:
        event = next(one for one in events if one != vocabulary.exposure)
        plan = Plan(
            kind="measure", measure="rate", event_type=event, of_event=vocabulary.exposure, **values
        )
        return sure(plan, words)
    if asked == "rate":
        return funnel_plan(words, events, values)
    plans = tuple(
        Plan(kind="measure", measure=asked, event_type=one, **values)  # type: ignore[arg-type]
        for one in events
    )
    return choose(plans, words, 0.5)


def _of_any(words: Words, asked: str, vocabulary: Vocabulary, values: dict[str, Any]) -> Reading:
    """A measure that does not say of which event: the readings to choose from."""
    names = sorted(set(vocabulary.events.values()) - {vocabulary.exposure})
    if asked in lexicon.OF_VALUES:
        names = list(vocabulary.valued)
    of_event = vocabulary.exposure if asked in ("rate", "per_user") else ""
    plans = tuple(
        Plan(kind="measure", measure=asked, event_type=one, of_event=of_event, **values)  # type: ignore[arg-type]
        for one in names[:5]
    )
    return choose(plans, words, 0.4)


def _singular(words: Words) -> bool:
    return "which" in words.left or "what" in words.left


def funnel_reading(words: Words, vocabulary: Vocabulary, values: dict[str, Any]) -> Reading:
    """A funnel through the events that are named, in their order."""
    order = " ".join(words.left)
    named = [(order.find(said), name) for said, name in vocabulary.events.items() if said in order]
    steps = list(dict.fromkeys(name for _, name in sorted(named)))
    events_in(words, vocabulary)
    words.take(lexicon.FUNNEL | lexicon.MEASURES["users"] | lexicon.MEASURES["rate"])
    words.take(lexicon.EXPERIMENT_WORDS)
    return funnel_plan(words, steps, values)


def funnel_plan(words: Words, steps: list[str], values: dict[str, Any]) -> Reading:
    """A funnel; ``values`` that it cannot take make it none."""
    taken = ("since", "until", "experiments")
    if len(steps) < 2 or any(values.get(name) for name in ("filters", "breakdown", "values")):
        return unread(words)
    kept = {key: values[key] for key in taken}
    return sure(Plan(kind="funnel", steps=tuple(steps), **kept), words)
