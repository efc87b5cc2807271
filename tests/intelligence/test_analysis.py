"""What an analysis says of simulated experiments whose truth is known."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from neonblue.errors import ConflictError, NotFoundError
from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.evidence import Analysis, Comparison
from neonblue.models import MetricDefinition
from neonblue.stores import Store


def purchase(found: Analysis) -> Comparison:
    return found.metrics[0].comparisons[0]


def give_lift(world, lift: float) -> None:
    rate = np.where(world.treated, 0.1 * (1 + lift), 0.1)
    world.buys = world.rng.random(world.units) < rate


def test_a_clear_win_is_shipped(store: Store, simulate, world, now: datetime) -> None:
    give_lift(world, 0.4)
    found = analyze(store, simulate(world).experiment_id, now=now)
    assert found.decision.decision == "ship"
    assert found.decision.variant == "treatment"
    assert purchase(found).ci_lower > 0
    assert 0 < purchase(found).shrunk_relative_lift < purchase(found).relative_lift


def test_a_clear_loss_is_rolled_back_even_when_young(
    store: Store, simulate, world, now: datetime
) -> None:
    give_lift(world, -0.5)
    simulate(world, minimum_duration_days=60.0)
    assert analyze(store, "exp", now=now).decision.decision == "rollback"


def test_a_young_win_keeps_running(store: Store, simulate, world, now: datetime) -> None:
    give_lift(world, 0.4)
    simulate(world, minimum_duration_days=60.0)
    assert analyze(store, "exp", now=now).decision.decision == "keep_running"


def test_effects_of_a_broken_experiment_are_withheld(
    store: Store, simulate, world, now: datetime
) -> None:
    give_lift(world, 0.4)
    world.lose(world.treated, 0.2)
    simulate(world)
    found = analyze(store, "exp", now=now)
    assert found.decision.decision == "invalid"
    assert [effects.status for effects in found.metrics] == ["withheld", "withheld"]
    assert all(effects.comparisons == () for effects in found.metrics)


def test_every_look_is_recorded_and_the_least_p_is_kept(
    store: Store, simulate, world, now: datetime
) -> None:
    give_lift(world, 0.4)
    simulate(world)
    first = analyze(store, "exp", now=now, actor="a")
    second = analyze(store, "exp", now=now + timedelta(minutes=1), actor="b")
    assert (first.look.number, second.look.number) == (1, 2)
    history = store.looks.history("exp", metric="purchase")
    assert [look.actor for look in history] == ["a", "b"]
    assert purchase(second).p_value <= purchase(first).p_value


def test_an_invalid_experiment_is_looked_at_too(
    store: Store, simulate, world, now: datetime
) -> None:
    world.lose(world.treated, 0.2)
    simulate(world)
    analyze(store, "exp", now=now)
    assert analyze(store, "exp", now=now + timedelta(minutes=1)).look.number == 2


def test_fixed_horizon_waits_for_the_planned_units(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world, planned_sample_size=40_000)
    assert purchase(analyze(store, "exp", now=now)).fixed_horizon is None


def test_fixed_horizon_is_shown_at_the_planned_units(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world, planned_sample_size=20_000)
    assert purchase(analyze(store, "exp", now=now)).fixed_horizon is not None


def test_stopping_early_does_not_bring_fixed_horizon_back(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world, planned_sample_size=40_000)
    analyze(store, "exp", now=now)
    store.experiments.set_status("exp", "stopped")
    assert purchase(analyze(store, "exp", now=now)).fixed_horizon is None


def test_looking_without_a_plan_and_then_stopping_does_not_either(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world, planned_sample_size=None)
    analyze(store, "exp", now=now)
    store.experiments.set_status("exp", "stopped")
    assert purchase(analyze(store, "exp", now=now)).fixed_horizon is None


def test_an_end_that_nobody_watched_shows_the_textbook(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world, planned_sample_size=None, status="stopped")
    found = analyze(store, "exp", now=now)
    assert purchase(found).fixed_horizon is not None
    assert found.look.recorded


def test_a_covariate_takes_noise_out(store: Store, simulate, world, now: datetime) -> None:
    world.buys = world.rng.random(world.units) < 0.04 * world.visits
    simulate(world)
    assert purchase(analyze(store, "exp", now=now)).covariate_variance_reduction > 0.02


def test_groups_that_differed_before_are_invalid(
    store: Store, simulate, world, now: datetime
) -> None:
    world.visits = world.visits + world.treated
    simulate(world)
    found = analyze(store, "exp", now=now)
    assert [check.name for check in found.validity.failed] == ["pre_period_balance"]


def test_a_quiet_running_experiment_is_stale(store: Store, simulate, world, now: datetime) -> None:
    simulate(world)
    found = analyze(store, "exp", now=now + timedelta(days=10))
    assert [check.name for check in found.validity.failed] == ["data_freshness"]


def test_a_metric_without_variance_is_invalid(store: Store, simulate, world, now: datetime) -> None:
    world.buys[:] = True
    simulate(world)
    found = analyze(store, "exp", now=now)
    assert "variance" in [check.name for check in found.validity.failed]


def test_changed_weights_make_it_invalid(store: Store, simulate, world, now: datetime) -> None:
    experiment = simulate(world)
    variants = (experiment.variants[0], replace(experiment.variants[1], weight=3.0))
    store.experiments.save(replace(experiment, variants=variants))
    found = analyze(store, "exp", now=now)
    assert "plan_unchanged" in [check.name for check in found.validity.failed]


def test_an_experiment_without_units_says_what_is_missing(
    store: Store, simulate, world, now: datetime
) -> None:
    world.kept[:] = False
    simulate(world)
    found = analyze(store, "exp", now=now)
    assert found.decision.decision == "keep_running"
    assert found.metrics[0].status == "insufficient_data"


def test_a_draft_has_no_results(store: Store, simulate, world, now: datetime) -> None:
    simulate(world, status="draft")
    with pytest.raises(ConflictError, match="is a draft"):
        analyze(store, "exp", now=now)


def test_an_unknown_experiment_is_named(store: Store, now: datetime) -> None:
    with pytest.raises(NotFoundError, match="'nope'"):
        analyze(store, "nope", now=now)


PURCHASE = MetricDefinition(name="purchase", kind="proportion", event_type="purchase")
QUANTILE = MetricDefinition(
    name="order_p75",
    kind="quantile",
    event_type="purchase",
    aggregation="sum",
    role="secondary",
    quantile=0.95,
)


def test_a_quantile_may_be_watched_before_the_planned_units(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world, metrics=(PURCHASE, QUANTILE), planned_sample_size=40_000)
    (found,) = analyze(store, "exp", now=now).metrics[-1].comparisons
    assert found.fixed_horizon is None
    assert found.ci_lower < 0.0 < found.ci_upper
    assert found.p_value > 0.05


@pytest.mark.parametrize(("slower", "decision"), [(1.0, "ship"), (3.0, "rollback")])
def test_a_guardrail_on_a_quantile_decides(
    store: Store, simulate, world, now: datetime, slower: float, decision: str
) -> None:
    """Purchases rise by half; the slowest pages must not take three times as long."""
    world.buys = world.rng.random(world.units) < np.where(world.treated, 0.3, 0.2)
    latency = np.random.default_rng(2).lognormal(5.0, 0.8, world.units)
    latency *= np.where(world.treated, slower, 1.0)
    pages = [
        {
            "event_id": f"l{unit}",
            "user_id": f"u{unit}",
            "experiment_id": "exp",
            "variant_id": "treatment" if world.treated[unit] else "control",
            "event_type": "page_load",
            "timestamp": now - timedelta(minutes=1),
            "session_id": "",
            "source": "test",
            "value": float(latency[unit]),
            "properties": [],
        }
        for unit in range(world.units)
    ]
    slowest = MetricDefinition(
        name="p90",
        kind="quantile",
        quantile=0.9,
        event_type="page_load",
        aggregation="sum",
        role="guardrail",
        direction="decrease",
        margin=0.2,
    )
    metrics = (replace(PURCHASE, mde=0.1), slowest)
    simulate(world, pages, metrics=metrics, planned_sample_size=40_000)
    analysis = analyze(store, "exp", now=now)
    assert analysis.decision.decision == decision
    assert any(reason.metric == "p90" for reason in analysis.decision.reasons)


def test_a_quantile_is_shown_at_the_planned_units(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world, metrics=(PURCHASE, QUANTILE), planned_sample_size=20_000)
    effects = analyze(store, "exp", now=now).metrics[-1]
    assert effects.status == "available"
    assert effects.comparisons[0].fixed_horizon.p_value > 0.001
    assert effects.comparisons[0].p_value > 0.05
