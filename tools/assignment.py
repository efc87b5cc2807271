"""Which variant a unit gets."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

from fastmcp.dependencies import Shared
from pydantic import Field

from neonblue.errors import ConflictError, InvalidInputError
from neonblue.models.reader import current_reader
from neonblue.tools.effect import records
from neonblue.tools.results.assignment import Assignments, UnitAssignment
from neonblue.tools.users import real_user
from neonblue.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from neonblue.optimization.assignment import Assignment

MAX_UNITS = 1_000


@records(title="Assign units to variants")
def assign_variant(
    experiment_id: str,
    unit_id: str | None = None,
    unit_ids: Annotated[list[str], Field(max_length=MAX_UNITS)] | None = None,
    properties: dict[str, Any] | None = None,
    record_exposure: bool = False,
    workspace: Workspace = Shared(open_workspace),
) -> Assignments:
    """Say which variant one or many units get in an experiment, the same answer every time.

    Deterministic: hash of experiment and unit, weights, targeting, holdout and layer; a unit that
    was exposed keeps its variant when weights change. Answers in the order of the units. Changes
    nothing unless record_exposure. Feature-flag clients ask the same over OFREP (serve --http).
    For results use analyze_experiment_performance.

    Args:
        experiment_id: See list_experiments.
        unit_id: One unit, e.g. "user-17", as in its events.
        unit_ids: Or up to 1,000 of them.
        properties: What targeting looks at, e.g. {"country": "DE"}; the same for all units.
        record_exposure: The units are shown their variant now: record it, once a unit.
    """
    units = _units(workspace, unit_id, unit_ids)
    context = properties or {}
    found = workspace.assigner.assign_many(experiment_id, units, [context] * len(units))
    recorded = _record(workspace, experiment_id, units, found, context) if record_exposure else 0
    return _answer(experiment_id, found, recorded)


def _units(workspace: Workspace, unit_id: str | None, unit_ids: list[str] | None) -> list[str]:
    if (unit_id is None) == (unit_ids is None):
        raise InvalidInputError("give either unit_id or unit_ids: whom to assign")
    asked = [unit_id] if unit_id is not None else unit_ids or []
    return [real_user(workspace, unit) for unit in asked]


def _record(
    workspace: Workspace,
    experiment_id: str,
    units: list[str],
    found: "list[Assignment]",
    context: dict[str, Any],
) -> int:
    if not current_reader().records:
        raise ConflictError(
            "this server is read-only (NEONBLUE_READ_ONLY), so it records no exposure: ask again "
            "without record_exposure, and send exposures as events"
        )
    log, experiment = workspace.exposure_log, workspace.assigner.get(experiment_id).experiment
    recorded = sum(
        log.record_assignment(experiment, unit, one, context)
        for unit, one in zip(units, found, strict=True)
    )
    log.flush()
    return recorded


def _answer(experiment_id: str, found: "list[Assignment]", recorded: int) -> Assignments:
    variants = [None if one.variant is None else one.variant for one in found]
    counts = Counter(variant.variant_id for variant in variants if variant is not None)
    return Assignments(
        experiment_id=experiment_id,
        summary=_summary(found, counts),
        units_by_variant=dict(sorted(counts.items())),
        exposures_recorded=recorded,
        assignments=[
            UnitAssignment(
                variant=None if variant is None else variant.variant_id,
                reason=one.reason,
                value=None if variant is None else variant.value,
            )
            for variant, one in zip(variants, found, strict=True)
        ],
    )


def _summary(found: "list[Assignment]", counts: Counter[str]) -> str:
    if len(found) == 1:
        one = found[0]
        if one.variant is None:
            return f"the unit takes no part: {one.reason}"
        return f"the unit gets {one.variant.variant_id!r}: {one.reason}"
    outside = len(found) - counts.total()
    return f"{counts.total():,} of {len(found):,} units have a variant, {outside:,} take no part"


TOOLS = (assign_variant,)
