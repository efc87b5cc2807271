"""An effect that is gone does not ship on the past, and every figure speaks of one comparison."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.deciding import deciding
from neonblue.intelligence.evidence import Analysis
from neonblue.intelligence.narrative import recommend
from neonblue.intelligence.recollection.facts import facts_of
from neonblue.models import MetricDefinition, Variant
from neonblue.stores import Store
from neonblue.stores.looks import Look

PRIMARY = MetricDefinition(name="purchase", kind="proportion", event_type="purchase", mde=0.1)


def codes(found: Analysis) -> set[str]:
    return {reason.code for reason in found.decision.reasons}


def early_effect(world, rate: float, until: int) -> None:
    chance = np.where(world.treated & (world.day < until), rate, 0.1)
    world.buys = world.rng.random(world.units) < chance


def test_the_effect_of_the_first_days_that_is_gone_does_not_ship(
    store: Store, simulate, world, now: datetime
) -> None:
    early_effect(world, rate=0.2, until=4)
    simulate(world, metrics=(PRIMARY,))
    found = analyze(store, "exp", now=now)
    assert found.metrics[0].comparisons[0].ci_lower > 0
    assert found.decision.decision == "keep_running"
    assert "effect_changed" in codes(found)
    assert "2026-03" in next(r.detail for r in found.decision.reasons if r.code == "effect_changed")


def test_an_effect_that_is_gone_is_seen_by_the_looks_where_units_have_no_times(
    store: Store, simulate, world, now: datetime
) -> None:
    """As a growing file without times gives it: all units came at once, as far as is known."""
    early_effect(world, rate=0.18, until=6)
    world.day[:] = 0
    simulate(world, metrics=(PRIMARY,), status="stopped")
    past = Look(
        experiment_id="exp", version=1, metric="purchase", variant_id="treatment",
        looked_at=now - timedelta(days=6), actor="test", units=10_300, estimate=0.08,
        ci_lower=0.06, ci_upper=0.10, p_value=1e-5, running_p_value=1e-5,
    )  # fmt: skip
    store.looks.append([past])
    found = analyze(store, "exp", now=now)
    assert not found.validity.failed
    assert found.metrics[0].comparisons[0].ci_lower > 0
    assert found.decision.decision != "ship"
    assert "effect_changed" in codes(found)
    (reason,) = [one for one in found.decision.reasons if one.code == "effect_changed"]
    assert "10,300 units" in reason.detail


def test_a_constant_effect_ships(store: Store, simulate, world, now: datetime) -> None:
    early_effect(world, rate=0.14, until=99)
    simulate(world, metrics=(PRIMARY,))
    found = analyze(store, "exp", now=now)
    assert (found.decision.decision, "effect_changed" in codes(found)) == ("ship", False)


@pytest.mark.parametrize(("estimate", "half"), [(-0.03, 0.012), (0.05, 0.02)])
def test_what_an_earlier_look_said_does_not_decide(
    store: Store, simulate, world, now: datetime, estimate: float, half: float
) -> None:
    """A look at -3 pp with p 7e-5, and later nothing: no ship, and the change is said."""
    simulate(world, metrics=(PRIMARY,))
    past = Look(
        experiment_id="exp", version=1, metric="purchase", variant_id="treatment",
        looked_at=now - timedelta(days=6), actor="test", units=3_000, estimate=estimate,
        ci_lower=estimate - half, ci_upper=estimate + half, p_value=7e-5, running_p_value=7e-5,
    )  # fmt: skip
    store.looks.append([past])
    found = analyze(store, "exp", now=now)
    assert found.decision.decision not in ("ship", "rollback")
    reason = next(r for r in found.decision.reasons if r.code == "effect_changed")
    assert f"{estimate:+.4g}" in reason.detail
    assert "2026-03-14" in reason.detail
    comparison = found.metrics[0].comparisons[0]
    assert comparison.p_value > 0.05
    assert comparison.least_p_value == pytest.approx(7e-5)


def test_with_two_treatments_everything_speaks_of_the_one_that_ships(
    store: Store, simulate, world, now: datetime
) -> None:
    """The harmful one has the smaller p; the verdict ships the other."""
    world.buys = world.rng.random(world.units) < np.where(world.treated, 0.15, 0.1)
    experiment = simulate(
        world,
        metrics=(PRIMARY,),
        variants=(
            Variant(variant_id="control", is_control=True),
            Variant(variant_id="treatment"),
            Variant(variant_id="bad"),
        ),
        planned_sample_size=36_000,
    )
    rows = []
    for unit in range(12_000):
        stem = {
            "user_id": f"b{unit}", "experiment_id": "exp", "variant_id": "bad", "session_id": "",
            "source": "test", "value": None, "properties": [],
        }  # fmt: skip
        at = now - timedelta(days=14 - unit % 14, seconds=-unit)
        rows.append(stem | {"event_id": f"bx{unit}", "event_type": "exposure", "timestamp": at})
        if unit % 100 < 2:
            later = at + timedelta(seconds=60)
            bought = {"event_id": f"bp{unit}", "event_type": "purchase", "value": 1.0}
            rows.append(stem | bought | {"timestamp": later})
    import pyarrow as pa

    from neonblue.stores.events import event_schema

    store.events.insert(pa.Table.from_pylist(rows, schema=event_schema()))
    found = analyze(store, experiment.experiment_id, now=now)
    assert (found.decision.decision, found.decision.variant) == ("ship", "treatment")
    decides = deciding(found)
    assert decides is not None
    assert decides.key == ("purchase", "treatment")
    assert not decides.harmful
    assert decides.ci_lower > 0
    assert any(
        "expect about +" in advice and "'treatment'" in advice for advice in recommend(found)
    )
    facts = facts_of(found)
    assert facts.comparison is not None
    assert facts.comparison.variant == "treatment"
    assert facts.improvement > 0
