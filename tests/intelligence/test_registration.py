"""What was read first binds: no metric, restart or other name gives another chance for nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from neonblue.ingest.definitions.define import define
from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.evidence import Analysis
from neonblue.models import MetricDefinition
from neonblue.stores import Store

PURCHASE, REVENUE = "purchase", "revenue"


def roles(found: Analysis) -> dict[str, str]:
    return {effects.definition.name: effects.definition.role for effects in found.metrics}


def codes(found: Analysis) -> dict[str, str | None]:
    return {reason.code: reason.metric for reason in found.decision.reasons}


def promoted(metrics: tuple[MetricDefinition, ...], name: str) -> tuple[MetricDefinition, ...]:
    return tuple(
        replace(metric, role="primary" if metric.name == name else "secondary")
        for metric in metrics
    )


def test_what_was_not_primary_at_the_first_reading_never_decides(
    store: Store, simulate, world, now: datetime
) -> None:
    world.value[world.treated] *= 2  # the luckiest of what was read
    experiment = simulate(world, status="stopped", planned_sample_size=None)
    assert roles(analyze(store, "exp", now=now)) == {PURCHASE: "primary", REVENUE: "secondary"}
    store.experiments.save(replace(experiment, metrics=promoted(experiment.metrics, REVENUE)))
    found = analyze(store, "exp", now=now)
    assert roles(found) == {PURCHASE: "primary", REVENUE: "secondary"}
    assert found.decision.decision != "ship"
    assert (codes(found)["exploratory"], codes(found)["still_primary"]) == (REVENUE, PURCHASE)


def test_another_name_for_the_metric_changes_nothing(
    store: Store, simulate, world, now: datetime
) -> None:
    world.value[world.treated] *= 2
    experiment = simulate(world, status="stopped", planned_sample_size=None)
    analyze(store, "exp", now=now)
    (revenue,) = [metric for metric in experiment.metrics if metric.name == REVENUE]
    alone = replace(revenue, name="purchase", role="primary")
    store.experiments.save(replace(experiment, metrics=(alone,)))
    found = analyze(store, "exp", now=now)
    assert roles(found) == {PURCHASE: "secondary"}
    assert found.decision.decision == "inconclusive"


def test_a_dropped_primary_metric_keeps_its_share_of_the_error(
    store: Store, simulate, world, now: datetime
) -> None:
    both = tuple(
        replace(metric, role="primary") for metric in simulate(world, status="stopped").metrics
    )
    experiment = store.experiments.save(replace(store.experiments.get("exp"), metrics=both))
    analyze(store, "exp", now=now)
    store.experiments.save(replace(experiment, metrics=both[:1]))
    found = analyze(store, "exp", now=now)
    assert found.experiment.alpha == pytest.approx(0.025)
    assert any("'revenue' was read as primary and dropped" in note for note in found.notes)


def test_a_looser_alpha_after_reading_is_not_taken(
    store: Store, simulate, world, now: datetime
) -> None:
    experiment = simulate(world, status="stopped", planned_sample_size=None)
    analyze(store, "exp", now=now)
    store.experiments.save(replace(experiment, alpha=0.2))
    assert analyze(store, "exp", now=now).experiment.alpha == 0.05


def test_each_restart_that_was_read_takes_its_share_of_the_error(
    store: Store, simulate, world, now: datetime
) -> None:
    experiment = simulate(world)
    analyze(store, "exp", now=now)
    for restart in range(1, 4):
        later = datetime.now(UTC) + timedelta(hours=restart)
        planned = 1_000 + restart
        define(store, replace(experiment, planned_sample_size=planned), new_version=True)
        unread = analyze(store, "exp", now=later)  # no units yet: nothing can be read
        assert unread.experiment.alpha == pytest.approx(0.05 * 0.45)
    assert store.looks.state("exp", 4).read_versions == {1}


def test_the_same_units_under_another_id_are_recognised(
    store: Store, simulate, world, now: datetime
) -> None:
    world.value[world.treated] *= 2
    first = simulate(world, status="stopped", planned_sample_size=None)
    analyze(store, "exp", now=now)
    simulate(
        world,
        experiment_id="again",
        status="stopped",
        planned_sample_size=None,
        metrics=promoted(first.metrics, REVENUE)[1:],
    )
    found = analyze(store, "again", now=now)
    assert roles(found) == {REVENUE: "secondary"}
    assert found.decision.decision != "ship"
    assert found.experiment.alpha == pytest.approx(0.0225)
    assert any("read before under 'exp'" in note for note in found.notes)
    assert not found.look.fixed_horizon_decides
    original = analyze(store, "exp", now=now)
    assert (original.experiment.alpha, original.look.fixed_horizon_decides) == (0.05, True)


def test_other_units_or_another_split_of_them_are_another_experiment(
    store: Store, simulate, world, now: datetime
) -> None:
    """Tests that run side by side share their units, each with its own split."""
    plan: dict[str, Any] = {"status": "stopped", "planned_sample_size": None}
    simulate(world, **plan)
    analyze(store, "exp", now=now)
    world.treated = world.rng.random(world.units) < 0.5
    simulate(world, experiment_id="beside", **plan)
    found = analyze(store, "beside", now=now)
    assert found.experiment.alpha == 0.05
    assert found.look.fixed_horizon_decides


def test_the_first_of_all_readings_says_what_is_primary(
    store: Store, simulate, world, now: datetime
) -> None:
    """A shopper in between does not take it from the metric that was primary from the start."""
    first = simulate(world, status="stopped", planned_sample_size=None)
    analyze(store, "exp", now=now)
    plan: dict[str, Any] = {"status": "stopped", "planned_sample_size": None}
    simulate(world, experiment_id="two", metrics=promoted(first.metrics, REVENUE)[1:], **plan)
    analyze(store, "two", now=now + timedelta(seconds=1))
    simulate(world, experiment_id="three", **plan)
    found = analyze(store, "three", now=now + timedelta(seconds=2))
    assert roles(found) == {PURCHASE: "primary", REVENUE: "secondary"}
    assert found.experiment.alpha == pytest.approx(0.05 * 0.45**2)
