"""Guardrails that are not measured alike, or no longer there, do not let a treatment ship."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from neonblue.errors import ConflictError
from neonblue.ingest.definitions.define import define
from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.look_gate import pass_gate
from neonblue.models import MetricDefinition
from neonblue.stores import Store


@pytest.fixture
def shipping(world: Any) -> Any:
    """A treatment that converts three times as often."""
    world.buys = world.rng.random(world.units) < np.where(world.treated, 0.3, 0.1)
    return world


def codes(found: Any) -> set[str]:
    return {reason.code for reason in found.decision.reasons}


def test_a_guardrail_that_one_variant_does_not_send_is_no_evidence(
    store: Store, simulate: Callable[..., Any], shipping: Any, now: datetime, measure: Any
) -> None:
    latency = MetricDefinition(
        name="latency",
        kind="mean",
        event_type="latency",
        aggregation="sum",
        role="guardrail",
        direction="decrease",
        margin=0.05,
    )
    plan = simulate(shipping, status="stopped", planned_sample_size=None)
    store.experiments.save(replace(plan, metrics=(plan.metrics[0], latency)))
    measure(shipping, "latency", ~shipping.treated)
    found = analyze(store, "exp", now=now)
    assert found.decision.decision == "review"
    assert "guardrail_without_evidence" in codes(found)
    assert any("no unit of 'treatment' has" in reason.detail for reason in found.decision.reasons)
    measure(shipping, "latency", shipping.treated & (shipping.day < 4))
    assert any(
        "stop early" in reason.detail for reason in analyze(store, "exp", now=now).decision.reasons
    )
    measure(shipping, "latency", shipping.treated & (shipping.day >= 4))
    assert analyze(store, "exp", now=now).decision.decision == "ship"


@pytest.mark.parametrize(
    ("share", "times", "ships"),
    [
        (0.2, 3.0, False),  # three times as slow, for the fifth that reports
        (0.8, 1.2, False),
        (0.2, 1.0, False),  # a measurement that most units of the control have
        (1.0, 0.7, True),
        (0.96, 1.0, True),
    ],
)
def test_a_sum_is_not_smaller_because_fewer_units_report(
    store: Store,
    simulate: Callable[..., Any],
    shipping: Any,
    now: datetime,
    measure: Any,
    share: float,
    times: float,
    ships: bool,
) -> None:
    latency = MetricDefinition(
        name="latency",
        kind="mean",
        event_type="latency",
        aggregation="sum",
        role="guardrail",
        direction="decrease",
        margin=0.1,
    )
    plan = simulate(shipping, status="stopped", planned_sample_size=None)
    store.experiments.save(replace(plan, metrics=(plan.metrics[0], latency)))
    shipping.value = np.where(shipping.treated, times, 1.0) * shipping.value
    measure(shipping, "latency", ~shipping.treated | (shipping.rng.random(shipping.units) < share))
    found = analyze(store, "exp", now=now)
    assert (found.decision.decision == "ship") == ships, found.decision
    if not ships:
        assert any("report 'latency'" in reason.detail for reason in found.decision.reasons)


def test_fewer_errors_are_an_improvement(
    store: Store, simulate: Callable[..., Any], shipping: Any, now: datetime, measure: Any
) -> None:
    """Units without an error report none, and that is what was wanted."""
    errors = MetricDefinition(
        name="errors",
        kind="mean",
        event_type="error",
        aggregation="sum",
        role="guardrail",
        direction="decrease",
        margin=0.1,
    )
    plan = simulate(shipping, status="stopped", planned_sample_size=None)
    store.experiments.save(replace(plan, metrics=(plan.metrics[0], errors)))
    rare = shipping.rng.random(shipping.units) < np.where(shipping.treated, 0.04, 0.12)
    measure(shipping, "error", rare)
    assert analyze(store, "exp", now=now).decision.decision == "ship"


def test_a_guardrail_that_was_read_stays_one(
    store: Store, simulate: Callable[..., Any], shipping: Any, now: datetime
) -> None:
    plan = simulate(shipping, status="stopped", planned_sample_size=None)
    primary, revenue = plan.metrics[:2]
    guard = replace(revenue, role="guardrail", direction="decrease", margin=0.05)
    store.experiments.save(replace(plan, metrics=(primary, guard)))
    assert analyze(store, "exp", now=now).decision.decision != "ship"
    turned = replace(guard, role="secondary", direction="increase", margin=None)
    store.experiments.save(replace(plan, metrics=(primary, turned)))
    found = analyze(store, "exp", now=now + timedelta(seconds=1))
    assert found.decision.decision != "ship"
    assert "still_guardrail" in codes(found)
    kept = next(one for one in found.experiment.metrics if one.name == guard.name)
    assert (kept.role, kept.direction, kept.margin) == ("guardrail", "decrease", 0.05)
    store.experiments.save(replace(plan, metrics=(primary,)))
    found = analyze(store, "exp", now=now + timedelta(seconds=2))
    assert found.decision.decision in ("review", "keep_running")
    assert any("is defined no more" in reason.detail for reason in found.decision.reasons)


def test_what_is_no_guardrail_may_come_and_go(
    store: Store, simulate: Callable[..., Any], shipping: Any, now: datetime
) -> None:
    plan = simulate(shipping, status="stopped", planned_sample_size=None)
    analyze(store, "exp", now=now)
    store.experiments.save(replace(plan, metrics=plan.metrics[:1]))
    found = analyze(store, "exp", now=now)
    assert not {"still_guardrail", "guardrail_without_evidence"} & codes(found)


def test_the_same_totals_under_other_ids_of_units_are_recognised(
    store: Store, simulate: Callable[..., Any], world: Any, now: datetime, renamed: Any
) -> None:
    simulate(world, status="stopped", planned_sample_size=None)
    analyze(store, "exp", now=now)
    renamed(world, "again")
    found = analyze(store, "again", now=now + timedelta(seconds=1))
    assert any("read before under 'exp'" in note for note in found.notes)


def test_a_draft_shows_nothing_and_begins_when_it_is_defined_as_running(
    store: Store, simulate: Callable[..., Any], world: Any
) -> None:
    plan = simulate(world, status="draft")
    with pytest.raises(ConflictError, match="is a draft"):
        pass_gate(store, plan, "a funnel by variant")
    assert define(store, replace(plan, status="running")).changed
    assert store.experiments.get("exp").status == "running"
