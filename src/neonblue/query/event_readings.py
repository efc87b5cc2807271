"""Plans of questions on users' events that a phrase decides: who returns, what comes next."""

from __future__ import annotations

from typing import Any, Literal

from neonblue.query import lexicon
from neonblue.query.experiment_readings import experiments_in
from neonblue.query.measure_words import asked_in, breakdown_in, events_in, filters_in
from neonblue.query.plan import Plan
from neonblue.query.question_words import Words
from neonblue.query.reading import Reading, choose, sure, unread
from neonblue.query.sql_functions import words as listed
from neonblue.query.vocabulary import Vocabulary

COHORTS = listed("cohort cohorts weekly week weeks")
USUAL_DAYS = (1, 7, 30)
ASKS_RETENTION = listed("users user rate rates share shares percentage percent per cent fraction")
ASKS_STEPS = listed("event events action actions step steps common frequent usual typical most top")
MOVABLE = ("count", "users", "sum")


def retention_reading(
    words: Words, vocabulary: Vocabulary, day: int | None, values: dict[str, Any]
) -> Reading:
    """Users seen again: by a property or by week of the first day, of all or of some."""
    if words.has(COHORTS):
        words.take(COHORTS)
        values["grain"] = "week"
    words.take(ASKS_RETENTION | lexicon.MEASURES["users"] | lexicon.MEASURES["rate"])
    words.take(lexicon.MEASURES["count"])
    values["filters"] = filters_in(words, vocabulary)
    values["breakdown"] = breakdown_in(words, vocabulary)
    if values["breakdown"] in ("experiment", "event_type"):
        return unread(words, "retention is known by properties of users")
    if day is None:
        plans = tuple(Plan(kind="retention", day=one, **values) for one in USUAL_DAYS)
        return choose(plans, words, 0.4)
    if not 1 <= day <= 365:
        return unread(words, "retention is known for days 1 to 365")
    return sure(Plan(kind="retention", day=day, **values), words)


def step_reading(
    front: Words,
    back: Words,
    vocabulary: Vocabulary,
    step: Literal["next", "previous"],
    values: dict[str, Any],
) -> Reading | None:
    """What stands next to the event named in ``back``; None where it does not begin with one."""
    if not any(start == 0 and said in vocabulary.events for start, _, said in _begin(back)):
        return None
    events = events_in(back, vocabulary)
    words = Words([*front.left, *back.left])
    words.take(ASKS_STEPS | lexicon.MEASURES["users"])
    if experiments := experiments_in(words, vocabulary):
        values["experiments"] = experiments
    words.take(lexicon.EXPERIMENT_WORDS)
    values["filters"] = filters_in(words, vocabulary)
    values |= {"event_type": events[0], "step": step}
    if len(events) > 1:
        words.left += events[1:]
    return sure(Plan(kind="steps", **values), words)


def _begin(words: Words) -> list[tuple[int, int, str]]:
    """Phrases at the beginning, words that mean nothing and users left out."""
    skipped = lexicon.FILLERS | lexicon.MEASURES["users"]
    while words.left and words.left[0] in skipped:
        words.left.pop(0)
    return words.phrases()


def moved_reading(words: Words, vocabulary: Vocabulary, values: dict[str, Any]) -> Reading:
    """What changed between two periods, of which measure."""
    values["filters"] = filters_in(words, vocabulary)
    words.take(lexicon.COMPARING | lexicon.EVENTS_IN_GENERAL)
    events = events_in(words, vocabulary)
    asked = asked_in(words, per_user=False) or "count"
    if asked == "sum" and not events and len(vocabulary.valued) == 1:
        events = [vocabulary.valued[0]]
    if values["since"] is None:
        return unread(words, "say in which time, as in 'last week' or 'since Monday'")
    if asked not in MOVABLE:
        return unread(words, "what moved is known of counts, users and sums")
    if len(events) != 1:
        names = events or sorted(set(vocabulary.events.values()))[:5]
        plans = tuple(
            Plan(kind="moved", measure=asked, event_type=one, **values)  # type: ignore[arg-type]
            for one in names
        )
        return choose(plans, words, 0.4)
    values |= {"measure": asked, "event_type": events[0]}
    return sure(Plan(kind="moved", **values), words)
