"""Generates the demo world's events and definitions, the same from the same seed and moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neonblue.demo.scenarios import THEMES, PastTest, Scenario
from neonblue.models import Experiment, MetricDefinition, Variant

COUNTRIES, COUNTRY_SHARES = ("US", "GB", "DE", "IN"), (0.5, 0.2, 0.2, 0.1)
DEVICES, DEVICE_SHARES = ("mobile", "desktop", "tablet"), (0.6, 0.33, 0.07)
BROWSERS, BROWSER_SHARES = ("Chrome", "Safari", "Firefox"), (0.6, 0.3, 0.1)
SDK_VERSIONS, SDK_SHARES = ("4.2.0", "4.1.3", "3.9.1"), (0.55, 0.3, 0.15)
LOST_FRACTION = 0.4
TICKET_RATE = 0.03
ORDER_VALUE, ORDER_SPREAD = 42.0, 0.6
SECONDS_A_DAY = 86_400
LAST_BUYERS_DAYS = 1
FIRST_PAST_DAYS = 40
DAYS_BETWEEN_PAST = 30
"""How long after the last exposure an experiment goes on, so that nothing comes after its end."""

Event = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Everything drawn for the units of one scenario; arrays of one length."""

    treated: NDArray[np.bool_]
    country: NDArray[np.int64]
    device: NDArray[np.int64]
    browser: NDArray[np.int64]
    sdk_version: NDArray[np.int64]
    visits_before: NDArray[np.int64]
    exposed_seconds: NDArray[np.float64]
    buys: NDArray[np.bool_]
    order_value: NDArray[np.float64]
    complains: NDArray[np.bool_]
    delay_seconds: NDArray[np.float64]
    kept: NDArray[np.bool_]


def draw_units(scenario: Scenario, rng: np.random.Generator) -> Units:
    """The units of a scenario; purchases depend on the variant and on earlier visits."""
    n = scenario.units
    treated = rng.random(n) < 0.5
    visits = rng.poisson(2.0, n)
    sdk = rng.choice(len(SDK_VERSIONS), n, p=SDK_SHARES)
    rate = scenario.baseline * (0.5 + 0.25 * visits) * np.where(treated, 1 + scenario.lift, 1.0)
    tickets = TICKET_RATE * np.where(treated, 1 + scenario.ticket_lift, 1.0)
    lost = (sdk == 2) & treated & (rng.random(n) < LOST_FRACTION)
    return Units(
        treated=treated,
        country=rng.choice(len(COUNTRIES), n, p=COUNTRY_SHARES),
        device=rng.choice(len(DEVICES), n, p=DEVICE_SHARES),
        browser=rng.choice(len(BROWSERS), n, p=BROWSER_SHARES),
        sdk_version=sdk,
        visits_before=visits,
        exposed_seconds=np.sort(rng.random(n)) * scenario.lasts_days * SECONDS_A_DAY,
        buys=rng.random(n) < np.minimum(rate, 0.95),
        order_value=np.round(rng.lognormal(np.log(ORDER_VALUE), ORDER_SPREAD, n), 2),
        complains=rng.random(n) < tickets,
        delay_seconds=rng.exponential(1800.0, n) + 5.0,
        kept=~lost if scenario.fault == "lost_on_old_sdk" else np.ones(n, dtype=bool),
    )


def events_of(scenario: Scenario, *, now: datetime, seed: int) -> Iterator[Event]:
    """Exposures, purchases and support tickets of a scenario, in the event contract."""
    rng = np.random.default_rng([seed, *scenario.experiment_id.encode()])
    units = draw_units(scenario, rng)
    start = now - timedelta(days=scenario.began_days_ago)
    for index in np.flatnonzero(units.kept):
        yield from _unit_events(scenario, units, int(index), start, now)


