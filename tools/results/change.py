"""The answers of ``create_experiment`` and ``change_experiment``."""

from typing import Literal

from neonblue.tools.results.figure import Answer, Fenced, Figure


class LaunchCheck(Answer):
    """One thing that was looked at before a start."""

    name: str
    status: str
    detail: str


class CreatedExperiment(Answer):
    """A draft that is stored; nothing runs yet."""

    experiment_id: str
    status: str
    plan_version: int
    state_version: int
    changed: bool
    checks: list[LaunchCheck]
    published: Literal["published", "pending", "off"]
    published_detail: str
    next_step: str


class ChangedExperiment(Answer):
    """What became of a request: done, or waiting for a person.

    ``changed`` is false when the same request had been carried out before, or waits.
    """

    experiment_id: str
    outcome: Literal["done", "pending_approval"]
    action: str
    status: str
    plan_version: int
    state_version: int
    changed: bool
    summary: str
    winner: str
    roll_out_fraction: Figure
    current_weights: dict[str, Figure]
    approval_id: str | None
    approval_command: str | None
    published: Literal["published", "pending", "off"]
    published_detail: str
    details: list[Fenced]
    next_step: str
