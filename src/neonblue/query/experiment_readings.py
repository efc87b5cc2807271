"""Plans of questions about experiments: which is meant, what kind is asked, on which topic."""

from __future__ import annotations

import re
from typing import Any

from neonblue.query import lexicon
from neonblue.query.measure_words import events_in
from neonblue.query.plan import Plan
from neonblue.query.question_words import DONE, Words
from neonblue.query.reading import Reading, content, sure
from neonblue.query.sql_functions import words as listed
from neonblue.query.time_range import NUMBERS
from neonblue.query.vocabulary import Vocabulary, joined, stem, topic_words

JUDGED = lexicon.STANDINGS["won"] | lexicon.STANDINGS["lost"] | lexicon.LIFT | lexicon.EFFECT
ALIKE = 4
LIKE_OURS = r"\b(?:similar to|like|alike|akin to|comparable (?:to|with)) (?:our|my|the|this|that)\b"
OF_OURS = r"\b(?:our|my|the|this) (?:[\w-]+ ){1,4}(?:experiment|test|trial)s?\b"
ABOUT = r"\b(?:about|on|from|regarding|around|with|of|in)\b"
JOINING = frozenset({"and", "or", "vs", "versus", "against", "than", "compared", "both"})
LEARNING = (
    r"\b(?:taught|teach(?:es)?|takeaways?|learn\w*|lessons?|insights?|findings)\b"
    r"|\b(?:do )?we know\b"
)
MONEY = listed("revenue turnover sales income earnings money")


