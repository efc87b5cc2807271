"""What to test next, and what to change in a test."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastmcp.dependencies import Shared
from fastmcp.tools import ToolResult
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from neonblue.tools.effect import records
from neonblue.tools.schema import short_schema
from neonblue.workspace import Workspace, open_workspace

Positive = Annotated[float, Field(gt=0)]


class RecommendationConstraints(BaseModel):
    """What a recommendation must respect."""

    model_config = ConfigDict(extra="forbid")

    industry: str = ""
    exclude_types: list[str] = Field(default=[], description="e.g. ['pricing']")
    max_days: Positive | None = None
    max_units: int | None = Field(default=None, gt=0)
    max_effort: Literal["low", "medium", "high"] = "high"
    baseline: float | None = Field(default=None, gt=0, lt=1, description="control's rate")
    mde: Positive | None = None
    units_per_day: Positive | None = Field(default=None, description="default: observed traffic")


# Spelled out where it is used, for clients that do not follow references in a schema.
LIMITS = WithJsonSchema(short_schema(RecommendationConstraints))


@records(title="Recommend experiments")
def recommend_experiments(
    goal: Annotated[str, Field(min_length=1, max_length=1000)],
    constraints: Annotated[RecommendationConstraints, LIMITS] | None = None,
    limit: Annotated[int, Field(ge=1, le=10)] = 3,
    workspace: Workspace = Shared(open_workspace),
) -> ToolResult:
    """Recommend what to test next for a goal: ranked by fit x expected gain x odds / traffic.

    For one running test use recommend_experiment_optimization. Ideas
    come from pooled patterns, past winners, the weakest funnel step and confirmed segments; what
    was tried already is left out. nothing_fits where no idea is near the goal: detail says what to
    do. insufficient_data below three finished experiments.

    Args:
        goal: A sentence: what to improve, for whom, e.g. more trial sign-ups on mobile.
        constraints: Limits, e.g. {"max_days": 28, "baseline": 0.1}.
        limit: How many, 1 to 10.
    """
    from neonblue.intelligence.recommendation.constraints import Constraints
    from neonblue.intelligence.recommendation.next_tests import recommend_next
    from neonblue.tools.results.content import with_pictures
    from neonblue.tools.results.recommendation_answer import recommendations

    workspace.learner.catch_up()
    limits = constraints or RecommendationConstraints()
    given = limits.model_dump(exclude={"exclude_types"})
    found = recommend_next(
        workspace.store,
        workspace.memory,
        goal,
        Constraints(exclude_types=tuple(limits.exclude_types), **given),
        workspace.event_kinds(),
        limit=limit,
    )
    return with_pictures(recommendations(found))


@records(title="Recommend what to change in an experiment")
def recommend_experiment_optimization(
    experiment_id: str, workspace: Workspace = Shared(open_workspace)
) -> ToolResult:
    """Say what to do about an experiment now: steps in order, each with evidence and next call.

    Use it after analyze_experiment_performance, to repair, speed up, end or follow up a test.
    Weighs the verdict, the diagnosis, time left, confirmed segments, and what made similar
    experiments win or fail. Changes nothing; a look at a running experiment is recorded.

    Args:
        experiment_id: From list_experiments.
    """
    from neonblue.intelligence.recommendation.improvement import improve
    from neonblue.tools.results.content import with_pictures
    from neonblue.tools.results.recommendation_answer import optimization

    workspace.learner.catch_up()
    found = improve(workspace.store, workspace.memory, experiment_id, now=datetime.now(UTC))
    return with_pictures(optimization(found))


TOOLS = (recommend_experiments, recommend_experiment_optimization)
