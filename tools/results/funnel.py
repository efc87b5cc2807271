"""The answer of analyze_funnel."""

from __future__ import annotations

from pydantic import Field

from neonblue.behavior.funnel import Funnel, differences
from neonblue.models.written_text import fenced
from neonblue.stores.funnels import FunnelScope
from neonblue.tools.results.behavior import ShareRow, share_row
from neonblue.tools.results.figure import Answer, Figure

EXPOSURE = "exposure"


class FunnelStepRow(Answer):
    """Users who reached a step; shares of the step before and of the first, with intervals."""

    event_type: str
    users: int
    of_previous: ShareRow
    of_first: ShareRow


class FunnelRow(Answer):
    """The funnel of one slice ('' is everybody, or those without the property)."""

    slice: str
    users: int
    largest_drop_before: str
    steps: list[FunnelStepRow]


class FunnelDifference(Answer):
    """A step's share of the first step in a variant less that in control; 95 % at one look."""

    variant: str
    event_type: str
    difference: Figure
    ci_lower: Figure
    ci_upper: Figure


class FunnelAnswer(Answer):
    """Funnels, the largest slice first; by variant with the differences at each step."""

    status: str
    detail: str
    window_seconds: int
    funnels: list[FunnelRow]
    differences: list[FunnelDifference] = Field(default_factory=list)


def _funnel_note(funnels: tuple[Funnel, ...], scope: FunnelScope) -> str:
    if not funnels:
        return "nobody took the first step: check the event types with get_user_journey"
    if scope.by and all(not funnel.slice for funnel in funnels):
        return f"no event of these steps has the property {scope.by!r}: this is everybody"
    if scope.by == "variant" and funnels[0].steps[0].event_type != EXPOSURE:
        return (
            f"differences are among users of {funnels[0].steps[0].event_type!r}, which variants "
            f"may change: begin with {EXPOSURE!r} for all exposed units"
        )
    return ""


def funnel_answer(
    funnels: tuple[Funnel, ...], scope: FunnelScope, *, withheld: str = "", control: str = ""
) -> FunnelAnswer:
    """Funnels as an answer; ``withheld`` says why they are not by variant.

    ``control`` is the variant that the others are compared with; '' compares nothing.
    """
    compared = differences(funnels, control) if control else ()
    return FunnelAnswer(
        status="ok" if funnels else "insufficient_data",
        detail=f"everybody is shown, not the variants: {withheld}"
        if withheld
        else _funnel_note(funnels, scope),
        window_seconds=scope.window_seconds,
        differences=[FunnelDifference.model_validate(one) for one in compared],
        funnels=[
            FunnelRow(
                slice=funnel.slice if scope.by == "variant" else fenced(funnel.slice),
                users=funnel.users,
                largest_drop_before=funnel.largest_drop_before,
                steps=[
                    FunnelStepRow(
                        event_type=step.event_type,
                        users=step.users,
                        of_previous=share_row(step.of_previous),
                        of_first=share_row(step.of_first),
                    )
                    for step in funnel.steps
                ],
            )
            for funnel in funnels
        ],
    )
