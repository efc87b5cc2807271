"""What happened in ``neonblue demo --loop``: moments in order, and what they add up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Who = Literal["platform", "loop", "person"]
ROLL_OUT_STEPS = (0.25, 0.5, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened, seconds after the beginning; ``number`` is the experiment's."""

    seconds: float
    who: Who
    act: str
    number: int = 0
    text: str = ""


@dataclass(kw_only=True)
class Story:
    """The moments of a run; experiments are numbered in the order in which they were proposed.

    ``heard`` is what the platform heard of each experiment last, ``visitors`` how many came.
    ``truth`` is told at the end: lifts, relative fractions.
    """

    moments: list[Moment] = field(default_factory=list)
    experiments: list[str] = field(default_factory=list)
    changes: dict[int, str] = field(default_factory=dict)
    agreed: set[str] = field(default_factory=set)
    heard: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    visitors: int = 0
    asked: int = 0
    truth: Mapping[str, float] = field(default_factory=dict)

    def number(self, experiment_id: str) -> int:
        """The number of an experiment, from 1 on."""
        if experiment_id not in self.experiments:
            self.experiments.append(experiment_id)
        return self.experiments.index(experiment_id) + 1

    def ended(self, experiment_id: str) -> bool:
        """Whether nothing more will happen to it: rolled back, or everybody has the winner."""
        found = self.heard.get(experiment_id, {})
        everybody = found.get("status") == "rolled_out" and found.get("fraction") == 1.0
        return everybody or found.get("status") == "rolled_back"

    def over(self, count: int) -> bool:
        """Whether so many experiments were agreed to and all of them have ended."""
        return len(self.agreed) >= count and all(map(self.ended, self.agreed))
