"""What kind of change an experiment tested, from its plan or its words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from neonblue.intelligence.recollection.category_table import BY_NAME, CATEGORIES, Effort
from neonblue.models import Experiment

OTHER = "other"
# Before the category of what is taken away.
REMOVAL = "removal_of_"
# What a plan calls its type and says nothing of what changes.
NO_KIND = frozenset(
    [
        *("a/b", "ab", "a/a", "abn", "mvt", "multivariate", "split_test", "split", "ab_test"),
        *("a/b_test", "abtest", "experiment", "test", "feature", "feature_flag", "flag", "bandit"),
        *("holdout", "switchback", "default", "standard", "unknown", "other", "none", "n/a"),
    ]
)
# A word of what is changed outweighs any number of hints at how.
# "Reviews next to the price" are reviews: a word that says where counts half.
WORD, PLACE, HINT = 4.0, 2.0, 1.0
WHERE = re.compile(
    r"\b(?:next to|beside|on|in|at|above|below|under|near|within|from|during|before|after|between"
    r"|without|until|instead of|in place of|rather than)"
    r"\s+(?:[\w-]+\s+){0,3}$",
    re.IGNORECASE,
)
# What the treatment does and what the experiment is called say most; the control says where.
CHANGED, CALLED, TOLD, WAS = 2.0, 2.0, 1.0, 0.5
Matcher = tuple[str, re.Pattern[str], re.Pattern[str] | None]
MATCHERS: tuple[Matcher, ...] = tuple(
    (
        one.name,
        re.compile(rf"\b(?:{one.words})\b", re.IGNORECASE),
        re.compile(rf"\b(?:{one.hints})\b", re.IGNORECASE) if one.hints else None,
    )
    for one in CATEGORIES
)


def category_of(experiment: Experiment) -> str:
    """The plan's own type, else the category that most of its words speak for, else ``other``."""
    own = experiment.experiment_type.strip().lower().replace(" ", "_").replace("-", "_")
    if own and own not in NO_KIND:
        return own
    treatments = " ".join(f"{v.name} {v.description}" for v in experiment.treatments)
    control = f"{experiment.control.name} {experiment.control.description}"
    called = f"{experiment.experiment_id.replace('_', ' ').replace('-', ' ')} {experiment.name}"
    return _most(
        (
            (CHANGED, treatments),
            (CALLED, called),
            (TOLD, f"{experiment.description} {experiment.hypothesis}"),
            (WAS, control),
        )
    )


def category_of_text(text: str) -> str:
    """The category that most words of a text speak for; the earlier one where two tie."""
    return _most(((1.0, text),))


def effort_of(kind: str) -> Effort:
    """How much work a kind of change usually is; ``medium`` for kinds that we do not know."""
    if kind.startswith(REMOVAL):
        return "low"
    known = BY_NAME.get(kind)
    return known.effort if known is not None else "medium"


def _most(told: Iterable[tuple[float, str]]) -> str:
    texts = [(weight, text) for weight, text in told if text.strip()]
    scores = {
        name: sum(weight * _score(text, words, hints) for weight, text in texts)
        for name, words, hints in MATCHERS
    }
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] else OTHER


def _score(text: str, words: re.Pattern[str], hints: re.Pattern[str] | None) -> float:
    """Each different word once: what is said twice is not more true."""
    found: dict[str, float] = {}
    for one in words.finditer(text):
        place = WHERE.search(text[: one.start()]) is not None
        found[one[0].lower()] = max(found.get(one[0].lower(), 0.0), PLACE if place else WORD)
    hinted = {one.lower() for one in hints.findall(text)} if hints else set()
    return sum(found.values()) + HINT * len(hinted - set(found))
