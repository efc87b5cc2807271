"""A question as a plan: what both the rules and a language model fill in, and all that is run."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal[
    "measure", "funnel", "experiments", "outcomes", "validity", "effect", "similar", "recommend"
]
Measure = Literal["count", "users", "sum", "average", "rate", "per_user"]
Grain = Literal["hour", "day", "week", "month"]
Standing = Literal["", "running", "finished", "started", "ended", "won", "lost"]


class PropertyFilter(BaseModel):
    """Only users whose first value of a property is this."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: str


class Plan(BaseModel):
    """One question. Times are UTC and half-open: ``since`` inclusive, ``until`` exclusive.

    ``measure`` is of ``event_type``; ``rate`` and ``per_user`` are shares and means over users
    with an ``of_event``. ``breakdown`` is ``experiment``, ``event_type`` or a property.
    ``compare`` adds the period of the same length before. ``at_least`` is a relative lift.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    measure: Measure = "count"
    event_type: str = ""
    of_event: str = ""
    steps: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    filters: tuple[PropertyFilter, ...] = ()
    breakdown: str = ""
    grain: Grain | None = None
    since: datetime | None = None
    until: datetime | None = None
    compare: bool = False
    standing: Standing = ""
    topic: str = ""
    at_least: float | None = None
    counted: bool = False
    ascending: bool = False
    limit: int = Field(50, ge=1, le=500)
