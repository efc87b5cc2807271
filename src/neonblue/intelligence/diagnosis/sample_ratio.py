"""Ranked causes of a sample ratio mismatch, told apart by the side at fault.

Assignment draws the variant; capture records that the unit met it. Where assignments were
recorded too, their counts say which side is at fault; otherwise the property does: what belongs to
the client (browser, device, SDK) points to capture, what belongs to the person to targeting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neonblue.intelligence.diagnosis.finding import Finding, Side
from neonblue.intelligence.diagnosis.imbalance import (
    FITS_PLAN_P,
    SUSPECT_P,
    CountTable,
    Localised,
    localise,
    localise_days,
    plan_p_value,
)
from neonblue.models.written_text import fenced
from neonblue.stores import shown_queries

LONGEST_VALUE = 60
CLIENT_PROPERTIES = frozenset(
    {
        *("app_version", "browser", "browser_version", "client", "device", "device_type"),
        *("operating_system", "os", "os_version", "platform", "sdk", "sdk_version"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Units by variant in the order of the plan: in all, by property, by day, and as assigned.

    ``shares`` are the planned ones and sum to 1. ``assigned`` is None where assignments are not
    recorded apart from exposures.
    """

    experiment_id: str
    variants: tuple[str, ...]
    shares: NDArray[np.float64]
    exposed: NDArray[np.float64]
    by_property: Sequence[CountTable]
    by_day: CountTable
    assigned: NDArray[np.float64] | None = None


def mismatch_causes(allocation: Allocation) -> tuple[Finding, ...]:
    """Causes of a mismatch, most convincing first; one without a place when none stands out."""
    causes = [_finding(allocation, found) for found in _localised(allocation)]
    if not causes:
        return (_everywhere(allocation),)
    return tuple(causes)


def drift(allocation: Allocation) -> Finding | None:
    """Days on which the split differs from the other days', whether or not the total fits."""
    found = localise_days(allocation.by_day, allocation.shares)
    return _finding(allocation, found) if found else None


def uneven_segments(allocation: Allocation) -> tuple[Localised, ...]:
    """Properties with values whose split is not the others', whether or not the total fits."""
    found = (localise(table, allocation.shares) for table in allocation.by_property)
    return tuple(sorted((f for f in found if f), key=lambda f: f.log_p))


def uneven(allocation: Allocation) -> tuple[Finding, ...]:
    """The same as findings: splits that cancel each other out in the total."""
    return tuple(_finding(allocation, found) for found in uneven_segments(allocation))


def _localised(allocation: Allocation) -> list[Localised]:
    tables: Iterable[CountTable] = allocation.by_property
    found = [localise(table, allocation.shares) for table in tables]
    found.append(localise_days(allocation.by_day, allocation.shares))
    # What explains the whole mismatch goes before what is merely tied to it.
    return sorted((f for f in found if f), key=lambda f: (not f.explains_all, f.log_p))


def _finding(allocation: Allocation, found: Localised) -> Finding:
    by_day = found.dimension == allocation.by_day.dimension
    side = _side(allocation, found)
    query = (
        shown_queries.units_by_day(allocation.experiment_id)
        if by_day
        else shown_queries.units_by_property(allocation.experiment_id, found.dimension)
    )
    return Finding(
        code="mismatch_on_days" if by_day else "mismatch_in_segment",
        severity="critical",
        side=side,
        headline=_headline(allocation, found, by_day),
        fix=_fix(found, side, by_day, _short_variant(allocation, found)),
        log_p=found.log_p,
        evidence=_evidence(allocation, found),
        query=query,
    )


def _evidence(allocation: Allocation, found: Localised) -> dict[str, float | int | str | list[str]]:
    position = most_off(allocation, found)
    return {
        "dimension": found.dimension,
        "values": list(found.values),
        "units": found.units,
        "variant": allocation.variants[position],
        "planned_share": float(allocation.shares[position]),
        "share_there": found.shares_inside[position],
        "share_elsewhere": found.shares_rest[position],
        "srm_p_value_there": found.p_inside,
        "srm_p_value_elsewhere": found.p_rest,
        "explains_the_whole_mismatch": "yes" if found.explains_all else "no",
    }


