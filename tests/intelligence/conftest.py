"""A real chDB with simulated experiments whose faults are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores import Store
from neonblue.stores.events import event_schema

NOW = datetime(2026, 3, 20, tzinfo=UTC)
START = NOW - timedelta(days=14)
BROWSERS = np.array(["Chrome", "Safari", "Firefox"])
COUNTRIES = np.array(["US", "DE", "IN", "BR"])
SDKS = np.array(["4.2.0", "4.1.3", "3.9.1"])
DEVICES = np.array(["mobile", "desktop", "tablet"])


@dataclass(kw_only=True)
class World:
    """Units of one simulated experiment, as arrays that a test may change before storing."""

    rng: np.random.Generator
    units: int
    treated: np.ndarray = field(init=False)
    day: np.ndarray = field(init=False)
    browser: np.ndarray = field(init=False)
    country: np.ndarray = field(init=False)
    sdk_version: np.ndarray = field(init=False)
    device: np.ndarray = field(init=False)
    visits: np.ndarray = field(init=False)
    buys: np.ndarray = field(init=False)
    value: np.ndarray = field(init=False)
    kept: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        n, rng = self.units, self.rng
        self.treated = rng.random(n) < 0.5
        self.day = rng.integers(0, 14, n)
        self.browser = rng.choice(BROWSERS, n, p=[0.6, 0.3, 0.1])
        self.country = rng.choice(COUNTRIES, n, p=[0.5, 0.2, 0.2, 0.1])
        self.sdk_version = rng.choice(SDKS, n, p=[0.6, 0.25, 0.15])
        self.device = rng.choice(DEVICES, n, p=[0.6, 0.33, 0.07])
        self.visits = rng.poisson(2.0, n)
        self.buys = rng.random(n) < 0.1
        self.value = np.round(rng.lognormal(3.0, 0.5, n), 2)
        self.kept = np.ones(n, dtype=bool)

    def lose(self, which: np.ndarray, fraction: float) -> None:
        """Units that match lose their exposure with this probability."""
        self.kept &= ~(which & (self.rng.random(self.units) < fraction))


METRICS = (
    MetricDefinition(
        name="purchase", kind="proportion", event_type="purchase", mde=0.1, covariate="visits"
    ),
    MetricDefinition(
        name="revenue",
        kind="mean",
        event_type="purchase",
        aggregation="sum",
        role="secondary",
        mde=0.1,
    ),
)


def plan(**changes: Any) -> Experiment:
    fields: dict[str, Any] = {
        "experiment_id": "exp",
        "name": "Simulated",
        "variants": (
            Variant(variant_id="control", is_control=True),
            Variant(variant_id="treatment"),
        ),
        "metrics": METRICS,
        "planned_sample_size": 40_000,
        "started_at": START,
    }
    return Experiment(**(fields | changes))


def rows_of(world: World, experiment_id: str) -> pa.Table:
    """Exposures and purchases of the units that were kept."""
    exposures = [
        _exposure(world, index, experiment_id) for index in np.flatnonzero(world.kept).tolist()
    ]
    buyers = np.flatnonzero(world.kept & world.buys).tolist()
    purchases = [_purchase(world, index, experiment_id) for index in buyers]
    return pa.Table.from_pylist([*exposures, *purchases], schema=event_schema())


def _stem(world: World, index: int, experiment_id: str) -> dict[str, Any]:
    return {
        "user_id": f"u{index}",
        "experiment_id": experiment_id,
        "variant_id": "treatment" if world.treated[index] else "control",
        "session_id": "",
        "source": "test",
        "value": None,
        "properties": [],
    }


def _exposure(world: World, index: int, experiment_id: str) -> dict[str, Any]:
    names = ("browser", "country", "sdk_version", "device", "visits")
    return _stem(world, index, experiment_id) | {
        "event_id": f"x{index}",
        "event_type": "exposure",
        "timestamp": START + timedelta(days=int(world.day[index]), seconds=index % 80_000),
        "properties": [(name, str(getattr(world, name)[index])) for name in names],
    }


def _purchase(world: World, index: int, experiment_id: str) -> dict[str, Any]:
    return _stem(world, index, experiment_id) | {
        "event_id": f"p{index}",
        "event_type": "purchase",
        "timestamp": START + timedelta(days=int(world.day[index]), seconds=index % 80_000 + 60),
        "value": float(world.value[index]),
    }


Simulate = Callable[..., Experiment]


@pytest.fixture
def world() -> World:
    return World(rng=np.random.default_rng(20260320), units=24_000)


@pytest.fixture
def simulate(store: Store) -> Simulate:
    """Stores a world under a plan and returns the plan as stored."""

    def stored(world: World, extra: Sequence[dict[str, Any]] = (), **changes: Any) -> Experiment:
        experiment = store.experiments.save(plan(**changes))
        store.events.insert(rows_of(world, experiment.experiment_id))
        if extra:
            store.events.insert(pa.Table.from_pylist(list(extra), schema=event_schema()))
        return experiment

    return stored


@pytest.fixture
def measure(store: Store) -> Callable[..., None]:
    """Stores an event of a type, with a value, for each unit of a mask, after its exposure."""

    def stored(
        world: World, event_type: str, which: np.ndarray, experiment_id: str = "exp"
    ) -> None:
        rows = [
            _purchase(world, index, experiment_id)
            | {"event_id": f"{event_type}{index}", "event_type": event_type}
            for index in np.flatnonzero(world.kept & which).tolist()
        ]
        store.events.insert(pa.Table.from_pylist(rows, schema=event_schema()))

    return stored


@pytest.fixture
def renamed(store: Store) -> Callable[[World, str], Experiment]:
    """Stores a world under another experiment id and other ids of its units."""

    def stored(world: World, experiment_id: str) -> Experiment:
        rows = rows_of(world, experiment_id).to_pylist()
        for row in rows:
            row["user_id"] = f"other-{row['user_id']}"
        store.events.insert(pa.Table.from_pylist(rows, schema=event_schema()))
        changes = {"status": "stopped", "planned_sample_size": None}
        return store.experiments.save(plan(experiment_id=experiment_id, **changes))

    return stored


@pytest.fixture
def plan_of() -> Callable[..., Experiment]:
    """Plans of further experiments, with some fields changed."""
    return plan


@pytest.fixture
def now() -> datetime:
    return NOW
