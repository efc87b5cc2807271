"""Sequences and users with a known structure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from neonblue.behavior.next_action import NextActionModel
from neonblue.behavior.next_action_training import train_next_action
from neonblue.behavior.sequences import Sequences
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores import Store
from neonblue.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa


@pytest.fixture(scope="session")
def cycling() -> Sequences:
    """400 users who walk 1 → 2 → 3 → 4 → 1 and stay on a page now and then."""
    random = np.random.default_rng(7)
    lengths = random.integers(3, 12, size=400)
    moves = random.random(int(lengths.sum())) < 0.7
    starts = np.cumsum(lengths) - lengths
    steps = np.cumsum(moves)
    steps = (
        steps - np.repeat(steps[starts], lengths) + np.repeat(random.integers(4, size=400), lengths)
    )
    return Sequences(steps=steps % 4 + 1, lengths=lengths)


def silent(done: float, total: float, message: str) -> None:
    """A report that goes nowhere."""


@pytest.fixture(scope="session")
def cycle_model(cycling: Sequences) -> NextActionModel:
    """The next-action model of those users; the pages are called a to d."""
    return train_next_action(cycling, ("a", "b", "c", "d"), silent)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A store with 600 made-up users: whoever adds to a cart mostly buys, the others leave."""

    store: Store
    buyers: tuple[str, ...]
    others: tuple[str, ...]


DAY_MS = 86_400_000
START_MS = 1_760_000_000_000


def shop_events(users: int, seed: int = 3) -> "pa.Table":
    """Two sessions a user, at least two days apart, over ten weeks; even numbers are buyers."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(users):
        path = ["page_view", "search", "product_view"]
        if number % 2 == 0:
            path += ["add_to_cart", "checkout"] + ["purchase"] * bool(random.random() < 0.8)
        else:
            path += ["page_view"] * int(random.integers(1, 4))
        first, pause = random.integers(0, 55), random.integers(2, 15)
        for session, day in enumerate((first, first + pause)):
            clock = START_MS + int(day * DAY_MS + random.integers(0, DAY_MS // 2))
            steps = path if random.random() < 0.9 else path[:3]
            for step, name in enumerate(steps):
                clock += int(random.integers(5_000, 90_000))
                rows.append((f"user{number}", f"{number}-{session}-{step}", name, clock, number))
    return event_table(rows)


def event_table(rows: list[tuple[str, str, str, int, int]]) -> "pa.Table":
    """Events without an experiment, from (user, id, type, time, number) tuples."""
    import pyarrow as pa

    from neonblue.stores.events import event_schema

    devices = ["mobile" if number % 3 else "desktop" for *_, number in rows]
    columns = {
        "event_id": [row[1] for row in rows],
        "user_id": [row[0] for row in rows],
        "experiment_id": [""] * len(rows),
        "variant_id": [""] * len(rows),
        "event_type": [row[2] for row in rows],
        "timestamp": [row[3] for row in rows],
        "value": [20.0 if row[2] == "purchase" else None for row in rows],
        "session_id": [""] * len(rows),
        "properties": [[("device", device)] for device in devices],
        "source": ["test"] * len(rows),
    }
    schema = event_schema()
    return pa.table({name: pa.array(columns[name], schema.field(name).type) for name in columns})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop in a real chDB."""
    from neonblue.stores import open_store

    store = open_store(f"chdb://{tmp_path_factory.mktemp('shop') / 'clickhouse'}")
    store.events.insert(shop_events(600))
    yield Shop(
        store=store,
        buyers=tuple(f"user{number}" for number in range(0, 600, 2)),
        others=tuple(f"user{number}" for number in range(1, 600, 2)),
    )
    store.close()


def experiment_events(
    name: str, gains: dict[str, float], users: int = 6000, stem: str = ""
) -> "pa.Table":
    """Exposures with device and country, and purchases at 20 % plus the device's gain."""
    import pyarrow as pa

    from neonblue.stores.events import event_schema

    random = np.random.default_rng(11)
    treated = random.random(users) < 0.5
    device = random.choice(["mobile", "desktop"], users)
    country = random.choice(["US", "DE", "FR"], users)
    chance = 0.2 + treated * np.array([gains[one] for one in device])
    buys = random.random(users) < chance
    rows = [
        {
            "event_id": f"{stem}{kind}{number}",
            "user_id": f"{name}-{stem}{number}",
            "experiment_id": name,
            "variant_id": "treatment" if treated[number] else "control",
            "event_type": kind,
            "timestamp": START_MS + number * 1000 + (kind == "purchase") * 60_000,
            "value": None,
            "session_id": "",
            "properties": [("device", str(device[number])), ("country", str(country[number]))],
            "source": "test",
        }
        for number in range(users)
        for kind in ("exposure", "purchase")
        if kind == "exposure" or buys[number]
    ]
    return pa.Table.from_pylist(rows, schema=event_schema())


@pytest.fixture
def behaving(workspace: Workspace) -> Workspace:
    """A workspace with the shop, and two experiments: one that suits some, one that suits all."""
    workspace.store.events.insert(shop_events(200))
    for name, gains in {
        "suits_mobile": {"mobile": 0.15, "desktop": -0.1},
        "suits_all": {"mobile": 0.1, "desktop": 0.1},
    }.items():
        workspace.store.events.insert(experiment_events(name, gains))
        workspace.store.experiments.save(
            Experiment(
                experiment_id=name,
                variants=(
                    Variant(variant_id="control", is_control=True),
                    Variant(variant_id="treatment"),
                ),
                metrics=(MetricDefinition(name="buys", kind="proportion", event_type="purchase"),),
                status="stopped",
            )
        )
    return workspace
