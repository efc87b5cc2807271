"""Policies of experiments, learnt when first asked for and again when they are old."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from weakref import WeakValueDictionary

from neonblue.behavior.personalisation import Policy, learn_policy
from neonblue.models import Experiment, MetricDefinition
from neonblue.stores.unit_rows import UnitRows

FRESH_SECONDS = 900.0
MAX_KEPT = 32

Key = tuple[str, int, str]


class Policies:
    """A policy costs seconds to learn and microseconds to ask; safe between threads.

    Who asks for a policy that is being learnt waits for it; nobody waits for another one's.
    """

    def __init__(self, unit_rows: UnitRows, clock: Callable[[], float] = time.monotonic) -> None:
        self._unit_rows = unit_rows
        self._clock = clock
        self._kept: dict[Key, tuple[float, Policy]] = {}
        self._learning: WeakValueDictionary[Key, threading.Lock] = WeakValueDictionary()
        self._guard = threading.Lock()

    def of(self, experiment: Experiment, metric: MetricDefinition) -> Policy:
        """The policy of an experiment's metric, at most 15 minutes old."""
        key = (experiment.experiment_id, experiment.version, metric.name)
        fresh = self._fresh(key)
        if fresh is not None:
            return fresh
        with self._lock_of(key):
            fresh = self._fresh(key)
            if fresh is None:
                fresh = learn_policy(self._unit_rows, experiment, metric)
                self._keep(key, fresh)
            return fresh

    def _lock_of(self, key: Key) -> threading.Lock:
        """The lock of one policy, there as long as somebody holds or awaits it."""
        with self._guard:
            lock = self._learning.get(key)
            if lock is None:
                lock = self._learning[key] = threading.Lock()
            return lock

    def _fresh(self, key: Key) -> Policy | None:
        now = self._clock()
        with self._guard:
            learnt = self._kept.get(key)
        return learnt[1] if learnt is not None and now - learnt[0] < FRESH_SECONDS else None

    def _keep(self, key: Key, policy: Policy) -> None:
        now = self._clock()
        with self._guard:
            self._kept[key] = (now, policy)
            if len(self._kept) > MAX_KEPT:
                del self._kept[min(self._kept, key=lambda one: self._kept[one][0])]
