"""Definitions are versioned, statuses keep their history, unknown names get help."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from neonblue.errors import NotFoundError
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.models.lifecycle import frozen_changes
from neonblue.stores import Store

PLAN = Experiment(
    experiment_id="checkout",
    variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="treatment")),
    metrics=(MetricDefinition(name="bought", kind="proportion", event_type="purchase"),),
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_a_definition_comes_back_as_it_was_stored(store: Store) -> None:
    stored = store.experiments.save(PLAN)
    assert store.experiments.get("checkout") == stored
    assert replace(stored, created_at=None) == PLAN


def test_the_same_definition_again_is_no_new_version(store: Store) -> None:
    first = store.experiments.save(PLAN)
    assert store.experiments.save(PLAN) == first


def test_another_definition_is_the_next_version_and_the_first_stays_readable(store: Store) -> None:
    store.experiments.save(PLAN)
    changed = store.experiments.save(replace(PLAN, alpha=0.01))
    assert changed.version == 2
    assert store.experiments.version("checkout", 1).alpha == 0.05


def test_a_status_is_history_and_survives_a_new_version(store: Store) -> None:
    store.experiments.save(PLAN)
    store.experiments.set_status("checkout", "paused", reason="holiday", actor="ana")
    store.experiments.save(replace(PLAN, name="Checkout"))
    assert store.experiments.get("checkout").status == "paused"
    changes = store.experiments.status_history("checkout")
    assert [(change.status, change.actor) for change in changes] == [("paused", "ana")]


def test_an_unknown_experiment_names_the_close_ones(store: Store) -> None:
    store.experiments.save(PLAN)
    with pytest.raises(NotFoundError, match="did you mean 'checkout'"):
        store.experiments.get("chekout")


def test_what_decides_an_analysis_is_named_when_it_changes() -> None:
    assert frozen_changes(PLAN, replace(PLAN, name="x")) == ()
    assert frozen_changes(PLAN, replace(PLAN, alpha=0.1, segments=("os",))) == ("alpha", "segments")
