"""A real chDB in a temporary folder, and a plan to write into it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"chdb://{tmp_path / 'clickhouse'}", max_memory_fraction=0.2)
    yield opened
    opened.close()


@pytest.fixture
def plan() -> Experiment:
    return Experiment(
        experiment_id="checkout",
        variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="short")),
        metrics=(MetricDefinition(name="bought", kind="proportion", event_type="purchase"),),
        status="draft",
    )
