"""What was not measured does not disappear: no ship, and the verdict names it."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.evidence import Analysis
from neonblue.intelligence.narrative import summarise
from neonblue.models import MetricDefinition, Variant
from neonblue.stores import Store

PRIMARY = MetricDefinition(name="purchase", kind="proportion", event_type="purchase", mde=0.1)


def guardrail(event_type: str, **changes) -> MetricDefinition:  # type: ignore[no-untyped-def]
    fields = {"kind": "mean", "aggregation": "sum", "margin": 0.05, "direction": "decrease"}
    return MetricDefinition(
        name="latency", event_type=event_type, role="guardrail", **(fields | changes)
    )


def win(world) -> None:
    world.buys = world.rng.random(world.units) < np.where(world.treated, 0.16, 0.1)


def check(found: Analysis) -> tuple[str, str]:
    return next((c.status, c.detail) for c in found.validity.checks if c.name == "metric_events")


def test_a_misspelt_guardrail_fails_and_says_what_comes_close(
    store: Store, simulate, world, now: datetime
) -> None:
    win(world)
    simulate(world, metrics=(PRIMARY, guardrail("purchsae")))
    found = analyze(store, "exp", now=now)
    assert found.decision.decision == "invalid"
    status, detail = check(found)
    assert status == "fail"
    assert "'purchsae'" in detail
    assert "did you mean 'purchase'" in detail


def test_a_rare_event_known_elsewhere_warns_and_stops_the_ship(
    store: Store, simulate, world, now: datetime
) -> None:
    win(world)
    refund = {
        "event_id": "other", "user_id": "z", "experiment_id": "another", "variant_id": "a",
        "session_id": "", "source": "test", "value": None, "properties": [],
        "event_type": "refund", "timestamp": now - timedelta(days=40),
    }  # fmt: skip
    simulate(world, extra=[refund], metrics=(PRIMARY, guardrail("refund", aggregation="count")))
    found = analyze(store, "exp", now=now)
    assert check(found)[0] == "warn"
    assert found.decision.decision == "keep_running"
    codes = {reason.code for reason in found.decision.reasons}
    assert {"success", "guardrail_without_evidence"} <= codes
    assert "'refund'" in summarise(found)
    store.experiments.set_status("exp", "stopped")
    assert analyze(store, "exp", now=now).decision.decision == "review"


def test_a_type_never_seen_may_still_come_on_the_first_day(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world, metrics=(PRIMARY, guardrail("refund")), started_at=now - timedelta(hours=6))
    assert check(analyze(store, "exp", now=now))[0] == "warn"


def test_a_guardrail_without_variance_stops_the_ship(
    store: Store, simulate, world, now: datetime
) -> None:
    win(world)
    flat = guardrail("exposure", aggregation="any", kind="proportion")
    simulate(world, metrics=(PRIMARY, flat))
    found = analyze(store, "exp", now=now)
    assert found.decision.decision == "keep_running"
    assert "guardrail_without_evidence" in {r.code for r in found.decision.reasons}


@pytest.mark.parametrize("role", ["primary", "secondary"])
def test_a_misspelt_denominator_is_found(
    store: Store, simulate, world, now: datetime, role: str
) -> None:
    ratio = MetricDefinition(
        name="rate", kind="ratio", event_type="purchase", aggregation="count",
        denominator_event_type="vist", role=role,  # type: ignore[arg-type]
    )  # fmt: skip
    simulate(world, metrics=(PRIMARY, ratio))
    status, detail = check(analyze(store, "exp", now=now))
    assert status == ("fail" if role == "primary" else "warn")
    assert "denominator event type 'vist'" in detail


def test_a_misspelt_covariate_warns_with_the_property_that_comes_close(
    store: Store, simulate, world, now: datetime
) -> None:
    metric = MetricDefinition(
        name="purchase", kind="proportion", event_type="purchase", covariate="visit"
    )
    simulate(world, metrics=(metric,))
    status, detail = check(analyze(store, "exp", now=now))
    assert status == "warn"
    assert "did you mean 'visits'" in detail


def test_a_treatment_without_units_is_named(store: Store, simulate, world, now: datetime) -> None:
    win(world)
    variants = (
        Variant(variant_id="control", is_control=True, weight=1000),
        Variant(variant_id="treatment", weight=1000),
        Variant(variant_id="third", weight=0.01),
    )
    simulate(world, metrics=(PRIMARY,), variants=variants)
    assert "Treatment 'third' has no units" in summarise(analyze(store, "exp", now=now))
