"""What is known of an experiment before it runs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Literal

from neonblue.errors import InvalidInputError
from neonblue.intelligence.recollection.category import category_of
from neonblue.intelligence.recollection.description import change_in_words, plan_text
from neonblue.intelligence.recollection.removal import kind_of_change
from neonblue.models import Experiment, Variant

MetricShape = Literal["proportion", "mean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastPlan:
    """``baseline`` is the control's rate or mean, ``baseline_sd`` a mean's standard deviation.

    ``mde`` is the smallest relative improvement that matters; ``planned_sample_size`` a total over
    all variants; ``units_per_day`` the traffic, observed where it is not given.
    """

    experiment: Experiment
    metric: str = "the primary metric"
    metric_kind: MetricShape = "proportion"
    baseline: float | None = None
    baseline_sd: float | None = None
    mde: float | None = None
    planned_sample_size: int | None = None
    units_per_day: float | None = None
    guardrails: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The plan as the memory would describe it."""
        return plan_text(self.experiment, self.category)

    @property
    def category(self) -> str:
        """The kind of change."""
        return category_of(self.experiment)

    @property
    def kind(self) -> str:
        """The kind of change, told apart from taking such a thing away."""
        return kind_of_change(self.category, self.change, self.experiment.name)

    @property
    def change(self) -> str:
        """What the treatments do, in words."""
        return change_in_words(self.experiment)

    @property
    def variant_count(self) -> int:
        """Control and treatments."""
        return len(self.experiment.variants)

    @property
    def relative_noise(self) -> float | None:
        """The standard deviation of one unit's value over the mean; None while unknown."""
        if not self.baseline:
            return None
        if self.metric_kind == "proportion":
            return math.sqrt(self.baseline * (1 - self.baseline)) / self.baseline
        return None if self.baseline_sd is None else self.baseline_sd / abs(self.baseline)

    def as_json(self) -> str:
        """The plan as it is logged."""
        return json.dumps(asdict(self), sort_keys=True, default=str, ensure_ascii=False)


def checked(plan: ForecastPlan) -> ForecastPlan:
    """The plan, if its numbers can be."""
    _require(plan.variant_count >= 2, "variants", plan.variant_count, "at least two")
    if plan.baseline is not None:
        shares = plan.metric_kind == "proportion"
        fine = 0 < plan.baseline < 1 if shares else math.isfinite(plan.baseline) and plan.baseline
        _require(bool(fine), "baseline", plan.baseline, "a rate in (0, 1), or a mean other than 0")
    for name in ("baseline_sd", "mde", "units_per_day", "planned_sample_size"):
        value = getattr(plan, name)
        _require(
            value is None or (math.isfinite(value) and value > 0), name, value, "a positive number"
        )
    return plan


def described_experiment(
    experiment_id: str,
    *,
    name: str,
    description: str = "",
    hypothesis: str = "",
    experiment_type: str = "",
    industry: str = "",
    variants: tuple[str, ...] = (),
    alpha: float = 0.05,
    power: float = 0.8,
) -> Experiment:
    """An experiment that is only an idea yet; the first variant text is the control's."""
    texts = variants or ("as it is today", description or name)
    return Experiment(
        experiment_id=experiment_id,
        variants=tuple(
            Variant(
                variant_id="control" if row == 0 else f"treatment_{row}",
                is_control=row == 0,
                description=text,
            )
            for row, text in enumerate(texts)
        ),
        metrics=(),
        status="draft",
        name=name,
        description=description,
        hypothesis=hypothesis,
        experiment_type=experiment_type,
        industry=industry,
        alpha=alpha,
        power=power,
    )


def _require(fine: bool, name: str, value: object, wanted: str) -> None:
    if not fine:
        raise InvalidInputError(f"{name} is {value!r}: give {wanted}")
