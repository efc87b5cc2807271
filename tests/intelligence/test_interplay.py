"""Effects that fade, experiments that meddle with each other, and worlds without either."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.diagnosis import diagnose
from neonblue.intelligence.diagnosis.finding import Finding
from neonblue.models import MetricDefinition
from neonblue.stores import Store
from neonblue.stores.events import event_schema

BOUGHT = MetricDefinition(name="purchase", kind="proportion", event_type="purchase", mde=0.1)
SPENT = MetricDefinition(name="spent", kind="mean", event_type="purchase", aggregation="sum")
BASELINE = np.array([0.3, 0.12, 0.1, 0.08, 0.06, 0.05, 0.05])
"""Chance of a purchase on each day after exposure: activity fades in both variants."""


def purchases(world, lifts: np.ndarray, start: datetime) -> list[dict[str, Any]]:  # type: ignore[no-untyped-def]
    """One row a purchase, with the treatment's lift on each day after exposure."""
    rows = []
    for day, (rate, lift) in enumerate(zip(BASELINE, lifts, strict=True)):
        chance = np.where(world.treated, rate * (1 + lift), rate)
        for unit in np.flatnonzero(world.rng.random(world.units) < chance).tolist():
            moment = start + timedelta(days=int(world.day[unit]) + day, seconds=unit % 80_000 + 60)
            rows.append(row(unit, f"p{unit}-{day}", "exp", "purchase", moment, value=20.0))
    return rows


def row(
    unit: int, event_id: str, experiment: str, kind: str, moment: datetime, **more: Any
) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "user_id": f"u{unit}",
        "experiment_id": experiment,
        "variant_id": "",
        "event_type": kind,
        "timestamp": moment,
        "session_id": "",
        "properties": [],
        "source": "test",
    } | more


def findings(store: Store, now: datetime, *codes: str) -> list[Finding]:
    return [f for f in diagnose(store, "exp", now=now).findings if f.code in codes]


@pytest.fixture
def week(world) -> Any:  # type: ignore[no-untyped-def]
    """Every unit is exposed in the first week, so that a week of each can be followed."""
    world.day = world.rng.integers(0, 7, world.units)
    world.buys[:] = False
    return world


@pytest.mark.parametrize("metric", [BOUGHT, SPENT], ids=lambda m: m.kind)
def test_an_effect_that_fades_is_found_and_shown(
    store: Store, simulate, week, now: datetime, metric: MetricDefinition
) -> None:
    lifts = 0.6 * np.exp(-np.arange(7) / 2)
    simulate(week, extra=purchases(week, lifts, now - timedelta(days=14)), metrics=(metric,))
    (found,) = findings(store, now, "effect_fades", "effect_grows")
    assert found.code == "effect_fades"
    assert found.evidence["lift_at_first"] == pytest.approx(0.6, abs=0.15)
    assert found.evidence["lift_at_last"] < 0.3
    assert store.database.rows(found.query)
    (shown,) = analyze(store, "exp", now=now, by_days=True).by_days
    assert (shown.trend, shown.metric) == ("novelty", metric.name)
    first = shown.spans[0]
    assert first.ci_lower < 0.6 < first.ci_upper


def test_a_habit_that_grows_is_told_from_novelty(
    store: Store, simulate, week, now: datetime
) -> None:
    lifts = 0.1 + 0.12 * np.arange(7)
    simulate(week, extra=purchases(week, lifts, now - timedelta(days=14)), metrics=(BOUGHT,))
    assert [f.code for f in findings(store, now, "effect_fades", "effect_grows")] == [
        "effect_grows"
    ]


@pytest.mark.parametrize("lift", [0.0, 0.4])
def test_a_lasting_effect_is_no_novelty_though_activity_fades(
    store: Store, simulate, week, now: datetime, lift: float
) -> None:
    lifts = np.full(7, lift)
    simulate(week, extra=purchases(week, lifts, now - timedelta(days=14)), metrics=(BOUGHT,))
    assert findings(store, now, "effect_fades", "effect_grows") == []
    (shown,) = analyze(store, "exp", now=now, by_days=True).by_days
    assert shown.trend == "none"
    assert shown.spans[-1].to_day == 4.0


