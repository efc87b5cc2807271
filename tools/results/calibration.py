"""The answer of ``calibrate``."""

from typing import Literal

from pydantic import Field

from neonblue.tools.results.figure import Answer, Figure


class ResplitRate(Answer):
    """A share of resplits with its 95 % interval."""

    share: Figure
    ci_lower: Figure
    ci_upper: Figure


class CalibratedLift(Answer):
    """One true lift; 0 is A/A, where every decision is an error."""

    relative_lift: Figure
    ship: ResplitRate = Field(description="the verdict said ship at some look")
    rollback: ResplitRate
    invalid: ResplitRate = Field(description="a validity check failed at some look")
    covered: ResplitRate = Field(description="the interval held the truth at every look")
    naive: ResplitRate = Field(description="a textbook p < .05 at some look")
    one_look: ResplitRate = Field(description="a textbook p < .05 at the end")
    units_to_decision: Figure | None = Field(description="mean share of the units")


class Calibration(Answer):
    """The present rules on past control units; results[0] is A/A."""

    experiment_id: str
    metric: str
    kind: Literal["proportion", "mean"]
    units: int
    baseline_mean: Figure
    baseline_sd: Figure
    alpha: Figure
    resplits: int
    looks: int
    results: list[CalibratedLift]
