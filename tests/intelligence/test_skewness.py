"""A metric that hangs on a few units is said to, by name, at every analysis."""

from datetime import datetime

import numpy as np
import pytest

from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.evidence import Check
from neonblue.models import MetricDefinition
from neonblue.stores import Store

REVENUE = MetricDefinition(
    name="revenue", kind="mean", event_type="purchase", aggregation="sum", mde=0.1
)
CAPPED = MetricDefinition(
    name="capped",
    kind="mean",
    event_type="purchase",
    aggregation="sum",
    mde=0.1,
    winsorize_quantile=0.99,
)


def skewness(store: Store, now: datetime) -> Check:
    found = analyze(store, "exp", now=now)
    return next(check for check in found.validity.checks if check.name == "skewness")


def test_a_heavy_tail_is_named_and_a_capped_one_is_not(
    store: Store, simulate, world, now: datetime
) -> None:
    world.buys = world.rng.random(world.units) < 0.05
    world.value = world.rng.lognormal(3.0, 3.0, world.units)
    simulate(world, metrics=(REVENUE, CAPPED))
    found = skewness(store, now)
    assert (found.status, found.metrics) == ("warn", ("revenue",))
    assert "winsorize_quantile" in found.detail


def test_the_warning_reaches_the_verdict_and_the_recommendations(
    store: Store, simulate, world, now: datetime
) -> None:
    from neonblue.intelligence.narrative import recommend

    world.value = world.rng.lognormal(3.0, 3.0, world.units)
    simulate(world, metrics=(REVENUE,))
    found = analyze(store, "exp", now=now)
    assert any(
        reason.code == "check_warning" and reason.detail.startswith("skewness: ")
        for reason in found.decision.reasons
    )
    assert any("Cap it" in advice for advice in recommend(found))


def test_ordinary_revenue_and_proportions_pass(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world)
    assert skewness(store, now).status == "pass"


@pytest.mark.parametrize("offset", [1.7e9, 1e15])
def test_epoch_sized_values_are_not_taken_for_a_tail(
    store: Store, simulate, world, now: datetime, offset: float
) -> None:
    """Raw third moments lose every digit there; nothing is said rather than something wrong."""
    world.buys[:] = True
    world.value = offset + world.rng.integers(0, 100, world.units)
    simulate(world, metrics=(REVENUE,))
    assert skewness(store, now).status != "warn"


def test_a_rare_conversion_waits_until_it_has_been_seen_ten_times(
    store: Store, simulate, world, now: datetime
) -> None:
    world.buys[:] = False
    world.buys[np.flatnonzero(world.treated)[:8]] = True
    simulate(world)
    comparison = analyze(store, "exp", now=now).metrics[0].comparisons[0]
    assert comparison.p_value == 1.0
    assert "effective units of the 10" in comparison.note


def test_refunds_take_away_the_promise_that_values_are_not_negative(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world)
    assert "revenue" in analyze(store, "exp", now=now).terms.nonnegative
    world.buys[5], world.value[5] = True, -30.0
    simulate(world, experiment_id="refunded")
    assert "revenue" not in analyze(store, "refunded", now=now).terms.nonnegative
