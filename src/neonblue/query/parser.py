"""From a question to a plan by rules: every word has to be accounted for, or nothing is claimed.

Names come from the catalogue, times from ``time_range``, the rest from ``lexicon``. A word that
none of them knows lowers the confidence: below ``ANSWERED`` the question is not answered but
returned with what could be asked. Where two plans fit, both are readings to choose from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from neonblue.query import lexicon
from neonblue.query.measure_words import (
    asked_in,
    breakdown_in,
    events_in,
    filters_in,
    grain_in,
)
from neonblue.query.plan import Plan
from neonblue.query.question_words import Words
from neonblue.query.sql_functions import words as listed
from neonblue.query.time_range import find_time_range
from neonblue.query.vocabulary import Vocabulary, stem, words_of

ANSWERED = 0.6
BASE = 0.97
UNKNOWN_COST = 0.25
GUESS_COST = 0.06
NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A plan with how sure it is, the words that nothing explains, and other plans that fit."""

    plan: Plan | None
    confidence: float
    unknown: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    others: tuple[Plan, ...] = ()

    @property
    def answers(self) -> bool:
        """Whether it is sure enough to be run."""
        return self.plan is not None and self.confidence >= ANSWERED and not self.others


def parse(question: str, vocabulary: Vocabulary, now: datetime) -> Reading:
    """Read a question; never raises for what it does not understand."""
    text = " ".join(_codes(question, vocabulary).casefold().split()).rstrip("?!. ")
    text = re.sub(r"\b(?:broken|break|split|grouped) (?:it )?(?:down|up)?(?= by|$)", " ", text)
    since = until = None
    found, text = find_time_range(text, now)
    if found is not None:
        since, until = found.since, found.until
    text, threshold = _threshold(text)
    words = Words(words_of(text))
    compare = _comparison(words, timed=found is not None)
    experiments = _experiments(words, vocabulary)
    kind = _kind(words, experiments, vocabulary)
    values: dict[str, Any] = {"since": since, "until": until, "experiments": experiments}
    if kind == "measure":
        return _measure(words, vocabulary, values | {"compare": compare})
    if kind == "funnel":
        return _funnel(words, vocabulary, values)
    if threshold is not None:
        values["at_least"] = threshold
    return _about_experiments(kind, words, vocabulary, values)


def _codes(question: str, vocabulary: Vocabulary) -> str:
    """Values of two letters are known by their capitals: US is a country, us are we."""
    question = re.sub(r"\bU\.S\.(?:A\.)?|\bUSA\b", "US", question)
    for code in vocabulary.codes:
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
    told = listed("compared compare comparison versus vs change changed growth grew")
    if not timed or not words.has(told):
        return False
    words.take(lexicon.COMPARING | listed("than week month day days weeks period same"))
    words.left = [word for word in words.left if not word.isdigit() and word not in NUMBER_WORDS]
    return True


