"""Past lifts inform a metric only within its family, signed so that positive is good."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neonblue.intelligence.priors import lift_priors
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stats.lift_prior import archive_prior
from neonblue.stores import Store
from neonblue.stores.migrations import MIGRATIONS, migrate
from neonblue.stores.outcomes import Outcome

TICKETS = MetricDefinition(
    name="tickets", kind="proportion", event_type="support_ticket", direction="decrease"
)
PURCHASE = MetricDefinition(name="purchase", kind="proportion", event_type="purchase")


def plan(*metrics: MetricDefinition, **changes: Any) -> Experiment:
    return Experiment(
        experiment_id=changes.pop("experiment_id", "new"),
        variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="treatment")),
        metrics=metrics,
        **changes,
    )


def outcome(number: int, lift: float, **changes: Any) -> Outcome:
    fields: dict[str, Any] = {
        "experiment_id": f"past-{number}",
        "version": 1,
        "metric": "purchase",
        "variant_id": "treatment",
        "role": "primary",
        "kind": "proportion",
        "direction": "increase",
        "event_type": "purchase",
        "units": 10_000 + number,
        "relative_lift": lift,
        "standard_error": 0.01,
        "decision": "ship",
    }
    return Outcome(**(fields | changes))


def test_purchases_say_nothing_of_support_tickets(store: Store) -> None:
    store.outcomes.record([outcome(number, 0.2) for number in range(30)])
    priors = lift_priors(store, plan(PURCHASE, TICKETS))
    assert 0.1 < priors["purchase"].lifts.mean < np.log(1.2)
    assert priors["tickets"].lifts.weights == pytest.approx(archive_prior().weights)
    assert "no past" in priors["tickets"].origin


def test_a_fall_of_what_should_fall_is_a_gain(store: Store) -> None:
    rows = [
        outcome(number, -0.2, direction="decrease", event_type="support_ticket", metric="tickets")
        for number in range(30)
    ]
    store.outcomes.record(rows)
    prior = lift_priors(store, plan(TICKETS))["tickets"]
    assert 0.1 < prior.lifts.mean < -np.log(0.8)
    assert "30 past comparisons of the same events" in prior.origin


def test_a_copy_under_another_id_is_no_second_experiment(store: Store) -> None:
    store.outcomes.record([outcome(number, 0.2, units=500) for number in range(30)])
    assert lift_priors(store, plan(PURCHASE))["purchase"].lifts.experiments == 1


def test_the_plan_may_state_its_own(store: Store) -> None:
    store.outcomes.record([outcome(number, 0.2) for number in range(30)])
    prior = lift_priors(store, plan(PURCHASE, prior_mean=0.0, prior_sd=0.02))["purchase"]
    assert prior.origin == "the plan"
    assert prior.lifts.typical_size == pytest.approx(0.6745 * 0.02, rel=1e-3)


def test_outcomes_of_before_learn_their_family_from_the_plan(store: Store) -> None:
    """As a database of an earlier version has them: no direction, no events."""
    store.database.insert_rows(
        "experiment_definitions",
        ["experiment_id", "version", "definition"],
        [
            [
                "past-1",
                1,
                json.dumps(
                    {
                        "metrics": [
                            {
                                "name": "tickets",
                                "event_type": "support_ticket",
                                "direction": "decrease",
                            }
                        ]
                    }
                ),
            ]
        ],
    )
    before = outcome(1, -0.1, metric="tickets", direction="", event_type="")
    store.outcomes.record([before])
    step = next(item for item in MIGRATIONS if item.name == "outcome_families")
    migrate(store.database, (*MIGRATIONS, replace(step, name="again")))
    (found,) = store.outcomes.past()
    assert (found.direction, found.event_type) == ("decrease", "support_ticket")
    assert found.relative_lift == -0.1
