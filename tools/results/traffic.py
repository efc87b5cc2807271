"""The answer of ``allocate_traffic``."""

from typing import Any, Literal

from pydantic import Field

from neonblue.tools.results.figure import Answer, Fenced, Figure


class ProposedCall(Answer):
    """A tool and the arguments to call it with."""

    tool: str
    arguments: dict[str, Any]


class ArmComparison(Answer):
    """A treatment against control, as the analysis reads it: it holds at every look."""

    variant: str
    n_control: int
    n_treatment: int
    absolute_difference: Figure
    ci_lower: Figure
    ci_upper: Figure
    p_value: Figure


class AllocationProposal(Answer):
    """What the next units should get; nothing was changed."""

    experiment_id: str
    summary: str
    standing: Literal["open", "alike", "winner", "harm", "invalid", "insufficient_data"]
    policy: Literal["fixed", "ramp", "top_two"]
    metric: str
    leader: str | None = Field(description="better than every other variant, by the sequences")
    batch: int = Field(description="times between changes of weights, from 1")
    floor: Figure
    current_weights: dict[str, Figure]
    proposed_weights: dict[str, Figure]
    chance_best: dict[str, Figure] = Field(description="a belief that shares follow, no test")
    expected_regret: dict[str, Figure] = Field(
        description="what a unit loses against the best variant: current, proposed, even split"
    )
    next_call: ProposedCall | None
    comparisons: list[ArmComparison]
    details: list[Fenced]
