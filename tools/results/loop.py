"""The answers of run_optimization_cycle and simulate_policy."""

from typing import Literal

from pydantic import Field

from neonblue.tools.results.figure import Answer, Figure


class CycleStep(Answer):
    """One act on one experiment: done, or what keeps it from being done."""

    experiment_id: str
    act: str
    outcome: Literal["done", "waiting", "refused", "shadow", "failed"]
    detail: str
    command: str | None = Field(description="what a person runs to agree")


class Cycle(Answer):
    """What one step of the loop did, and what it watches."""

    goal_id: str
    status: Literal["acted", "waiting", "watching", "idle"]
    next_step: str
    steps: list[CycleStep]
    watching: list[CycleStep]
    winner_share: Figure = Field(description="share of ideas that win, learnt from the past")
    ship_level: Figure = Field(description="one-sided p that a winner has to reach")
    learnt_from: int


class PolicyTrial(Answer):
    """How one rule did; shares are fractions, regret and harmed units are an experiment's mean."""

    rule: Literal["loop", "naive_peeking", "one_look"]
    experiments: int
    ships: int
    false_ships: int
    false_ship_share: Figure | None
    winners: int
    found: int
    missed_winner_share: Figure | None
    regret: Figure = Field(description="conversions lost against the better variant all along")
    harmed_units: Figure
    days: Figure
    healed: int
    final_level: Figure | None


class PolicyTrials(Answer):
    """The loop's rules and two others in the same world."""

    world: str
    trials: list[PolicyTrial]
