"""Absolute limits that end the exposure of a variant at once, set when an experiment is created."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreaker:
    """A variant whose mean of ``metric`` is ``above`` or ``below`` the ``limit`` breaks it.

    The limit is absolute, in the metric's own units, and is read once a variant has
    ``minimum_units``. It is no test: it is for what must not happen, whatever the control does.
    """

    metric: str
    limit: float
    side: Literal["above", "below"]
    minimum_units: int = 500
