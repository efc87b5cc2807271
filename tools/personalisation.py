"""Which variant suits a user, and which segments are real."""

from datetime import UTC, datetime
from typing import Annotated

from fastmcp.dependencies import Shared
from fastmcp.tools import ToolResult
from pydantic import Field

from neonblue.errors import InvalidInputError
from neonblue.models import Experiment, MetricDefinition
from neonblue.tools.effect import records, writes
from neonblue.tools.users import pseudonym_of, real_user
from neonblue.workspace import Workspace, open_workspace


@records(title="Personalise an experiment")
def personalize_experiment_experience(
    user_id: str,
    experiment_id: str,
    metric: str | None = None,
    workspace: Workspace = Shared(open_workspace),
) -> ToolResult:
    """Choose the variant for one user, and say whether choosing one for each user pays at all.

    Learns from the experiment's randomised units only and judges the policy off-policy (doubly
    robust). `answer`: personalise; everybody (one variant is shown to be best for all);
    no_difference; not_known; or insufficient_data with the reason. `choosing`: pays,
    does_not_pay (a gain that matters would have been seen) or not_known. It ranks nothing on a
    low effective sample size, and waits while an experiment runs: its intervals hold for one look,
    at the planned units or after, which is recorded. The first call takes seconds, the next 15
    minutes are served from it.

    Args:
        user_id: As in the events, or a pseudonym; unknown users get the best single variant.
        experiment_id: From list_experiments.
        metric: A metric of the experiment; its primary one by default.
    """
    from neonblue.behavior.personalisation import choose, nothing_learnt
    from neonblue.intelligence.look_gate import pass_gate
    from neonblue.intelligence.validity_in_store import why_withheld
    from neonblue.tools.results.content import with_pictures
    from neonblue.tools.results.personalisation import personalisation_answer

    experiment = workspace.store.experiments.get(experiment_id)
    chosen = _metric(experiment, metric)
    user = real_user(workspace, user_id)
    pass_gate(workspace.store, experiment, "a policy learnt from it")
    why = why_withheld(workspace.store, experiment, now=datetime.now(UTC))
    policy = nothing_learnt(why, experiment, chosen)
    if not why:
        policy = workspace.policies.of(experiment, chosen)
    sign = 1.0 if chosen.direction == "increase" else -1.0
    properties = workspace.store.unit_rows.properties(experiment_id, user)
    choice = None
    if policy.models:
        names = [variant.variant_id for variant in experiment.variants]
        choice = choose(policy, properties, names, sign)
    name = pseudonym_of(workspace, user, known=properties is not None)
    return with_pictures(personalisation_answer(experiment_id, name, policy, choice, sign))


def _metric(experiment: Experiment, name: str | None) -> MetricDefinition:
    usable = [one for one in experiment.metrics if one.kind != "quantile"]
    if experiment.source != "events":
        raise InvalidInputError(
            f"{experiment.experiment_id!r} has uploaded aggregates only, which hold no single "
            "units: analyze_experiment_performance shows its totals"
        )
    for one in usable:
        if one.name == name or (name is None and one.role == "primary"):
            return one
    raise InvalidInputError(
        f"{experiment.experiment_id!r} has no metric {name!r} to personalise for: "
        f"use one of {[one.name for one in usable]!r}"
    )


@writes(title="Discover segments", idempotent=True)
def discover_segments(
    experiment_id: str | None = None,
    limit: Annotated[int, Field(ge=1, le=20)] = 5,
    workspace: Workspace = Shared(open_workspace),
) -> ToolResult:
    """Find segments whose effect differs from everybody else's, and confirm them honestly.

    Segments are chosen on one half of the units and measured on the other, with a false-discovery
    rate of 5 % over all tests together. Confirmed ones are written to the memory; those that this
    search confirms no more are marked there and named. Use it after an experiment to see for whom
    it works; it waits while one runs, where a single planned breakdown by
    analyze_experiment_performance is safe. Takes seconds to a minute.

    Args:
        experiment_id: From list_experiments; without it the last ten that do not run.
        limit: How many segments an experiment, 1 to 20.
    """
    from neonblue.intelligence.segment_discovery import discover_segments as discover
    from neonblue.intelligence.segment_memory import remember_segments
    from neonblue.tools.results.content import with_pictures
    from neonblue.tools.results.personalisation import segment_answer

    found = discover(workspace.store, experiment_id)
    remembered = remember_segments(workspace.memory, found, datetime.now(UTC))
    return with_pictures(segment_answer(found, remembered, limit))


TOOLS = (personalize_experiment_experience, discover_segments)
