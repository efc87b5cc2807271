"""A real chDB in a temporary folder, and a plan to write into it."""

import pytest

from neonblue.models import Experiment, MetricDefinition, Variant


@pytest.fixture
def plan() -> Experiment:
    return Experiment(
        experiment_id="checkout",
        variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="short")),
        metrics=(MetricDefinition(name="bought", kind="proportion", event_type="purchase"),),
        status="draft",
    )
