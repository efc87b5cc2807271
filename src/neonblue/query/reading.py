"""What a question was read as: a plan and how sure it is, or what nothing explains."""

from __future__ import annotations

from dataclasses import dataclass

from neonblue.query import lexicon
from neonblue.query.plan import Plan
from neonblue.query.question_words import Words

ANSWERED = 0.6
BASE = 0.86
"""The share of answers that were right at first sight, over three sets in new voices."""
UNKNOWN_COST = 0.5
GUESS_COST = 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A plan with how sure it is, the words that nothing explains, and other plans that fit.

    ``missing`` says in words what the question would have to say besides.
    """

    plan: Plan | None
    confidence: float
    unknown: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    others: tuple[Plan, ...] = ()
    missing: str = ""

    @property
    def answers(self) -> bool:
        """Whether it is sure enough to be run."""
        return self.plan is not None and self.confidence >= ANSWERED and not self.others


def content(words: Words) -> list[str]:
    """The words left that mean something."""
    return [word for word in words.left if word not in lexicon.FILLERS and word]


def unread(words: Words, missing: str = "") -> Reading:
    """No plan."""
    return Reading(plan=None, confidence=0.1, unknown=tuple(content(words)), missing=missing)


def sure(plan: Plan, words: Words) -> Reading:
    """A plan, less sure by each word that nothing explains and each assumption."""
    unknown = content(words)
    confidence = BASE - UNKNOWN_COST * len(unknown) - GUESS_COST * len(words.assumed)
    return Reading(
        plan=plan,
        confidence=max(0.05, round(confidence, 3)),
        unknown=tuple(unknown),
        assumed=tuple(words.assumed),
    )


def choose(plans: tuple[Plan, ...], words: Words, confidence: float) -> Reading:
    """Several plans to choose from."""
    return Reading(plan=None, confidence=confidence, others=plans, unknown=tuple(content(words)))
