"""A candidate experiment and the evidence it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neonblue.intelligence.recollection.removal import category_within

Source = Literal["pattern", "winner", "funnel", "segment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A link: a document of the memory, or a figure of the data and the tool that shows it."""

    kind: Literal["experiment", "pattern", "segment", "data"]
    reference: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Idea:
    """``kind`` is a category or its removal; ``changes`` are texts for treatments.

    ``about`` says in words what is changed and what for, ``metric`` what it moved where it was
    tried: a goal is compared with both. ``evidence`` is what the idea was made from, nothing else.
    ``core`` is the change without what we say about it, by which copies are known.
    """

    source: Source
    kind: str
    industry: str
    hypothesis: str
    changes: tuple[str, ...]
    core: str
    about: str
    evidence: tuple[Evidence, ...]
    metric: str = ""
    segment: str = ""

    @property
    def category(self) -> str:
        """What is changed, whether added or taken away."""
        return category_within(self.kind)
