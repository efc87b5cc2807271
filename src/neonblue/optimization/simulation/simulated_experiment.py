"""One experiment of a simulated world, read and judged by the code that judges real ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from neonblue.intelligence.decision import Standing, as_decision, decide, evidence_of, with_adjusted
from neonblue.intelligence.effects import metric_effects
from neonblue.intelligence.evidence import MetricEffects, Validity
from neonblue.intelligence.priors import Prior
from neonblue.intelligence.summaries import Summaries
from neonblue.intelligence.terms import Terms
from neonblue.intelligence.validity import check_validity
from neonblue.models import Experiment, MetricDefinition, MetricSummary, Variant
from neonblue.optimization.loop.rules import LoopTerms, Next, NextAct
from neonblue.optimization.loop.situation import Situation, judged
from neonblue.optimization.simulation.worlds import Truth, Units, World
from neonblue.stats.lift_prior import archive_prior
from neonblue.stats.planning import Baseline, plan_sample
from neonblue.stats.programme import EndedTest

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
METRIC = MetricDefinition(name="conversion", kind="proportion", event_type="conversion")
VARIANTS = (Variant(variant_id="control", is_control=True), Variant(variant_id="treatment"))
CONTROL, TREATMENT = 0, 1
MAX_DAYS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one experiment went.

    ``regret`` is conversions lost against giving everybody the better variant from the first day
    to the end, ``harmed`` units that met a treatment that does harm. ``days`` is the time to the
    decision. ``healed`` says that it was paused or stopped because its assignment was broken.
    """

    shipped: bool
    truth: Truth
    days: float
    units: float
    regret: float
    harmed: float
    healed: bool
    test: EndedTest | None


def planned(world: World, terms: LoopTerms, days: float) -> tuple[Experiment, float]:
    """The plan of every experiment in a world, and the units a day that fill it in ``days``."""
    sd = math.sqrt(world.baseline * (1.0 - world.baseline))
    baseline = Baseline(kind="proportion", mean=world.baseline, sd=sd)
    size = plan_sample(baseline, mde=world.planned_lift).total
    experiment = Experiment(
        experiment_id="simulated",
        variants=VARIANTS,
        metrics=(replace(METRIC, mde=world.planned_lift / 2),),
        planned_sample_size=size,
        maximum_sample_size=int(size * terms.maximum_ratio),
        minimum_duration_days=terms.incubation_days,
        started_at=START,
    )
    return experiment, size / days


class SimulatedExperiment:
    """Units so far, and what the product says of them."""

    def __init__(self, plan: Experiment) -> None:
        self._plan = plan
        self._prior = {METRIC.name: Prior(lifts=archive_prior(), origin="public archives")}
        self.units: NDArray[np.float64] = np.zeros(2)
        self.conversions: NDArray[np.float64] = np.zeros(2)

    def situation(self, day: int) -> Situation:
        """The situation after a number of whole days."""
        now = START + DAY * day
        plan, summaries = self._plan, self._summaries(now)
        validity = check_validity(plan, summaries, now=now)
        metrics = self._metrics(summaries, validity, now)
        size = plan.planned_sample_size or 1
        standing = Standing(
            experiment=plan,
            units=int(self.units.sum()),
            horizon=size,
            started_at=START,
            last_event_at=now,
            now=now,
        )
        verdict = decide(standing, validity, evidence_of(plan, metrics, fixed=False))
        return judged(
            plan,
            state_version=1,
            decision=as_decision(verdict),
            validity=validity,
            metrics=with_adjusted(metrics, verdict),
            units=standing.units,
            planned_units=size,
            days=float(day),
        )

    def textbook(self) -> EndedTest | None:
        """The textbook's z and the progress, whatever the checks say; None before any units."""
        if self.units.min() < 1.0:
            return None
        rate = self.conversions.sum() / self.units.sum()
        error = math.sqrt(rate * (1.0 - rate) * float((1.0 / self.units).sum()))
        rates = self.conversions / self.units
        progress = float(self.units.sum()) / (self._plan.planned_sample_size or 1)
        return EndedTest(
            z=float(rates[TREATMENT] - rates[CONTROL]) / error if error > 0 else 0.0,
            progress=progress,
        )

    def _summaries(self, now: datetime) -> Summaries:
        overall = {}
        for variant, n, hits in zip(VARIANTS, self.units, self.conversions, strict=True):
            mean = hits / n if n else 0.0
            variance = mean * (1.0 - mean) * n / (n - 1.0) if n > 1 else 0.0
            overall[METRIC.name, variant.variant_id] = MetricSummary(
                n=float(n), mean=float(mean), variance=float(variance)
            )
        return Summaries(
            units=self.units,
            multiple_variant_units=0,
            unplanned_units=0,
            first_exposure_at=START,
            last_event_at=now,
            last_exposure_at=now,
            overall=overall,
        )

    def _metrics(
        self, summaries: Summaries, validity: Validity, now: datetime
    ) -> tuple[MetricEffects, ...]:
        if validity.failed:
            return ()
        terms = Terms(
            planned_units=self._plan.planned_sample_size or 1,
            show_fixed_horizon=False,
            least_p={},
            priors=self._prior,
            units_ended=summaries.units_ended(now),
        )
        return tuple(
            metric_effects(self._plan, metric, summaries, terms) for metric in self._plan.metrics
        )


Rule = Callable[[Situation, EndedTest | None], Next]
"""What is done after a look: ``next_act`` under some terms, or a rival, which sees the bare z."""


def run_experiment(
    world: World,
    truth: Truth,
    rule: Rule,
    rng: np.random.Generator,
    *,
    terms: LoopTerms,
    planned_days: float = 14.0,
) -> Ended:
    """Run one experiment to its decision: a look a day, each judged by ``rule``.

    ``terms`` give the plan its maximum and its minimum duration.
    """
    plan, units_per_day = planned(world, terms, planned_days)
    experiment = SimulatedExperiment(plan)
    units = Units(world, truth, units_per_day, planned_days)
    shares = np.array([0.5, 0.5])
    for day in range(1, MAX_DAYS + 1):
        came = units.day(day - 1, shares, rng)
        experiment.units = experiment.units + came.units
        experiment.conversions = experiment.conversions + came.conversions
        seen = experiment.situation(day)
        act = rule(seen, experiment.textbook())
        if isinstance(act, NextAct):
            return _ended(world, truth, experiment, seen, act, day)
    return _ended(world, truth, experiment, seen, None, MAX_DAYS)


def _ended(
    world: World,
    truth: Truth,
    experiment: SimulatedExperiment,
    seen: Situation,
    act: NextAct | None,
    days: int,
) -> Ended:
    control, treatment = float(experiment.units[CONTROL]), float(experiment.units[TREATMENT])
    worse = treatment if truth.lift < 0 else control
    return Ended(
        shipped=act is not None and act.arguments.get("winner") == VARIANTS[TREATMENT].variant_id,
        truth=truth,
        days=float(days),
        units=control + treatment,
        regret=abs(truth.lift) * world.baseline * worse,
        harmed=treatment if truth.lift < 0 else 0.0,
        healed=act is not None and bool(seen.failed_checks),
        test=seen.evidence,
    )
