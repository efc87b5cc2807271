"""The answer of ``assign_variant``."""

from pydantic import Field

from neonblue.tools.results.figure import Answer


class UnitAssignment(Answer):
    """One unit's variant; null where it takes no part, and ``reason`` says why.

    ``split``: by its hash. ``exposed``: it keeps what it was exposed to. ``rolled_out``: the winner
    of an experiment that ended. ``holdout``, ``layer``, ``targeting``, ``not_running``: no part.
    """

    variant: str | None
    reason: str
    value: bool | int | float | str | None = None


class Assignments(Answer):
    """The variants of the units that were asked about, in their order."""

    experiment_id: str
    summary: str
    units_by_variant: dict[str, int]
    exposures_recorded: int = Field(description="how many exposures were recorded just now")
    assignments: list[UnitAssignment]
