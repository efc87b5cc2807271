"""Shares of new units for the next batch: fixed, a ramp, or by what earlier batches showed.

A proposal changes nothing: ``change_experiment`` with ``set_weights`` does, through the policy and
a person's approval. What is read of outcomes is an analysis, so it is a recorded look; winners and
equality are said by the AIPW sequences alone.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from neonblue.errors import ConflictError, InvalidInputError
from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.evidence import Analysis, Comparison
from neonblue.intelligence.history import current_shares
from neonblue.intelligence.weight_periods import (
    KINDS,
    AdaptedUnits,
    adapted_units,
    weight_periods,
)
from neonblue.models import Experiment, MetricDefinition
from neonblue.models.lifecycle import WATCHED_STATUSES
from neonblue.models.reader import current_reader
from neonblue.stats.adaptive import Batches
from neonblue.stats.allocation import (
    LEAST_FLOOR,
    all_alike,
    best_probabilities,
    contrast_posterior,
    pairwise_sequences,
    top_two_shares,
    winner,
    with_floor,
)
from neonblue.stores.traffic_batches import TrafficBatch

if TYPE_CHECKING:
    from neonblue.stores import Store

Array = NDArray[np.float64]
TrafficPolicy = Literal["fixed", "ramp", "top_two"]
Standing = Literal["open", "alike", "winner", "harm", "invalid", "insufficient_data"]

DRAWS = 20_000
RAMP = (0.05, 0.10, 0.25, 0.50)
LEAST_RAMP_UNITS = 200
"""Units of the treatments in the running batch before a ramp goes on."""
DIGITS = 4
EVEN_IS_AS_FAST = (
    "with two variants an even split is as fast to a decision as any other: adapt only to lose "
    "fewer conversions while it runs (policy top_two), at the price of a wider interval"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficProposal:
    """What the next units should get, and why.

    ``shares`` and ``current`` are by variant and sum to 1; ``chances`` says how probable each
    variant is to be the best one (a belief, no test), empty where outcomes were not read.
    ``expected_regret`` is what a unit loses on average against the best variant, in the metric's
    unit, under the current, the proposed and an even split. ``comparisons`` are the anytime-valid
    ones of the analysis, against control.
    """

    experiment_id: str
    policy: TrafficPolicy
    metric: str
    standing: Standing
    current: Mapping[str, float]
    shares: Mapping[str, float]
    floor: float
    batch: int
    state_version: int
    reason: str
    leader: str | None
    chances: Mapping[str, float]
    expected_regret: Mapping[str, float]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether the proposal differs from the shares in force."""
        return any(abs(self.shares[name] - self.current[name]) > 1e-6 for name in self.shares)


