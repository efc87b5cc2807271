"""How the next units are shared among the variants of an experiment."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from fastmcp.dependencies import Shared

from neonblue.tools.effect import records
from neonblue.tools.results.traffic import AllocationProposal, ArmComparison, ProposedCall
from neonblue.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from neonblue.optimization.traffic_proposal import TrafficProposal


@records(title="Propose shares of traffic")
def allocate_traffic(
    experiment_id: str,
    policy: Literal["fixed", "ramp", "top_two"] | None = None,
    floor: float = 0.05,
    metric: str | None = None,
    workspace: Workspace = Shared(open_workspace),
) -> AllocationProposal:
    """Propose the weights of the next batch of units: fixed, a ramp, or top-two Thompson.

    Changes nothing: next_call does. Exposed units stay. Winner and equality come from the AIPW
    sequence. The look is recorded.

    Args:
        experiment_id: It runs.
        policy: Default top_two for three variants.
        floor: Least share, from 0.05.
        metric: Default the primary.
    """
    from neonblue.optimization.traffic_proposal import propose_traffic

    found = propose_traffic(
        workspace.store,
        experiment_id,
        now=datetime.now(UTC),
        policy=policy,
        floor=floor,
        metric=metric,
        actor="mcp",
    )
    return _answer(found)


def _answer(found: "TrafficProposal") -> AllocationProposal:
    return AllocationProposal(
        experiment_id=found.experiment_id,
        summary=_summary(found),
        standing=found.standing,
        policy=found.policy,
        metric=found.metric,
        leader=found.leader,
        batch=found.batch,
        floor=found.floor,
        current_weights=dict(found.current),
        proposed_weights=dict(found.shares),
        chance_best=dict(found.chances),
        expected_regret=dict(found.expected_regret),
        next_call=_call(found),
        comparisons=[ArmComparison.model_validate(one) for one in found.comparisons],
        details=list(found.notes),
    )


def _summary(found: "TrafficProposal") -> str:
    if not found.changes:
        return f"keep the weights: {found.reason}"
    shares = ", ".join(f"{name} {share:.1%}" for name, share in found.shares.items())
    return f"propose {shares}: {found.reason}"


def _call(found: "TrafficProposal") -> ProposedCall | None:
    """The call that makes the change; concluding comes first where something is decided."""
    named: dict[str, Any] = {
        "experiment_id": found.experiment_id,
        "expected_version": found.state_version,
    }
    if found.standing in ("winner", "alike"):
        return ProposedCall(tool="change_experiment", arguments={**named, "action": "conclude"})
    if found.standing == "harm":
        return ProposedCall(tool="change_experiment", arguments={**named, "action": "stop"})
    if found.standing == "invalid":
        arguments = {"experiment_id": found.experiment_id}
        return ProposedCall(tool="diagnose_experiment", arguments=arguments)
    if not found.changes:
        return None
    named |= {"action": "set_weights", "weights": dict(found.shares), "reason": found.reason}
    return ProposedCall(tool="change_experiment", arguments=named)


TOOLS = (allocate_traffic,)
