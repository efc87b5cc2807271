"""A question as a plan: what both the rules and a language model fill in, and all that is run."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from neonblue.stores.property_filters import PropertyIs

Kind = Literal[
    "measure",
    "funnel",
    "retention",
    "steps",
    "moved",
    "experiments",
    "outcomes",
    "learnt",
    "segments",
    "validity",
    "effect",
    "similar",
    "recommend",
]
Measure = Literal[
    "count",
    "users",
    "sum",
    "average",
    "median",
    "largest",
    "smallest",
    "rate",
    "per_user",
    "per_event",
    "without",
]
Grain = Literal["hour", "day", "week", "month"]
Standing = Literal["", "running", "finished", "started", "ended", "won", "lost"]


class PropertyFilter(BaseModel):
    """Only users whose first value of a property is this or one of others, or is none of them.

    Users who have no value of the property are neither.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: str
    or_values: tuple[str, ...] = ()
    excluded: bool = False

    def as_stored(self) -> PropertyIs:
        """The filter as queries take it."""
        return PropertyIs(
            name=self.name, values=(self.value, *self.or_values), excluded=self.excluded
        )


class ValueCondition(BaseModel):
    """Only events whose ``value`` is over, under, at least or at most a number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    compared: Literal["over", "under", "at_least", "at_most"]
    value: float = Field(allow_inf_nan=False)


class Plan(BaseModel):
    """One question. Times are UTC and half-open: ``since`` inclusive, ``until`` exclusive.

    ``measure`` is of ``event_type``; ``rate`` and ``per_user`` are shares and means over users
    with an ``of_event``, ``per_event`` is events for each ``of_event``, ``without`` are users with
    an ``of_event`` and no event. ``breakdown`` is ``experiment``, ``event_type`` or a property,
    ``then_by`` a second property. ``of_total`` makes shares of the figure over everything that
    ``filters`` and ``breakdown`` divide; ``each`` divides by the days (weeks, ...) of the time.
    ``ranked`` orders periods by their figure.
    ``compare`` adds the period of ``compare_since`` to ``compare_until``, by default that of the
    same length before. ``day`` is of a retention, ``step`` is what stands next to the events.
    ``moved`` is what changed in the measure, and in which slices. ``topic`` is words that
    experiments have to be about; ``at_least`` is a relative lift of ``metric``.
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
    then_by: str = ""
    values: tuple[ValueCondition, ...] = ()
    of_total: bool = False
    each: Literal["hour", "day", "week"] | None = None
    grain: Grain | None = None
    ranked: bool = False
    since: datetime | None = None
    until: datetime | None = None
    compare: bool = False
    compare_since: datetime | None = None
    compare_until: datetime | None = None
    day: int = Field(1, ge=1, le=365)
    step: Literal["next", "previous"] = "next"
    standing: Standing = ""
    topic: str = ""
    metric: str = ""
    at_least: float | None = None
    counted: bool = False
    ascending: bool = False
    limit: int = Field(50, ge=1, le=500)
