"""What decides is fixed at launch: every way round it that an agent may think of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from neonblue.errors import ConflictError
from neonblue.ingest.definitions.define import define
from neonblue.intelligence.analysis import analyze
from neonblue.intelligence.diagnosis import diagnose
from neonblue.intelligence.segment_discovery import discover_segments
from neonblue.models import MetricDefinition
from neonblue.stats.moments import proportion_summary
from neonblue.stores import Store
from neonblue.stores.aggregates import Aggregate
from neonblue.stores.events import event_schema

LOOSER: dict[str, Any] = {
    "alpha": 0.2,
    "planned_sample_size": 20_000,
    "maximum_sample_size": 400_000,
    "prior_mean": 0.5,
    "minimum_duration_days": 0.0,
    "segments": ("browser",),
    "metrics": (
        MetricDefinition(name="purchase", kind="proportion", event_type="purchase", mde=0.9),
    ),
}


@pytest.mark.parametrize("field", LOOSER)
def test_no_rule_of_a_running_experiment_may_change(
    store: Store, simulate, world, field: str
) -> None:
    experiment = simulate(world)
    with pytest.raises(ConflictError, match=field):
        define(store, replace(experiment, **{field: LOOSER[field]}))


@pytest.mark.parametrize("field", LOOSER)
def test_units_that_were_looked_at_are_not_judged_by_a_later_rule(
    store: Store, simulate, world, now: datetime, field: str
) -> None:
    """However the change got into the store, what was looked at stays under the old rule."""
    experiment = simulate(world)
    analyze(store, "exp", now=now)
    store.experiments.save(replace(experiment, **{field: LOOSER[field]}))
    found = analyze(store, "exp", now=now)
    assert found.decision.decision == "invalid"
    (check,) = [c for c in found.validity.checks if c.name == "plan_unchanged"]
    assert f"{field} changed after it was looked at" in check.detail
    assert all(effects.comparisons == () for effects in found.metrics)
    assert diagnose(store, "exp", now=now).findings[0].code == "plan_changed"


def test_a_rule_may_be_mended_before_anybody_looked(
    store: Store, simulate, world, now: datetime
) -> None:
    experiment = simulate(world)
    store.experiments.save(replace(experiment, alpha=0.01))
    assert analyze(store, "exp", now=now).validity.status != "invalid"


def test_rules_changed_after_results_were_read_are_said(
    store: Store, simulate, world, now: datetime
) -> None:
    experiment = simulate(world, status="stopped")
    analyze(store, "exp", now=now)
    store.experiments.save(replace(experiment, alpha=0.2))
    found = analyze(store, "exp", now=now)
    (check,) = [c for c in found.validity.checks if c.name == "plan_unchanged"]
    assert (check.status, check.detail) == (
        "warn",
        "version 2: alpha changed after its results were read",
    )


def test_a_new_version_counts_new_units_only(store: Store, simulate, world, now: datetime) -> None:
    """Else: look, lower the planned size to what has come, and read the textbook p."""
    experiment = simulate(world)
    first = analyze(store, "exp", now=now)
    define(store, replace(experiment, planned_sample_size=1_000), new_version=True)
    found = analyze(store, "exp", now=now)
    assert first.look.units == world.units
    assert (found.look.units, found.look.fixed_horizon_shown) == (0, False)
    later = datetime.now(UTC) + timedelta(hours=1)
    store.events.insert(pa.Table.from_pylist(newcomers(400, later), schema=event_schema()))
    found = analyze(store, "exp", now=later)
    assert found.look.units == 400
    assert found.metrics[0].comparisons[0].fixed_horizon is None
    assert found.validity.status != "invalid"
    counted = diagnose(store, "exp", now=later)
    assert counted.allocation.exposed.sum() == counted.allocation.by_day.counts.sum() == 400


def test_uploaded_totals_cannot_restart(store: Store, plan_of, now: datetime) -> None:
    """They hold no units that could be left out, so the old looks still count."""
    experiment = store.experiments.save(plan_of(source="aggregated", metrics=LOOSER["metrics"]))
    store.aggregates.insert(
        [
            Aggregate(
                experiment_id="exp",
                metric="purchase",
                variant_id=variant,
                observed_at=now,
                summary=proportion_summary(5_000.0, successes),
            )
            for variant, successes in (("control", 500.0), ("treatment", 560.0))
        ]
    )
    analyze(store, "exp", now=now)
    define(store, replace(experiment, planned_sample_size=10_000), new_version=True)
    found = analyze(store, "exp", now=now)
    assert found.decision.decision == "invalid"
    assert all(effects.comparisons == () for effects in found.metrics)


def newcomers(count: int, moment: datetime) -> list[dict[str, Any]]:
    """Exposures of units that nobody has seen before, half of them bought."""
    return [
        {
            "event_id": f"{kind}{unit}",
            "user_id": f"new{unit}",
            "experiment_id": "exp",
            "variant_id": ("control", "treatment")[unit % 2],
            "event_type": kind,
            "timestamp": moment,
            "session_id": "",
            "properties": [("visits", str(unit % 3))],
            "source": "test",
        }
        for unit in range(count)
        for kind in (("exposure", "purchase") if unit % 4 < 2 else ("exposure",))
    ]


def test_the_same_definition_again_restarts_nothing(
    store: Store, simulate, world, now: datetime
) -> None:
    experiment = simulate(world)
    changed = replace(experiment, alpha=0.01)
    restarted = define(store, changed, new_version=True)
    again = define(store, changed, new_version=True)
    assert (restarted.version, again.version, again.changed) == (2, 2, False)
    moment = store.experiments.get("exp").counted_from
    define(store, replace(changed, name="another name"))
    assert store.experiments.get("exp").counted_from == moment


def test_segments_are_not_searched_while_it_runs(store: Store, simulate, world) -> None:
    """Their intervals hold for one look."""
    simulate(world)
    with pytest.raises(ConflictError, match="withheld until then"):
        discover_segments(store, "exp")
    assert discover_segments(store, None) == ()
    store.experiments.set_status("exp", "stopped")
    assert discover_segments(store, "exp")