def experiments_in(words: Words, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Experiments named by id, by most words of their names, or by a word of one name alone."""
    found = _by_name(words, vocabulary)
    listing = JOINING.intersection(words.left)
    if (found and not listing) or not words.has(lexicon.EXPERIMENT_WORDS | JUDGED):
        return found
    if found:
        others = _by_words(words, vocabulary) or _by_own_word(words, vocabulary)
        return tuple(dict.fromkeys((*found, *others)))
    return _by_words(words, vocabulary) or _by_own_word(words, vocabulary)


def _by_name(words: Words, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Those whose id or name stands there whole, however it is joined."""
    found = []
    for start, length, phrase in words.phrases():
        name = vocabulary.joined.get(joined(phrase))
        if name is not None and words.left[start : start + length] == phrase.split(" "):
            found.append(name)
            words.left[start : start + length] = [DONE] * length
    words.remove(())
    return tuple(sorted(found))


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


def _by_own_word(words: Words, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The one experiment whose name has a word that no other's has and that means nothing else."""
    other = {*vocabulary.events, *vocabulary.properties, *vocabulary.values}
    other = {stem(word) for word in other | lexicon.every_word() | set(NUMBERS)}
    found: list[str] = []
    for word in words.left:
        if stem(word) in other or len(word) < 4:
            continue
        having = [name for name, of in vocabulary.experiments.items() if stem(word) in of]
        if len(having) == 1 and having[0] not in found:
            found.append(having[0])
    if not found or (len(found) > 1 and not JOINING.intersection(words.left)):
        return ()
    for name in found:
        of = vocabulary.texts[name]
        words.left = [
            word for word in words.left if stem(word) in _judging() or not _told(word, of)
        ]
        words.assumed.append(f"the experiment is {name}")
    return tuple(found)


def _told(word: str, of: frozenset[str]) -> bool:
    """Whether a text has the word, or one that begins alike, as darken and darker."""
    return topic_words(word) <= of or any(
        len(known) >= ALIKE and word[:ALIKE] == known[:ALIKE] for known in of
    )


def _judging() -> frozenset[str]:
    return frozenset(stem(word) for word in JUDGED)


def kind_of(text: str, words: Words, experiments: tuple[str, ...], vocabulary: Vocabulary) -> str:
    """The kind of question, as far as no phrase has decided it."""
    about = words.has(lexicon.EXPERIMENT_WORDS) or bool(experiments)
    if words.has(lexicon.RECOMMEND) or _asks_what_next(words):
        return "recommend"
    if words.has(lexicon.SIMILAR) or (about and re.search(LIKE_OURS, text)):
        return "similar"
    if words.has(lexicon.SEGMENTS) and words.has(_responding()) and about:
        return "segments"
    if re.search(LEARNING, text) and (re.search(ABOUT, text) or about):
        return "learnt"
    if words.has(listed("funnel dropoff drop-off abandon abandoned")):
        return "funnel"
    if not about:
        standing = any(words.has(lexicon.STANDINGS[one]) for one in ("ended", "started", "running"))
        measured = any(words.has(group) for group in lexicon.MEASURES.values())
        bare = standing and not measured and not _names_event(words, vocabulary)
        return "experiments" if bare and not words.has(lexicon.EVENTS_IN_GENERAL) else "measure"
    judged = lexicon.STANDINGS["won"] | lexicon.STANDINGS["lost"] | lexicon.LIFT
    if _names_event(words, vocabulary) and not words.has(lexicon.LIFT | judged):
        return "measure"
    if words.has(lexicon.VALIDITY):
        return "validity"
    if words.has(judged):
        return "effect" if experiments else "outcomes"
    if experiments:
        measured = any(words.has(group) for group in lexicon.MEASURES.values())
        return "measure" if measured else "effect"
    return "experiments" if _only_of_experiments(words) else "measure"


def _asks_what_next(words: Words) -> bool:
    acts = listed("try run test tests experiment experiments do")
    return "next" in words.left and words.has(acts) and words.has(listed("should could what"))


def _responding() -> frozenset[str]:
    return lexicon.RESPONDED | lexicon.STANDINGS["won"] | lexicon.LIFT


def _names_event(words: Words, vocabulary: Vocabulary) -> bool:
    return any(phrase in vocabulary.events for _, _, phrase in words.phrases())


def _only_of_experiments(words: Words) -> bool:
    other = frozenset().union(*(lexicon.MEASURES[name] for name in ("users", "sum", "rate")))
    return not words.has(other | lexicon.EVENTS_IN_GENERAL)


def experiment_reading(
    kind: str, text: str, words: Words, vocabulary: Vocabulary, values: dict[str, Any]
) -> Reading:
    """The plan of a question about experiments."""
    counted = words.has(frozenset({"many", "number", "count"}))
    if kind in ("learnt", "segments"):
        words.take(lexicon.STANDINGS["finished"])
    standing = _standing(words, kind)
    if kind == "experiments" and not standing and words.has(lexicon.NOWADAYS):
        standing = "running"
    ascending = words.has(lexicon.LOWEST)
    words.take(lexicon.HIGHEST | lexicon.LOWEST | lexicon.EXPERIMENT_WORDS)
    words.take(lexicon.MEASURES["count"] | lexicon.LIFT)
    if kind == "validity":
        words.take(lexicon.VALIDITY | listed("why reason reasons sample ratio ratios any"))
    if kind == "effect":
        words.take(lexicon.EFFECT | lexicon.STANDINGS["won"] | lexicon.STANDINGS["lost"])
        words.take(lexicon.MEASURES["users"])
    if kind == "outcomes":
        words.take(lexicon.STANDINGS["finished"])
        events_in(words, vocabulary)
    values["metric"] = _metric(kind, words)
    plan = Plan(
        kind=kind,  # type: ignore[arg-type]
        standing=standing,
        topic=_topic(kind, text, words, vocabulary),
        counted=counted,
        ascending=ascending,
        **values,
    )
    return sure(plan, words)


def _metric(kind: str, words: Words) -> str:
    """Which metric a condition on similar experiments is on; '' is the primary one."""
    if kind != "similar":
        return ""
    money = words.take(MONEY)
    words.take(lexicon.MEASURES["rate"])
    return "revenue" if money else ""


def _topic(kind: str, text: str, words: Words, vocabulary: Vocabulary) -> str:
    """What experiments have to be about; words that none of them has stay unexplained."""
    if kind not in ("similar", "recommend", "learnt", "segments"):
        return ""
    words.take(lexicon.SIMILAR | lexicon.RECOMMEND)
    if kind == "segments":
        words.take(lexicon.SEGMENTS | _responding() | lexicon.MEASURES["users"])
    if kind == "learnt":
        words.take(lexicon.LEARNT | lexicon.STANDINGS["finished"])
    words.take(lexicon.GENERIC)
    said = content(words)
    named = re.search(OF_OURS if kind == "recommend" else LIKE_OURS, text)
    if kind == "recommend" and named is None:
        words.left = []
        return " ".join(said)
    known = vocabulary.told if kind == "learnt" else vocabulary.titled
    topic = [word for word in said if known(word)]
    if kind == "similar" and named is None and not topic:
        topic = said
    words.left = [word for word in said if word not in topic]
    return " ".join(topic)


def _standing(words: Words, kind: str) -> Any:
    if kind in ("learnt", "segments"):
        return ""
    order = ("won", "lost") if kind in ("outcomes", "similar") else ("started", "ended", "running")
    for name in (*order, "finished"):
        if words.has(lexicon.STANDINGS[name]):
            words.take(lexicon.STANDINGS[name])
            return name
    return ""
