"""A question that continues the one before: its plan, with what the new words change in it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from neonblue.query import lexicon
from neonblue.query.experiment_readings import experiments_in
from neonblue.query.measure_words import (
    asked_in,
    breakdowns_in,
    events_in,
    filters_in,
    grain_in,
    limit_in,
)
from neonblue.query.parser import parse, readable, with_slips
from neonblue.query.plan import Plan, PropertyFilter
from neonblue.query.question_words import Words
from neonblue.query.reading import Reading, sure, unread
from neonblue.query.sql_functions import words as listed
from neonblue.query.time_range import find_time_range
from neonblue.query.vocabulary import Vocabulary, words_of

MARKS = re.compile(
    r"^(?:ok(?:ay)?|right|great|thanks|cool|hmm|so)?,? ?(?:and|what about|how about|same|now|but"
    r"|also|then|instead|just|only|break|split|or|for|by|in|on|make (?:it|that)|show (?:it|that)"
    r"|do (?:it|that)|again|per|without|@not|with)\b"
)
CONTINUING = listed(
    "same thing again instead but now just only what about how also too as well further else"
    " additionally broken cut slice sliced previous question before that one ones numbers version"
    " please can we us then more include including do"
)
ADDING = listed("also further additionally too well")
BEFORE = re.compile(
    r"\b(?:the |and )?(?:(?P<unit>day|week|month|year) before(?: that| last)?"
    r"|(?:previous|prior|preceding) (?P<other>day|week|month|year|period)|period before)\b"
)
FIELDS = {
    "measure": frozenset(Plan.model_fields),
    "moved": frozenset({"since", "until", "filters", "experiments", "event_type", "measure"}),
    "retention": frozenset({"since", "until", "filters", "experiments", "breakdown", "grain"}),
    "steps": frozenset({"since", "until", "filters", "experiments", "event_type"}),
    "funnel": frozenset({"since", "until", "experiments"}),
    "effect": frozenset({"experiments"}),
    "validity": frozenset({"experiments"}),
    "outcomes": frozenset({"since", "until"}),
    "learnt": frozenset({"since", "until"}),
}


def continued(question: str, before: str, vocabulary: Vocabulary, now: datetime) -> Reading:
    """The reading of a question after another one; by itself where it is whole."""
    text, slips = readable(question, vocabulary)
    alone = parse(question, vocabulary, now)
    if not MARKS.search(text) and (alone.answers or alone.others):
        return alone
    base = parse(before, vocabulary, now).plan
    if base is None:
        return alone
    changes, words = _changes(text, base, vocabulary, now)
    if not changes or not changes.keys() <= FIELDS.get(base.kind, frozenset()):
        return alone if alone.answers else unread(words)
    words.assumed.append("it continues the question before")
    return with_slips(sure(base.model_copy(update=changes), words), slips)


def _changes(
    text: str, base: Plan, vocabulary: Vocabulary, now: datetime
) -> tuple[dict[str, Any], Words]:
    """What the words say anew, as fields of a plan, and the words that are left."""
    changes, text = _times(text, base, now)
    words = Words(words_of(text))
    if experiments := experiments_in(words, vocabulary):
        changes["experiments"] = experiments
    adding = words.has(ADDING)
    if words.has(lexicon.HIGHEST | lexicon.LOWEST):
        changes["ascending"] = words.has(lexicon.LOWEST)
        changes["limit"] = limit_in(words) or base.limit
        words.take(lexicon.HIGHEST | lexicon.LOWEST)
    if grain := grain_in(words):
        changes["grain"] = grain
    filters = filters_in(words, vocabulary)
    breakdowns, per_user = breakdowns_in(words, vocabulary)
    words.take(CONTINUING)
    events = events_in(words, vocabulary)
    if len(events) == 1:
        changes["event_type"] = events[0]
    else:
        words.left += events
    _measure(changes, asked_in(words, per_user=per_user), base, vocabulary)
    _split(changes, base, breakdowns, filters, adding=adding)
    if {"event_type", "measure"} & changes.keys():
        plan = base.model_copy(update=changes)
        if plan.measure in lexicon.OF_VALUES and plan.event_type not in vocabulary.valued:
            words.left.append(plan.event_type)
    return changes, words


def _times(text: str, base: Plan, now: datetime) -> tuple[dict[str, Any], str]:
    before = BEFORE.search(text)
    if before is not None and base.since is not None:
        since, until = _shifted(base, before["unit"] or before["other"] or "period", now)
        rest = f"{text[: before.start()]} {text[before.end() :]}"
        return {"since": since, "until": until}, rest
    found, rest = find_time_range(text, now)
    if found is None:
        return {}, text
    return {"since": found.since, "until": found.until}, rest


def _shifted(base: Plan, unit: str, now: datetime) -> tuple[datetime, datetime]:
    """The period before that of the plan, of the same length or of the named one."""
    assert base.since is not None
    until = min(base.until or now, now)
    if unit == "month" and base.since.day == 1:
        return (base.since - timedelta(days=1)).replace(day=1), base.since
    length = {"day": timedelta(days=1), "week": timedelta(weeks=1)}.get(unit, until - base.since)
    if unit == "day" and base.until is None:
        return base.since - length, base.since
    return base.since - length, base.since if length >= until - base.since else until - length


def _measure(changes: dict[str, Any], asked: Any, base: Plan, vocabulary: Vocabulary) -> None:
    """A measure that is named anew; counts that "how many" says alone change nothing."""
    if asked is None or (asked == "count" and base.kind != "measure"):
        return
    changes["measure"] = asked
    changes["of_event"] = vocabulary.exposure if asked in ("rate", "per_user") else ""
    valued = vocabulary.valued
    if asked in lexicon.OF_VALUES and "event_type" not in changes and len(valued) == 1:
        changes["event_type"] = valued[0]


def _split(
    changes: dict[str, Any],
    base: Plan,
    breakdowns: list[str],
    filters: tuple[PropertyFilter, ...],
    *,
    adding: bool,
) -> None:
    """What is broken down by, and filters in the place of those of the same property."""
    named = {one.name for one in filters if not one.or_values and not one.excluded}
    breakdowns = [name for name in breakdowns if name not in named]
    if breakdowns and adding and base.breakdown:
        changes["then_by"] = breakdowns[0]
    elif breakdowns:
        changes["breakdown"] = breakdowns[0]
        changes["then_by"] = breakdowns[1] if len(breakdowns) > 1 else ""
    if filters:
        kept = tuple(one for one in base.filters if one.name not in {new.name for new in filters})
        changes["filters"] = (*kept, *filters)
        several = [one.name for one in filters if one.or_values and not one.excluded]
        if several and not base.breakdown and "breakdown" not in changes:
            changes["breakdown"] = several[0]
        if base.breakdown in named and "breakdown" not in changes:
            changes |= {"breakdown": base.then_by, "then_by": ""}
    if "experiments" in changes and base.breakdown == "experiment" and not breakdowns:
        changes |= {"breakdown": base.then_by, "then_by": ""}