def most_off(allocation: Allocation, found: Localised) -> int:
    """The place of the variant that has least of its planned share there."""
    return int(np.argmin(np.array(found.shares_inside) - allocation.shares))


def _short_variant(allocation: Allocation, found: Localised) -> str:
    return allocation.variants[most_off(allocation, found)]


def _headline(allocation: Allocation, found: Localised, by_day: bool) -> str:
    position = most_off(allocation, found)
    where = _days(found) if by_day else f"where {found.dimension} is {_listed(found.values)}"
    return (
        f"{allocation.variants[position]} has {found.shares_inside[position]:.1%} of the units "
        f"{where} instead of {allocation.shares[position]:.1%}; "
        f"elsewhere it has {found.shares_rest[position]:.1%}"
    )


def _days(found: Localised) -> str:
    if len(found.values) == 1:
        return f"on {found.values[0]}"
    return f"from {found.values[0]} to {found.values[-1]}"


def _listed(values: Sequence[str]) -> str:
    """Values come from clients' own properties: they are data, whatever they say."""
    return " or ".join(fenced(value[:LONGEST_VALUE]) or "missing" for value in values)


def _side(allocation: Allocation, found: Localised) -> Side:
    if allocation.assigned is not None:
        fits = plan_p_value(allocation.assigned, allocation.shares) > FITS_PLAN_P
        return "capture" if fits else "assignment"
    if found.dimension in CLIENT_PROPERTIES:
        return "capture"
    return "assignment"


def _fix(found: Localised, side: Side, by_day: bool, variant: str) -> str:
    if by_day:
        return (
            "look up what changed on those days: weights, targeting, a ramp-up or an outage of "
            f"logging for {variant!r}. Then start a new version of the experiment; days with "
            "different weights may only be combined stratified by day"
        )
    where = f"{found.dimension} {_listed(found.values)}"
    if side == "capture":
        return (
            f"{variant!r} loses units on {where} before or while its exposure is recorded: look "
            "for a crash, a redirect, a blocked script or an exposure call that comes too late "
            "there. Mend it and start again with new units; leaving those units out afterwards "
            "is safe only if the property was known before assignment"
        )
    return (
        f"units with {where} are not assigned by the plan: check targeting rules, overlapping "
        "experiments and the assignment's hash for them. Mend it and start again with new units"
    )


def _everywhere(allocation: Allocation) -> Finding:
    shares = allocation.exposed / max(1.0, allocation.exposed.sum())
    split = ", ".join(f"{v} {s:.1%}" for v, s in zip(allocation.variants, shares, strict=True))
    plan = ", ".join(
        f"{v} {s:.1%}" for v, s in zip(allocation.variants, allocation.shares, strict=True)
    )
    side, fix = _global_cause(allocation)
    p_value = plan_p_value(allocation.exposed, allocation.shares)
    return Finding(
        code="mismatch_everywhere",
        severity="critical",
        side=side,
        headline=f"the split is {split} instead of {plan}, alike in every segment and on every day",
        fix=fix,
        log_p=float(np.log(max(p_value, 1e-300))),
        evidence={"srm_p_value": p_value, "units": int(allocation.exposed.sum())},
        query=shown_queries.units_by_variant(allocation.experiment_id),
    )


def _global_cause(allocation: Allocation) -> tuple[Side, str]:
    if allocation.assigned is None:
        return "undetermined", (
            "compare the weights in the assignment code with the plan first; if they agree, one "
            "variant loses units everywhere: look at its exposure call, redirects and bot filters. "
            "Recording an `assignment` event beside the exposure would tell the two apart"
        )
    if plan_p_value(allocation.assigned, allocation.shares) < SUSPECT_P:
        return "assignment", (
            "the assignments themselves are off the plan: correct the weights or the hash in the "
            "assignment code, or the planned weights if the split was meant, as a new version"
        )
    return "capture", (
        "assignments fit the plan and exposures do not: one variant loses units between the two. "
        "Look at its exposure call, its redirects and load time, and at bot filters"
    )
