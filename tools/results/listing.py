"""The answer of ``list_experiments``."""

from datetime import datetime

from neonblue.tools.results.figure import Answer, Fenced


class ExperimentRow(Answer):
    """One experiment in a list."""

    experiment_id: str
    name: Fenced
    status: str
    primary_metric: str | None
    variants: list[str]
    units: int
    planned_units: int | None
    started_at: datetime | None
    last_event_at: datetime | None


class ExperimentList(Answer):
    """A page of experiments, newest first."""

    total: int
    next_cursor: str | None
    hint: str
    experiments: list[ExperimentRow]