def _experiments(words: Words, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Experiments named by id, or by all or most of the words of their names."""
    found = []
    for name in vocabulary.experiments:
        for start, length, phrase in words.phrases():
            if phrase in (name.casefold(), vocabulary.names[name].casefold()):
                found.append(name)
                words.cut(start, length)
                break
    if found or not words.has(lexicon.EXPERIMENT_WORDS):
        return tuple(found)
    return _by_words(words, vocabulary)


def _by_words(words: Words, vocabulary: Vocabulary) -> tuple[str, ...]:
    said = {stem(word) for word in words.left if word not in lexicon.FILLERS}
    scores = {
        name: len(of & said) / len(of)
        for name, of in vocabulary.experiments.items()
        if of and len(of & said) / len(of) > 0.5
    }
    best = [name for name, score in scores.items() if score == max(scores.values())]
    if len(best) != 1:
        return ()
    taken = vocabulary.experiments[best[0]]
    words.left = [word for word in words.left if stem(word) not in taken]
    if scores[best[0]] < 1:
        words.assumed.append(f"the experiment is {best[0]}")
    return (best[0],)


def _kind(words: Words, experiments: tuple[str, ...], vocabulary: Vocabulary) -> str:
    about = words.has(lexicon.EXPERIMENT_WORDS) or bool(experiments)
    if words.has(lexicon.RECOMMEND):
        return "recommend"
    if words.has(lexicon.SIMILAR):
        return "similar"
    if words.has(listed("funnel dropoff drop-off abandon abandoned")):
        return "funnel"
    if not about:
        standing = any(words.has(lexicon.STANDINGS[one]) for one in ("ended", "started", "running"))
        measured = any(words.has(group) for group in lexicon.MEASURES.values())
        bare = standing and not measured and not _names_event(words, vocabulary)
        return "experiments" if bare and not words.has(lexicon.EVENTS_IN_GENERAL) else "measure"
    if _names_event(words, vocabulary) and not words.has(lexicon.LIFT | lexicon.STANDINGS["won"]):
        return "measure"
    if words.has(lexicon.VALIDITY):
        return "validity"
    judged = lexicon.STANDINGS["won"] | lexicon.STANDINGS["lost"] | lexicon.LIFT
    if words.has(judged):
        return "effect" if experiments else "outcomes"
    if experiments:
        measured = any(words.has(group) for group in lexicon.MEASURES.values())
        return "measure" if measured else "effect"
    return "experiments" if _only_of_experiments(words) else "measure"


def _names_event(words: Words, vocabulary: Vocabulary) -> bool:
    return any(phrase in vocabulary.events for _, _, phrase in words.phrases())


def _only_of_experiments(words: Words) -> bool:
    other = frozenset().union(*(lexicon.MEASURES[name] for name in ("users", "sum", "rate")))
    return not words.has(other | lexicon.EVENTS_IN_GENERAL)


def _measure(words: Words, vocabulary: Vocabulary, values: dict[str, Any]) -> Reading:
    values["limit"] = _limit(words) or 50
    often = words.has(listed("often times"))
    if often or _event_before_users(words, vocabulary):
        words.take(lexicon.MEASURES["users"] - lexicon.BUYERS)
    ascending, ordered = words.has(lexicon.LOWEST), words.has(lexicon.HIGHEST | lexicon.LOWEST)
    words.take(lexicon.HIGHEST | lexicon.LOWEST)
    values["grain"] = grain_in(words)
    values["filters"] = filters_in(words, vocabulary)
    values["breakdown"], per_user = breakdown_in(words, vocabulary)
    if any(values["breakdown"] == one.name for one in values["filters"]):
        values["breakdown"] = ""
    if words.has(lexicon.MEASURES["count"]) and "sales" in words.left:
        words.left = ["sale" if word == "sales" else word for word in words.left]
    events = events_in(words, vocabulary)
    asked = asked_in(words, per_user=per_user)
    if asked is None:
        asked = "count"
        if not events:
            return _unread(words)
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
        return _unread(words)
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
    return _sure(plan, words)


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
        return _sure(plan, words)
    if asked == "rate":
        return _funnel_plan(words, events, values)
    plans = tuple(
        Plan(kind="measure", measure=asked, event_type=one, **values)  # type: ignore[arg-type]
        for one in events
    )
    return Reading(plan=None, confidence=0.5, others=plans, unknown=tuple(_content(words)))


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
    return Reading(plan=None, confidence=0.4, others=plans, unknown=tuple(_content(words)))


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
        return _unread(words)
    kept = {key: values[key] for key in ("since", "until", "experiments")}
    return _sure(Plan(kind="funnel", steps=tuple(steps), **kept), words)


def _about_experiments(
    kind: str, words: Words, vocabulary: Vocabulary, values: dict[str, Any]
) -> Reading:
    counted = words.has(frozenset({"many", "number", "count"}))
    standing = _standing(words, kind)
    values["limit"] = _limit(words) or 50
    ascending = words.has(lexicon.LOWEST)
    words.take(lexicon.HIGHEST | lexicon.LOWEST | lexicon.EXPERIMENT_WORDS)
    words.take(lexicon.MEASURES["count"] | lexicon.LIFT)
    if kind == "validity":
        words.take(lexicon.VALIDITY | listed("why reason reasons"))
    if kind == "effect":
        words.take(lexicon.EFFECT | lexicon.STANDINGS["won"] | lexicon.STANDINGS["lost"])
    topic = ""
    if kind == "outcomes":
        words.take(lexicon.STANDINGS["finished"])
        events_in(words, vocabulary)
    if kind in ("similar", "recommend"):
        words.take(lexicon.SIMILAR | lexicon.RECOMMEND)
        topic = " ".join(_content(words))
        words.left = []
    plan = Plan(
        kind=kind,  # type: ignore[arg-type]
        standing=standing,
        topic=topic,
        counted=counted,
        ascending=ascending,
        **values,
    )
    return _sure(plan, words)


def _standing(words: Words, kind: str) -> Any:
    order = ("won", "lost") if kind in ("outcomes", "similar") else ("started", "ended", "running")
    for name in (*order, "finished"):
        if words.has(lexicon.STANDINGS[name]):
            words.take(lexicon.STANDINGS[name])
            return name
    return ""


def _content(words: Words) -> list[str]:
    return [word for word in words.left if word not in lexicon.FILLERS and word]


def _unread(words: Words) -> Reading:
    return Reading(plan=None, confidence=0.1, unknown=tuple(_content(words)))


def _sure(plan: Plan, words: Words) -> Reading:
    unknown = _content(words)
    confidence = BASE - UNKNOWN_COST * 2 * len(unknown) - GUESS_COST * len(words.assumed)
    return Reading(
        plan=plan,
        confidence=max(0.05, round(confidence, 3)),
        unknown=tuple(unknown),
        assumed=tuple(words.assumed),
    )