def test_effects_by_days_cost_nothing_unless_asked_for(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world)
    assert analyze(store, "exp", now=now).by_days == ()


def second_experiment(store: Store, plan_of, world, treated: np.ndarray, now: datetime) -> None:  # type: ignore[no-untyped-def]
    """Another experiment on the same units, assigned as ``treated`` says."""
    store.experiments.save(plan_of(experiment_id="other", planned_sample_size=None))
    rows = [
        row(
            unit,
            f"o{unit}",
            "other",
            "exposure",
            now - timedelta(days=13),
            variant_id="treatment" if treated[unit] else "control",
        )
        for unit in range(world.units)
    ]
    store.events.insert(pa.Table.from_pylist(rows, schema=event_schema()))


def test_two_experiments_that_interact_are_named(
    store: Store, simulate, world, plan_of, now: datetime
) -> None:
    other = world.rng.random(world.units) < 0.5
    rate = 0.1 + 0.06 * (world.treated & other)
    world.buys = world.rng.random(world.units) < rate
    simulate(world)
    second_experiment(store, plan_of, world, other, now)
    (found,) = findings(store, now, "experiments_interact", "assignments_depend")
    assert found.code == "experiments_interact"
    assert found.evidence["experiment"] == "other"
    assert found.evidence["difference_of_effects"] == pytest.approx(0.06, abs=0.02)
    assert sum(cell[2] for cell in store.database.rows(found.query)) == world.units


def test_two_effects_that_only_add_up_do_not_interact(
    store: Store, simulate, world, plan_of, now: datetime
) -> None:
    other = world.rng.random(world.units) < 0.5
    rate = 0.1 + 0.03 * world.treated + 0.05 * other
    world.buys = world.rng.random(world.units) < rate
    simulate(world)
    second_experiment(store, plan_of, world, other, now)
    assert findings(store, now, "experiments_interact", "assignments_depend") == []


def test_assignments_that_share_a_hash_are_named(
    store: Store, simulate, world, plan_of, now: datetime
) -> None:
    flipped = world.rng.random(world.units) < 0.4
    simulate(world)
    second_experiment(store, plan_of, world, world.treated ^ flipped, now)
    (found,) = findings(store, now, "assignments_depend")
    assert "other" in found.headline
    assert found.side == "assignment"


def test_trends_and_interactions_of_nothing_rarely_fire() -> None:
    """At 40 looks each, over 400 worlds without any: at most 1 % fire, as the alarm promises."""
    from neonblue.intelligence.effect_by_days import ALARM_P, _effect
    from neonblue.intelligence.horizon import Horizon
    from neonblue.stores.effect_days import SpanMoments

    rng, fired = np.random.default_rng(11), 0
    horizon = Horizon(planned_n=40_000, maximum_n=None, alpha=0.05, smallest_share=0.5)
    rates = np.array([0.3, 0.12, 0.09, 0.1])
    for _ in range(400):
        hits = np.cumsum(rng.binomial(500, rates[:, None], (2, 40, 4, 1))[..., 0], axis=1)
        seen = False
        for look in range(40):
            n = 500 * (look + 1)
            pair = tuple(
                SpanMoments(
                    units=n,
                    means=hits[side, look] / n,
                    covariance=np.diag(hits[side, look] / n * (1 - hits[side, look] / n)),
                )
                for side in (0, 1)
            )
            effect = _effect(("m", "t"), (0.0, 1.0, 2.0, 4.0, 7.0), pair, horizon, 1)
            seen = seen or effect.p_value <= ALARM_P
        fired += seen
    assert fired / 400 <= 2 * ALARM_P
