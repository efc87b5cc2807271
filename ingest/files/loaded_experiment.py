"""The definition of an experiment that comes from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from neonblue.errors import InvalidInputError
from neonblue.experiments.plans import check_change
from neonblue.ingest.files.columns.variant_names import alike
from neonblue.ingest.files.load_plan import LoadPlan
from neonblue.models import Experiment, MetricKind, Variant
from neonblue.models.lifecycle import FINISHED_STATUSES, with_unsaid
from neonblue.models.plan_rules import check_plan

# A column with more values than this is no variant.
MAX_VARIANTS = 50


def loaded_experiment(
    plan: LoadPlan,
    *,
    variants: Sequence[str],
    kinds: Mapping[str, MetricKind],
    timed: bool,
    first_at: datetime | None,
    last_at: datetime | None,
    current: Experiment | None,
    read: bool = True,
) -> Experiment:
    """The definition to store, together with what is known of the experiment already.

    A file without times says nothing of when and how long the experiment ran: it has no start and
    no end, and no duration is asked of it. An end that was declared stands until another load
    declares one, so that what a later file adds came after it. Raises when the variants or the plan
    cannot be right, or when a running experiment would change; ``read`` says that somebody
    may have read its results.
    """
    proposed = Experiment(
        experiment_id=plan.experiment_id,
        variants=_variants(plan, variants),
        metrics=plan.definitions(kinds),
        status=plan.status_at_load,
        name=plan.name,
        description=plan.description,
        hypothesis=plan.hypothesis,
        alpha=plan.alpha,
        planned_sample_size=plan.planned_sample_size,
        minimum_duration_days=7.0 if timed else 0.0,
        segments=plan.segments,
        source="aggregated" if plan.aggregated else "events",
        started_at=first_at if timed else None,
        ended_at=(last_at if timed else None) if plan.ended else _declared_before(current),
    )
    check_plan(proposed)
    if current is None:
        return proposed
    proposed = with_unsaid(current, proposed, "load")
    check_change(current, proposed, "load", read=read)
    return proposed if plan.replace else _merged(current, proposed, plan_ended=plan.ended)


def _declared_before(current: Experiment | None) -> datetime | None:
    ended = current is not None and current.status in FINISHED_STATUSES
    return current.ended_at if current is not None and ended else None


def _variants(plan: LoadPlan, found: Sequence[str]) -> tuple[Variant, ...]:
    """Control first, then by name, with the weights that were given."""
    names = ", ".join(map(repr, found[:20])) or "none"
    if not found:
        raise InvalidInputError(
            "no row says which variant a unit is in: name the column with --variant. "
            "Nothing was loaded"
        )
    if len(found) > MAX_VARIANTS:
        raise InvalidInputError(
            f"--variant {plan.variant!r} has over {MAX_VARIANTS} values ({names} …): it is "
            "probably another column. Nothing was loaded"
        )
    if (pair := alike(found)) is not None:
        one, other, difference = pair
        shown = ascii if "script" in difference else repr
        raise InvalidInputError(
            f"the variants {shown(one)} and {shown(other)} differ in {difference} alone: write one "
            f"of them in all rows, or leave one out with --exclude. Nothing was loaded"
        )
    if plan.control not in found:
        raise InvalidInputError(
            f"--control {plan.control!r} is in no row: the variants are {names}. Nothing was loaded"
        )
    if len(found) == 1:
        raise InvalidInputError(
            f"there is only one variant, {names}: an experiment needs two, so check --variant and "
            "--exclude. Nothing was loaded"
        )
    weights = _weights(plan, found)
    return tuple(
        Variant(variant_id=name, weight=weights.get(name, 1.0), is_control=name == plan.control)
        for name in sorted(found, key=lambda name: (name != plan.control, name))
    )


def _weights(plan: LoadPlan, found: Sequence[str]) -> dict[str, float]:
    weights = dict(plan.weights)
    if unknown := sorted(set(weights) - set(found)):
        raise InvalidInputError(
            f"--weight {unknown[0]!r} is no variant: they are {', '.join(map(repr, found))}"
        )
    if negative := [name for name, weight in weights.items() if not 0 <= weight < float("inf")]:
        raise InvalidInputError(
            f"--weight {negative[0]}={weights[negative[0]]!r} is no share: give 0 or more"
        )
    return weights


def _merged(current: Experiment, proposed: Experiment, *, plan_ended: bool) -> Experiment:
    """More data of one experiment: it began with the first and ended with the last of it."""
    starts = [at for at in (current.started_at, proposed.started_at) if at is not None]
    ends = [at for at in (current.ended_at, proposed.ended_at) if at is not None]
    return replace(
        proposed,
        started_at=min(starts, default=None),
        ended_at=max(ends, default=None) if plan_ended and proposed.ended_at else proposed.ended_at,
        name=proposed.name or current.name,
        description=proposed.description or current.description,
        hypothesis=proposed.hypothesis or current.hypothesis,
    )
