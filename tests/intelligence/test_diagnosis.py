"""One call says whether an experiment can be trusted; the known cause is named first."""

from dataclasses import replace
from datetime import datetime, timedelta

from neonblue.intelligence.diagnosis import diagnose
from neonblue.stores import Store


def codes(store: Store, now: datetime) -> list[str]:
    return [finding.code for finding in diagnose(store, "exp", now=now).findings]


def test_a_sound_experiment_is_trusted(store: Store, simulate, world, now: datetime) -> None:
    simulate(world)
    found = diagnose(store, "exp", now=now)
    assert found.trust in ("trusted", "caution")
    assert not [finding for finding in found.findings if finding.severity == "critical"]


def test_lost_units_on_an_old_sdk_come_first(store: Store, simulate, world, now: datetime) -> None:
    world.lose(world.treated & (world.sdk_version == "3.9.1"), 0.5)
    simulate(world)
    found = diagnose(store, "exp", now=now)
    assert found.trust == "not_trusted"
    assert found.findings[0].evidence["dimension"] == "sdk_version"
    assert found.findings[0].side == "capture"


def test_units_in_several_variants(store: Store, simulate, world, now: datetime) -> None:
    second = [
        {
            "event_id": f"again{index}",
            "user_id": f"u{index}",
            "experiment_id": "exp",
            "variant_id": "control" if world.treated[index] else "treatment",
            "event_type": "exposure",
            "timestamp": now - timedelta(days=1),
            "session_id": "",
            "properties": [],
            "source": "test",
        }
        for index in range(600)
    ]
    simulate(world, extra=second)
    first = diagnose(store, "exp", now=now).findings[0]
    assert (first.code, first.severity) == ("units_in_several_variants", "critical")
    assert first.evidence["units"] == 600
    assert len(store.database.rows(first.query)) == 100


def test_groups_that_differed_before(store: Store, simulate, world, now: datetime) -> None:
    world.visits = world.visits + world.treated
    simulate(world)
    found = diagnose(store, "exp", now=now)
    assert found.findings[0].code == "groups_differed_before"
    assert found.findings[0].evidence["property"] == "visits"
    assert store.database.rows(found.findings[0].query)


def test_changed_weights_come_before_their_consequences(
    store: Store, simulate, world, now: datetime
) -> None:
    world.lose(world.treated & (world.day >= 9), 0.6)
    experiment = simulate(world)
    variants = (experiment.variants[0], replace(experiment.variants[1], weight=0.4))
    store.experiments.save(replace(experiment, variants=variants))
    assert codes(store, now)[0] == "plan_changed"


def test_stale_data(store: Store, simulate, world, now: datetime) -> None:
    simulate(world)
    assert "stale_data" in codes(store, now + timedelta(days=9))


def test_an_outlier_that_carries_a_metric(store: Store, simulate, world, now: datetime) -> None:
    world.buys[17], world.value[17] = True, 50_000.0
    simulate(world)
    found = [f for f in diagnose(store, "exp", now=now).findings if f.side == "analysis"]
    assert [finding.code for finding in found] == ["outlier_carries_metric"]
    unit = str(found[0].evidence["unit"])
    assert unit.startswith("u_"), "answers name no user"
    assert store.named_users.user_of(unit) == "u17"
    assert store.database.rows(found[0].query)[0][0] == "u17"


def test_a_metric_without_variance(store: Store, simulate, world, now: datetime) -> None:
    world.buys[:] = False
    simulate(world)
    assert "zero_variance" in codes(store, now)


def test_split_that_drifts_but_balances(store: Store, simulate, world, now: datetime) -> None:
    chance = 0.5 + 0.1 * (world.day < 7) - 0.1 * (world.day >= 7)
    world.treated = world.rng.random(world.units) < chance
    simulate(world)
    found = diagnose(store, "exp", now=now)
    assert "mismatch_on_days" in [finding.code for finding in found.findings]


def test_no_units_at_all(store: Store, simulate, world, now: datetime) -> None:
    world.kept[:] = False
    simulate(world)
    assert diagnose(store, "exp", now=now).trust == "insufficient_data"