def _unit_events(
    scenario: Scenario, units: Units, index: int, start: datetime, now: datetime
) -> Iterator[Event]:
    exposed = start + timedelta(seconds=float(units.exposed_seconds[index]))
    stem: Event = {
        "user_id": f"{scenario.experiment_id}-{index:06d}",
        "experiment_id": scenario.experiment_id,
        "variant_id": "treatment" if units.treated[index] else "control",
        "session_id": f"{scenario.experiment_id}-{index:06d}-1",
    }
    event_id = f"{scenario.experiment_id}-{index:06d}"
    yield stem | {
        "event_id": f"{event_id}-exposure",
        "event_type": "exposure",
        "timestamp": _text(exposed),
        "properties": _properties(units, index),
    }
    later = min(exposed + timedelta(seconds=float(units.delay_seconds[index])), now)
    if units.buys[index]:
        yield stem | {
            "event_id": f"{event_id}-purchase",
            "event_type": "purchase",
            "timestamp": _text(later),
            "value": float(units.order_value[index]),
        }
    if units.complains[index]:
        yield stem | {
            "event_id": f"{event_id}-ticket",
            "event_type": "support_ticket",
            "timestamp": _text(later),
        }


def _properties(units: Units, index: int) -> dict[str, str]:
    return {
        "country": COUNTRIES[units.country[index]],
        "device": DEVICES[units.device[index]],
        "browser": BROWSERS[units.browser[index]],
        "sdk_version": SDK_VERSIONS[units.sdk_version[index]],
        "visits_before": str(units.visits_before[index]),
    }


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def past_tests(*, seed: int) -> Iterator[PastTest]:
    """Finished tests of the organisation over two years; lifts scatter around their theme's."""
    rng = np.random.default_rng([seed, 2])
    # Themes take turns, so that each is as old as the others.
    order = sorted(
        (number, place)
        for place, (changes, _, _) in enumerate(THEMES.values())
        for number in range(1, len(changes) + 1)
    )
    age = {one: FIRST_PAST_DAYS + DAYS_BETWEEN_PAST * rank for rank, one in enumerate(order)}
    for place, (theme, (changes, reason, centre)) in enumerate(THEMES.items()):
        for number, change in enumerate(changes, start=1):
            lift = rng.normal(centre, 0.02)
            units = int(rng.integers(36_000, 64_000))
            control = int(rng.binomial(units, 0.5))
            treatment = units - control
            yield PastTest(
                experiment_id=f"past_{theme}_{number}",
                name=change,
                description=f"{change}, compared with the page as it was.",
                hypothesis=reason,
                control_units=control,
                control_purchases=int(rng.binomial(control, 0.12)),
                treatment_units=treatment,
                treatment_purchases=int(rng.binomial(treatment, 0.12 * (1 + lift))),
                ended_days_ago=age[number, place],
            )


def plan_of(scenario: Scenario, *, now: datetime) -> Experiment:
    """The experiment as it was planned."""
    start = now - timedelta(days=scenario.began_days_ago)
    running = scenario.status == "running"
    return Experiment(
        experiment_id=scenario.experiment_id,
        name=scenario.name,
        description=scenario.description,
        hypothesis=scenario.hypothesis,
        experiment_type="web",
        industry="retail",
        status=scenario.status,
        planned_sample_size=scenario.planned_sample_size,
        maximum_sample_size=2 * scenario.planned_sample_size,
        segments=("country", "device", "browser", "sdk_version"),
        started_at=start,
        ended_at=None
        if running
        else start + timedelta(days=scenario.lasts_days + LAST_BUYERS_DAYS),
        variants=(
            Variant(variant_id="control", is_control=True),
            Variant(variant_id="treatment", name=scenario.treatment_name),
        ),
        metrics=METRICS,
    )


METRICS: tuple[MetricDefinition, ...] = (
    MetricDefinition(
        name="purchase",
        kind="proportion",
        event_type="purchase",
        mde=0.10,
        covariate="visits_before",
        description="Visitors who buy at least once after their first exposure.",
    ),
    MetricDefinition(
        name="revenue",
        kind="mean",
        event_type="purchase",
        aggregation="sum",
        role="secondary",
        mde=0.15,
        covariate="visits_before",
        description="Order value a visitor, zero for those who do not buy.",
    ),
    MetricDefinition(
        name="support_ticket",
        kind="proportion",
        event_type="support_ticket",
        role="guardrail",
        direction="decrease",
        margin=0.25,
        description="Visitors who open a support ticket.",
    ),
)
