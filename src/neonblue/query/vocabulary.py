"""What questions can name in this data, by the words that people use for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from neonblue.models import Experiment
from neonblue.query import lexicon
from neonblue.query.catalog import CatalogFacts

WORD = re.compile(r"@?[\w.%#&'-]*\w%?", re.UNICODE)
SEPARATORS = re.compile(r"[_\-.:/]+")
MIN_SHARED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Words to event types, to properties and to their values; experiments with their words."""

    events: Mapping[str, str]
    exposure: str
    valued: tuple[str, ...]
    converting: tuple[str, ...]
    properties: Mapping[str, str]
    values: Mapping[str, tuple[str, str]]
    numbers: Mapping[str, frozenset[str]]
    codes: tuple[str, ...]
    experiments: Mapping[str, frozenset[str]]
    joined: Mapping[str, str]
    texts: Mapping[str, frozenset[str]]
    parts: frozenset[str]

    def event(self, word: str) -> str:
        """The event type that a word names; '' where it names none."""
        return self.events.get(word, "")

    def names_data(self, text: str) -> bool:
        """Whether a lower-case text has a name of the data or a word for a figure."""
        return any(self.names_word(word) for word in words_of(text))

    def names_word(self, word: str) -> bool:
        """Whether a word is, or is part of, a name of the data or asks for a figure."""
        return word in self.parts or stem(word) in self.parts

    def titled(self, word: str) -> bool:
        """Whether an experiment's name has the word."""
        return any(topic_words(word) <= of for of in self.experiments.values())

    def told(self, word: str) -> bool:
        """Whether an experiment's name, description or hypothesis has the word."""
        return any(topic_words(word) <= of for of in self.texts.values())


def words_of(text: str) -> list[str]:
    """Lower-case words of a text, hyphens and dots kept inside."""
    return [match.strip("'").removesuffix("'s") for match in WORD.findall(text.casefold())]


def stem(word: str) -> str:
    """A word without the endings that only grammar adds."""
    for ending in ("ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending) + ("y" if ending == "ies" else "")
    return word


def joined(text: str) -> str:
    """A name without what may stand between its words."""
    return SEPARATORS.sub("", text.casefold()).replace(" ", "")


def topic_words(text: str) -> frozenset[str]:
    """The stems of a text's words, parts of hyphenated ones and of names too."""
    said = words_of(f"{text} {SEPARATORS.sub(' ', text)}")
    return frozenset(stem(word) for word in said)


def vocabulary_of(catalog: CatalogFacts, experiments: Iterable[Experiment]) -> Vocabulary:
    """The vocabulary of what is there."""
    types = [one.name for one in catalog.event_types]
    plans = list(experiments)
    events, properties, values = _events(types, catalog), _properties(catalog), _values(catalog)
    return Vocabulary(
        events=events,
        exposure="exposure" if "exposure" in types else "",
        valued=tuple(one.name for one in catalog.event_types if one.with_value),
        converting=_converting(plans, types),
        properties=properties,
        values=values,
        numbers={one.name: frozenset(one.values) for one in catalog.properties if one.numeric},
        codes=tuple(
            value
            for one in catalog.properties
            for value in one.values
            if len(value) == 2 and value.isalpha() and value.isupper()
        ),
        experiments={plan.experiment_id: _experiment_words(plan) for plan in plans},
        texts={plan.experiment_id: _texts(plan) for plan in plans},
        joined={
            joined(said): plan.experiment_id
            for plan in plans
            for said in (plan.name or plan.experiment_id, plan.experiment_id)
        },
        parts=_parts(plans, events, properties, values),
    )


def _converting(plans: Iterable[Experiment], types: Sequence[str]) -> tuple[str, ...]:
    """The events whose share of users is the primary metric of experiments."""
    found = {
        metric.event_type
        for plan in plans
        for metric in plan.metrics
        if metric.role == "primary" and metric.kind == "proportion" and metric.event_type in types
    }
    return tuple(sorted(found))


def _parts(plans: Iterable[Experiment], *named: Iterable[str]) -> frozenset[str]:
    """Every word of names, of figures and of experiments, as it is and as its stem."""
    found = {word for names in named for name in names for word in words_of(name)}
    for plan in plans:
        found |= set(_experiment_words(plan))
    for group in (*lexicon.MEASURES.values(), lexicon.EXPERIMENT_WORDS, lexicon.EVENTS_IN_GENERAL):
        found |= group
    found |= lexicon.VALIDITY | lexicon.LEARNT | lexicon.SIMILAR | lexicon.RECOMMEND
    found -= lexicon.FILLERS
    return frozenset(found | {stem(word) for word in found})


def _events(types: Iterable[str], catalog: CatalogFacts) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in types:
        parts = SEPARATORS.split(name.casefold())
        for said in (name.casefold(), " ".join(parts)):
            found.setdefault(said, name)
            found.setdefault(f"{said}s", name)
        for key, spoken in lexicon.EVENT_WORDS.items():
            if any(stem(part) == stem(key) for part in parts):
                for word in spoken:
                    found.setdefault(word, name)
    for metric in catalog.metrics:
        if metric.definition.kind == "proportion":
            for said in (metric.name, *metric.synonyms):
                found.setdefault(said.casefold().replace("_", " "), metric.definition.event_type)
    return found


def _properties(catalog: CatalogFacts) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in catalog.properties:
        name = one.name.casefold()
        for said in (name, SEPARATORS.sub(" ", name)):
            found.setdefault(said, one.name)
        if name.endswith("_before"):
            counted = SEPARATORS.sub(" ", name.removesuffix("_before"))
            for said in ("earlier", "previous", "prior", "past"):
                found.setdefault(f"{said} {counted}", one.name)
        for key, spoken in lexicon.PROPERTY_WORDS.items():
            if key == name:
                for word in spoken:
                    found.setdefault(word, one.name)
    return found


def _values(catalog: CatalogFacts) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for one in catalog.properties:
        if one.numeric:
            continue
        for value in one.values:
            folded = value.casefold()
            said = folded if len(folded) > 2 or not folded.isalpha() else f"@{folded}"
            found.setdefault(said, (one.name, value))
            for place, code in lexicon.PLACES.items():
                if code == value:
                    found.setdefault(place, (one.name, value))
            for word in lexicon.VALUE_WORDS.get(folded, ()):
                found.setdefault(word, (one.name, value))
    return found


def _texts(plan: Experiment) -> frozenset[str]:
    return topic_words(f"{plan.experiment_id} {plan.name} {plan.description} {plan.hypothesis}")


def _experiment_words(plan: Experiment) -> frozenset[str]:
    text = f"{plan.name} {SEPARATORS.sub(' ', plan.experiment_id)}"
    kept = {stem(word) for word in words_of(SEPARATORS.sub(" ", text))}
    return frozenset(kept - {stem(word) for word in lexicon.FILLERS | lexicon.EXPERIMENT_WORDS})
