"""Policies of experiments, learnt when first asked for and again when they are old."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from neonblue.behavior.personalisation import Policy, learn_policy
from neonblue.models import Experiment, MetricDefinition
from neonblue.stores.unit_rows import UnitRows

FRESH_SECONDS = 900.0
MOST_KEPT = 32


class Policies:
    """A policy costs seconds to learn and microseconds to ask; safe between threads."""

    def __init__(self, unit_rows: UnitRows, clock: Callable[[], float] = time.monotonic) -> None:
        self._unit_rows = unit_rows
        self._clock = clock
        self._kept: dict[tuple[str, int, str], tuple[float, Policy]] = {}
        self._guard = threading.Lock()

    def of(self, experiment: Experiment, metric: MetricDefinition) -> Policy:
        """The policy of an experiment's metric, at most 15 minutes old."""
        key = (experiment.experiment_id, experiment.version, metric.name)
        with self._guard:
            learnt = self._kept.get(key)
            if learnt is not None and self._clock() - learnt[0] < FRESH_SECONDS:
                return learnt[1]
            policy = learn_policy(self._unit_rows, experiment, metric)
            if len(self._kept) >= MOST_KEPT:
                del self._kept[min(self._kept, key=lambda one: self._kept[one][0])]
            self._kept[key] = (self._clock(), policy)
            return policy
