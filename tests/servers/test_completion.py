"""Completion of experiment ids, on the hub and on a server alone."""

from typing import Any

import pytest
from fastmcp import Client
from mcp_types import PromptReference, ResourceTemplateReference

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.servers.hub import build
from neonblue.workspace import Workspace

NAMES = ("checkout_one_page", "new_checkout", "search_ranking")
VARIANTS = (
    Variant(variant_id="control", weight=0.5, is_control=True),
    Variant(variant_id="treatment", weight=0.5),
)
METRICS = (MetricDefinition(name="bought", kind="proportion", event_type="purchase"),)
REFERENCES = [
    ResourceTemplateReference(uri="experiment://{experiment_id}"),
    PromptReference(name="review_experiment"),
]


@pytest.fixture
def experiments(workspace: Workspace) -> Workspace:
    for name in NAMES:
        workspace.store.experiments.save(
            Experiment(experiment_id=name, variants=VARIANTS, metrics=METRICS, status="draft")
        )
    return workspace


@pytest.mark.parametrize("server", ["neonblue", "experiment_intelligence"])
@pytest.mark.parametrize("reference", REFERENCES, ids=["resource", "prompt"])
async def test_ids_that_begin_with_what_was_typed_come_first(
    experiments: Workspace, server: str, reference: Any
) -> None:
    async with Client(build(server)) as client:
        found = await client.complete(reference, {"name": "experiment_id", "value": "Check"})
    assert found.values == ["checkout_one_page", "new_checkout"]


async def test_other_arguments_are_not_completed(experiments: Workspace) -> None:
    async with Client(build()) as client:
        found = await client.complete(REFERENCES[1], {"name": "team", "value": "c"})
    assert found.values == []
