"""Assigns units by the experiments in the store: which run, with which weights, and who is exposed.

Definitions are read again when a second has passed and the history has grown, so an answer is at
most that old. The store is asked for a unit's exposure only where the answer can depend on it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError
from neonblue.models.lifecycle import WATCHED_STATUSES
from neonblue.optimization.assignment import (
    Assignment,
    Context,
    Split,
    kept_out,
    kept_out_all,
    rolled_out,
    split_of,
)
from neonblue.optimization.bucketing import hash_units, variant_indices
from neonblue.optimization.exposure_cache import ExposureCache

if TYPE_CHECKING:
    from neonblue.models import Experiment, Variant
    from neonblue.stores import Store

FRESH_SECONDS = 1.0
NOBODY: Context = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignable:
    """An experiment and how it splits its units now."""

    experiment: Experiment
    split: Split


class Assigner:
    """Answers which variant a unit gets; safe to share between threads."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._cache = ExposureCache(clock=clock)
        self._guard = threading.Lock()
        self._known: Mapping[str, Assignable] = {}
        self._sequence = -1
        self._read_at = -FRESH_SECONDS - 1.0

    def experiments(self) -> Mapping[str, Assignable]:
        """What is defined now, by id; at most ``FRESH_SECONDS`` old."""
        if self._clock() - self._read_at > FRESH_SECONDS and self._guard.acquire(
            blocking=not self._known
        ):
            try:
                self._refresh()
            finally:
                self._guard.release()
        return self._known

    def fresh(self) -> Mapping[str, Assignable] | None:
        """``experiments`` when that needs no reading, else None."""
        return self._known if self._clock() - self._read_at <= FRESH_SECONDS else None

    def assign(self, experiment_id: str, unit: str, context: Context = NOBODY) -> Assignment:
        """One unit's variant; ``NotFoundError`` for an experiment that is not defined."""
        return self.decide(self.get(experiment_id), unit, context)

    def decide(self, assignable: Assignable, unit: str, context: Context) -> Assignment:
        """One unit's variant in an experiment that is known already."""
        found = self.decide_from_memory(assignable, unit, context)
        if found is not None:
            return found
        exposed = self._exposed(assignable, [unit]).get(unit)
        return self._after_asking(assignable, unit, exposed)

    def decide_from_memory(
        self, assignable: Assignable, unit: str, context: Context
    ) -> Assignment | None:
        """``decide``, or None when the unit's exposure has to be read first."""
        _refuse_no_id(unit)
        experiment, split = assignable.experiment, assignable.split
        if experiment.status not in WATCHED_STATUSES:
            return rolled_out(experiment, unit, context)
        reason = kept_out(experiment, unit, context)
        if reason is not None:
            return Assignment(variant=None, reason=reason)
        hashed = split.hashed(unit)
        if experiment.status != "paused" and not split.may_have_moved(hashed):
            return Assignment(variant=split.by_weights(hashed), reason="split")
        known, variant_id = self._cache.find(experiment.experiment_id, unit, split.limits)
        if not known:
            return None
        return self._after_asking(assignable, unit, _planned(experiment, variant_id))

    def _after_asking(
        self, assignable: Assignable, unit: str, exposed: Variant | None
    ) -> Assignment:
        if exposed is not None:
            return Assignment(variant=exposed, reason="exposed")
        if assignable.experiment.status == "paused":
            return Assignment(variant=None, reason="not_running")
        split = assignable.split
        return Assignment(variant=split.by_weights(split.hashed(unit)), reason="split")

    def assign_many(
        self,
        experiment_id: str,
        units: Sequence[str],
        contexts: Sequence[Context] | None = None,
    ) -> list[Assignment]:
        """Many units' variants, in their order, as ``assign`` would give each."""
        assignable = self.get(experiment_id)
        for unit in units:
            _refuse_no_id(unit)
        experiment, split = assignable.experiment, assignable.split
        given = contexts or [NOBODY] * len(units)
        if experiment.status not in WATCHED_STATUSES:
            return [rolled_out(experiment, u, c) for u, c in zip(units, given, strict=True)]
        hashes = hash_units(split.key, units, split.version)
        indices = variant_indices(hashes, split.limits)
        paused = experiment.status == "paused"
        by_weights = [Assignment(variant=each, reason="split") for each in split.variants]
        found = [by_weights[index] for index in indices.tolist()]
        if paused:
            found = [Assignment(variant=None, reason="not_running")] * len(units)
        asked = [paused] * len(units) if paused else split.moved(hashes, indices).tolist()
        self._keep_exposed(assignable, units, asked, found)
        for place, reason in kept_out_all(experiment, units, given).items():
            found[place] = Assignment(variant=None, reason=reason)
        return found

    def _keep_exposed(
        self,
        assignable: Assignable,
        units: Sequence[str],
        asked: Sequence[bool],
        found: list[Assignment],
    ) -> None:
        doubtful = [unit for unit, ask in zip(units, asked, strict=True) if ask]
        if not doubtful:
            return
        exposed = self._exposed(assignable, doubtful)
        for place, unit in enumerate(units):
            variant = exposed.get(unit) if asked[place] else None
            if variant is not None:
                found[place] = Assignment(variant=variant, reason="exposed")

    def _exposed(self, assignable: Assignable, units: Sequence[str]) -> dict[str, Variant]:
        """The variants of those units that were exposed to one that is still in the plan."""
        experiment, limits = assignable.experiment, assignable.split.limits
        name, found, unknown = experiment.experiment_id, dict[str, str | None](), list[str]()
        for unit in dict.fromkeys(units):
            known, variant_id = self._cache.find(name, unit, limits)
            if known:
                found[unit] = variant_id
            else:
                unknown.append(unit)
        if unknown:
            stored = self._store.exposures.first_variants(name, unknown)
            for unit in unknown:
                found[unit] = stored.get(unit)
                self._cache.keep(name, unit, found[unit], limits)
        planned = {unit: _planned(experiment, variant) for unit, variant in found.items()}
        return {unit: variant for unit, variant in planned.items() if variant is not None}

    def get(self, experiment_id: str) -> Assignable:
        """An experiment by its id; ``NotFoundError`` when it is not defined."""
        assignable = self.experiments().get(experiment_id)
        if assignable is not None:
            return assignable
        experiment = self._store.experiments.get(experiment_id)  # defined just now, or it says why
        return self._assignable(experiment)

    def _refresh(self) -> None:
        sequence = self._store.experiment_history.last_sequence()
        if sequence != self._sequence:
            defined = self._store.experiments.defined()
            self._known = {name: self._assignable(each) for name, each in defined.items()}
            self._sequence = sequence
        self._read_at = self._clock()

    def _assignable(self, experiment: Experiment) -> Assignable:
        before = self._known.get(experiment.experiment_id)
        if before is not None and before.experiment == experiment:
            return before
        return Assignable(experiment=experiment, split=self._split(experiment))

    def _split(self, experiment: Experiment) -> Split:
        if not experiment.current_weights:
            return split_of(experiment)
        changes = self._store.experiment_history.of(experiment.experiment_id)
        past = {change.experiment.current_weights: None for change in changes}
        return split_of(experiment, [weights for weights in past if weights])


def _planned(experiment: Experiment, variant_id: str | None) -> Variant | None:
    """The variant of that id, None when it is not in the plan any more."""
    return next((one for one in experiment.variants if one.variant_id == variant_id), None)


def _refuse_no_id(unit: str) -> None:
    if not unit:
        raise InvalidInputError("a unit has no id: give the id that its exposures will have")
