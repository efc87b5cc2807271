"""A store with two experiments, one that runs and one that ended, on chDB and on a real server."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.services import clickhouse_server
from tests.services.clickhouse_server import ClickHouseServer

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores import Store, open_store
from neonblue.stores.events import event_schema
from neonblue.stores.outcomes import Outcome

UNITS = 400
DAY = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def server() -> Iterator[ClickHouseServer]:
    reason = clickhouse_server.missing()
    if reason is not None:
        pytest.skip(reason)
    with clickhouse_server.running() as running:
        yield running


@pytest.fixture(scope="module", params=["chdb", "server"])
def either(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Store]:
    """The engine in this process, and a server."""
    if request.param == "chdb":
        folder: Path = tmp_path_factory.mktemp("query")
        dsn = f"chdb://{folder / 'clickhouse'}"
    else:
        dsn = request.getfixturevalue("server").dsn(database="query_tests")
    with closing(open_store(dsn)) as opened:
        opened.database.command("TRUNCATE TABLE events")
        fill(opened)
        yield opened


def fill(store: Store) -> None:
    """``shop`` ended, ``prices`` runs; a property, the prices and a page of the latter tell."""
    bought = MetricDefinition(name="bought", kind="proportion", event_type="purchase", mde=0.1)
    variants = (Variant(variant_id="control", is_control=True), Variant(variant_id="treatment"))
    for name, status in (("shop", "stopped"), ("prices", "running")):
        plan: Any = {"experiment_id": name, "status": status, "name": f"The {name} test"}
        store.experiments.save(
            Experiment(**plan, variants=variants, metrics=(bought,), planned_sample_size=10_000)
        )
        store.events.insert(pa.Table.from_pylist(list(_events(name)), schema=event_schema()))


def _events(experiment_id: str) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(5)
    for unit in range(UNITS):
        treated = bool(rng.random() < 0.5)
        seen = DAY + timedelta(minutes=unit * 20)
        stem = {
            "user_id": f"{experiment_id}-{unit}@example.org",
            "experiment_id": experiment_id,
            "variant_id": "treatment" if treated else "control",
            "session_id": "",
            "source": "test",
            "value": None,
        }
        properties = [
            ("country", ("DE", "US", "IN")[unit % 3]),
            ("cell", "B" if treated else "A"),
            ("cookie", f"{'B' if treated else 'A'}{unit}"),
        ]
        yield stem | {
            "event_id": f"x{unit}",
            "event_type": "exposure",
            "timestamp": seen,
            "properties": properties,
        }
        if treated:
            yield stem | {
                "event_id": f"n{unit}",
                "event_type": f"new_page_{experiment_id}",
                "timestamp": seen + timedelta(minutes=1),
                "properties": [],
            }
        if rng.random() < 0.5:
            price = 12.99 if treated and experiment_id == "prices" else 9.99
            yield stem | {
                "event_id": f"p{unit}",
                "event_type": "purchase" if experiment_id == "shop" else "order",
                "timestamp": seen + timedelta(minutes=3),
                "value": price,
                "properties": [],
            }


def past_outcome(experiment_id: str, lift: float, decision: str) -> Outcome:
    """What the treatment of a finished experiment came to, on the metric ``bought``."""
    return Outcome(
        experiment_id=experiment_id,
        version=1,
        metric="bought",
        variant_id="treatment",
        role="primary",
        kind="proportion",
        direction="increase",
        event_type="purchase",
        units=1000,
        relative_lift=lift,
        standard_error=0.01,
        decision=decision,
    )