def propose_traffic(
    store: Store,
    experiment_id: str,
    *,
    now: datetime,
    policy: TrafficPolicy | None = None,
    floor: float = LEAST_FLOOR,
    metric: str | None = None,
    actor: str = "",
) -> TrafficProposal:
    """The shares for the next batch; one look is recorded, and the proposal is logged.

    Without ``policy`` two variants keep the planned split and more are allocated by ``top_two``.
    Raises ``NotFoundError``, ``InvalidInputError`` for a metric, floor or policy that cannot be,
    and ``ConflictError`` for an experiment that assigns no units or may not be read here.
    """
    experiment = _assigning(store.experiments.get(experiment_id))
    live = [name for name, share in current_shares(experiment).items() if share > 0]
    chosen = policy or ("top_two" if len(live) > 2 else "fixed")
    measured = _metric(experiment, metric, chosen)
    _refuse_floor(floor, live)
    analysis = analyze(store, experiment_id, now=now, actor=actor)
    if analysis.look.withheld:
        raise ConflictError(
            f"{analysis.look.withheld}: traffic of {experiment_id!r} cannot be allocated here"
        )
    case = _Case(
        store=store,
        analysis=analysis,
        experiment=experiment,
        metric=measured,
        live=tuple(live),
        floor=floor,
    )
    found = case.proposal(chosen)
    _log(store, case, found)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    store: Store
    analysis: Analysis
    experiment: Experiment
    metric: MetricDefinition
    live: tuple[str, ...]
    floor: float

    def proposal(self, policy: TrafficPolicy) -> TrafficProposal:
        """By the policy; an invalid experiment and one without units keep what they have."""
        kept = self._kept(policy)
        if failed := self.analysis.validity.failed:
            why = ", ".join(check.name for check in failed)
            reason = (
                f"the experiment is invalid ({why}): the weights stay; call diagnose_experiment"
            )
            return replace(kept, standing="invalid", reason=reason)
        if self.analysis.decision.decision == "rollback":
            reason = "a treatment does harm: stop it instead of allocating traffic"
            return replace(kept, standing="harm", reason=reason)
        if policy == "fixed":
            return self._fixed(kept)
        units = adapted_units(self.store, self.experiment)
        return self._ramp(kept, units) if policy == "ramp" else self._top_two(kept, units)

    def _kept(self, policy: TrafficPolicy) -> TrafficProposal:
        name = self.experiment.experiment_id
        shares = current_shares(self.experiment)
        two = len(self.live) == 2
        return TrafficProposal(
            experiment_id=name,
            policy=policy,
            metric=self.metric.name,
            standing="open",
            current=shares,
            shares=shares,
            floor=self.floor,
            batch=len(weight_periods(self.store, self.experiment)),
            state_version=self.store.experiment_history.state_version(name),
            reason="the weights stay as they are",
            leader=None,
            chances={},
            expected_regret={},
            comparisons=self._comparisons(),
            notes=(EVEN_IS_AS_FAST,) if two else (),
        )

    def _comparisons(self) -> tuple[Comparison, ...]:
        effects = [e for e in self.analysis.metrics if e.definition.name == self.metric.name]
        return effects[0].comparisons if effects else ()

    def _fixed(self, kept: TrafficProposal) -> TrafficProposal:
        """The planned shares of the variants that have traffic now."""
        planned = {
            variant.variant_id: variant.weight if variant.variant_id in self.live else 0.0
            for variant in self.experiment.variants
        }
        total = math.fsum(planned.values())
        even = {name: 1.0 / len(self.live) if name in self.live else 0.0 for name in planned}
        shares = {name: w / total for name, w in planned.items()} if total > 0 else even
        return replace(kept, shares=shares, reason="the planned split")

    def _ramp(self, kept: TrafficProposal, units: AdaptedUnits) -> TrafficProposal:
        """The treatments' share one step up, as long as nothing speaks against it."""
        control = self.experiment.control.variant_id
        if control not in self.live:
            raise ConflictError(
                f"control {control!r} of {kept.experiment_id!r} gets no units: a ramp needs it"
            )
        running = dict(
            zip(
                (v.variant_id for v in self.experiment.variants),
                units.counts[-1].units,
                strict=True,
            )
        )
        came = sum(n for name, n in running.items() if name != control)
        if any(one.ci_upper < 0 for one in self._signed(kept.comparisons)):
            reason = "a treatment is worse on this metric: the ramp holds"
            return replace(kept, standing="harm", reason=reason)
        treated = 1.0 - kept.current[control]
        if came < LEAST_RAMP_UNITS:
            reason = (
                f"{came:,.0f} units of the treatments came at this step, {LEAST_RAMP_UNITS} are "
                "needed: the ramp waits"
            )
            return replace(kept, standing="insufficient_data", reason=reason)
        planned = 1.0 - self._fixed(kept).shares[control]
        steps = [step for step in RAMP if step < planned - 1e-9] + [planned]
        ahead = next((step for step in steps if step > treated + 1e-9), planned)
        least = self.floor * (len(self.live) - 1)
        share = min(max(ahead, least), 1.0 - self.floor)
        each = self._fixed(kept).shares
        shares = {
            name: (1.0 - share) if name == control else share * each[name] / planned
            for name in kept.current
        }
        floored = self._by_name(with_floor(np.array([shares[n] for n in self.live]), self.floor))
        reason = (
            f"treatments go from {treated:.0%} to {share:.0%} of new units: nothing harmful shows"
        )
        return replace(kept, shares=floored, reason=reason)

    def _signed(self, comparisons: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
        """With differences the good way up."""
        if self.metric.direction == "increase":
            return comparisons
        return tuple(
            replace(one, ci_lower=-one.ci_upper, ci_upper=-one.ci_lower) for one in comparisons
        )

    def _top_two(self, kept: TrafficProposal, units: AdaptedUnits) -> TrafficProposal:
        batches = self._live_batches(units.batches[self.metric.name])
        if int((batches.n.sum(axis=0) > 1).sum()) < len(self.live):
            even = self._by_name(np.full(len(self.live), 1.0 / len(self.live)))
            reason = "some variant has no units yet: an even split"
            return replace(kept, standing="insufficient_data", shares=even, reason=reason)
        planned_n = float(self.analysis.terms.planned_units)
        signed = self._good_way_up(batches)
        posterior = contrast_posterior(signed, planned_n=planned_n)
        draws = posterior.draws(DRAWS, np.random.default_rng(self._seed(units)))
        shares = self._by_name(top_two_shares(draws, floor=self.floor))
        chances = dict(zip(self.live, map(float, best_probabilities(draws)), strict=True))
        standing, leader, reason = self._standing(batches, planned_n)
        even = self._by_name(np.full(len(self.live), 1.0 / len(self.live)))
        splits = {"current": kept.current, "proposed": shares, "even": even}
        return replace(
            kept,
            shares=shares,
            standing=standing,
            leader=leader,
            reason=reason,
            chances=chances,
            expected_regret={
                name: self._regret(draws, split, batches) for name, split in splits.items()
            },
        )

    def _live_batches(self, batches: Batches) -> Batches:
        """The columns of the variants that get units now; their chances among themselves."""
        columns = [
            place for place, v in enumerate(self.experiment.variants) if v.variant_id in self.live
        ]
        chances = batches.probability[:, columns]
        rows = np.all(chances > 0.0, axis=1)
        chances = chances[rows]
        return Batches(
            n=batches.n[rows][:, columns],
            mean=batches.mean[rows][:, columns],
            variance=batches.variance[rows][:, columns],
            probability=chances / chances.sum(axis=1, keepdims=True),
        )

    def _good_way_up(self, batches: Batches) -> Batches:
        if self.metric.direction == "increase":
            return batches
        return replace(batches, mean=-batches.mean)

    def _standing(self, batches: Batches, planned_n: float) -> tuple[Standing, str | None, str]:
        """What the sequences say; the belief that shares follow says nothing of the kind."""
        pairs = pairwise_sequences(batches, planned_n=planned_n, alpha=self.experiment.alpha)
        best = winner(pairs, lower_is_better=self.metric.direction == "decrease")
        if best is not None:
            name = self.live[best]
            return "winner", name, f"{name} is better than every other variant: conclude it"
        margin = self._margin(batches)
        if margin is not None and all_alike(pairs, margin):
            return "alike", None, f"all variants are equal within {margin:.3g}: conclude it"
        return "open", None, "shares follow how far each variant leads where it leads"

    def _margin(self, batches: Batches) -> float | None:
        if self.metric.mde is None:
            return None
        control = self.experiment.control.variant_id
        place = self.live.index(control) if control in self.live else 0
        n = batches.n[:, place]
        mean = float((n * np.where(n > 0, batches.mean[:, place], 0.0)).sum() / max(n.sum(), 1.0))
        return self.metric.mde * abs(mean) or None

    def _regret(self, draws: Array, shares: Mapping[str, float], batches: Batches) -> float:
        weights = np.array([shares[name] for name in self.live])
        freedom = np.maximum(batches.n - 1.0, 0.0)
        within = float((freedom * batches.variance).sum() / max(freedom.sum(), 1.0))
        lost = draws.max(axis=1) - draws @ weights
        return float(lost.mean()) * math.sqrt(max(within, 0.0))

    def _by_name(self, shares: Array) -> dict[str, float]:
        """By variant, in ``DIGITS`` digits that sum to 1; 0 for those without traffic."""
        rounded = np.round(shares, DIGITS)
        rounded[int(rounded.argmax())] += round(1.0 - float(rounded.sum()), DIGITS)
        given = dict(zip(self.live, (round(float(w), DIGITS) for w in rounded), strict=True))
        return {v.variant_id: given.get(v.variant_id, 0.0) for v in self.experiment.variants}

    def _seed(self, units: AdaptedUnits) -> int:
        """The same data give the same proposal: nobody draws until they like it."""
        text = f"{self.experiment.experiment_id} {[one.units for one in units.counts]}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _assigning(experiment: Experiment) -> Experiment:
    name, status = experiment.experiment_id, experiment.status
    if experiment.source == "aggregated":
        raise ConflictError(
            f"experiment {name!r} consists of uploaded totals: their traffic is allocated elsewhere"
        )
    if status not in WATCHED_STATUSES:
        when = "start it first" if status == "draft" else "it has ended"
        raise ConflictError(
            f"experiment {name!r} is {status} and assigns no units that could be allocated: {when}"
        )
    return experiment


def _metric(experiment: Experiment, name: str | None, policy: TrafficPolicy) -> MetricDefinition:
    """The metric that shares follow: the first primary one by default."""
    known = {metric.name: metric for metric in experiment.metrics}
    primaries = [m for m in experiment.metrics if m.role == "primary"] or [*experiment.metrics]
    if name is not None and name not in known:
        raise InvalidInputError(
            f"experiment {experiment.experiment_id!r} has no metric {name!r}: it has "
            f"{', '.join(sorted(known))}"
        )
    if not primaries:
        raise InvalidInputError(f"experiment {experiment.experiment_id!r} has no metric")
    found = primaries[0] if name is None else known[name]
    if policy == "top_two" and found.kind not in KINDS:
        raise InvalidInputError(
            f"metric {found.name!r} is a {found.kind}: traffic follows {' or '.join(KINDS)} "
            "metrics only; give another metric, or policy fixed or ramp"
        )
    return found


def _refuse_floor(floor: float, live: list[str]) -> None:
    most = 1.0 / max(1, len(live))
    if not LEAST_FLOOR <= floor <= most:
        raise InvalidInputError(
            f"floor {floor!r} cannot be: each of {len(live)} variants gets at least {LEAST_FLOOR} "
            f"of the units, and at most {most:.4g} if all get the same"
        )
    if len(live) < 2:
        raise InvalidInputError(f"only {live!r} gets units: there is nothing to allocate")


def _log(store: Store, case: _Case, found: TrafficProposal) -> None:
    if not current_reader().records:
        return
    variants = tuple(variant.variant_id for variant in case.experiment.variants)
    counts = store.health.units_by_variant(
        found.experiment_id, counted_from=case.experiment.counted_from
    )
    units = {count.variant_id: count.units for count in counts}
    store.traffic_batches.append(
        TrafficBatch(
            experiment_id=found.experiment_id,
            state_version=found.state_version,
            plan_version=case.experiment.version,
            batch=found.batch,
            policy=found.policy,
            metric=found.metric,
            floor=found.floor,
            variants=variants,
            units=tuple(units.get(name, 0) for name in variants),
            chances=tuple(found.current[name] for name in variants),
            proposed=tuple(found.shares[name] for name in variants),
            standing=found.standing,
        )
    )
