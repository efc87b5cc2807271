"""Conversions that come while no unit does: the ledger keeps what a unit carried before."""

from datetime import timedelta

import numpy as np
import pyarrow as pa

from neonblue.intelligence.analysis import analyze
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores import Store
from neonblue.stores.events import event_schema

UNITS = 8_000


def mailed(now, **changes) -> Experiment:  # type: ignore[no-untyped-def]
    metric = MetricDefinition(name="bought", kind="proportion", event_type="purchase", **changes)
    return Experiment(
        experiment_id="mail",
        variants=(Variant(variant_id="c", is_control=True), Variant(variant_id="t")),
        metrics=(metric,),
        planned_sample_size=UNITS,
        started_at=now - timedelta(days=30),
    )


def events(now, kind: str, days) -> pa.Table:  # type: ignore[no-untyped-def]
    """One event of some units, so many days (unit to day) after all were mailed."""
    start = now - timedelta(days=30)
    return pa.Table.from_pylist(
        [
            {
                "event_id": f"{kind}{unit}",
                "user_id": f"u{unit}",
                "experiment_id": "mail",
                "variant_id": "ct"[unit % 2],
                "event_type": kind,
                "timestamp": start + timedelta(days=float(day), seconds=unit % 1000),
                "session_id": "",
                "source": "test",
                "value": None,
                "properties": [],
            }
            for unit, day in days.items()
        ],
        schema=event_schema(),
    )


def bought(rng: np.random.Generator) -> dict[int, float]:
    """The day on which each unit that buys does so."""
    buyers = np.flatnonzero(rng.random(UNITS) < 0.4)
    return dict(zip(buyers.tolist(), rng.uniform(0.0, 30.0, buyers.size), strict=True))


def test_growth_since_an_earlier_look_widens_the_interval(store: Store, now) -> None:  # type: ignore[no-untyped-def]
    days = bought(np.random.default_rng(3))
    early = {unit: 3.0 * day for unit, day in days.items() if day < 3.0}
    late = {unit: max(day, 10.0) for unit, day in days.items() if day >= 3.0}
    store.experiments.save(mailed(now))
    store.events.insert(events(now, "exposure", dict.fromkeys(range(UNITS), 0.0)))
    store.events.insert(events(now, "purchase", early))
    first = analyze(store, "mail", now=now - timedelta(days=20.5)).metrics[0].comparisons[0]
    kept = store.looks.state("mail", 1).information
    assert kept.settled["bought", "t"] == (UNITS, first.information, True)
    store.events.insert(events(now, "purchase", late))
    later = analyze(store, "mail", now=now).metrics[0].comparisons[0]
    assert later.information > 5 * first.information
    ratio = (later.ci_upper - later.ci_lower) / later.standard_error / 2.0
    assert ratio > 3.5, "information grew more than the plan has room for: the mixture decides"
    again = analyze(store, "mail", now=now + timedelta(days=1)).metrics[0].comparisons[0]
    assert (again.ci_lower, again.ci_upper) == (later.ci_lower, later.ci_upper)


def test_a_window_leaves_nothing_to_wait_for(store: Store, now) -> None:  # type: ignore[no-untyped-def]
    days = bought(np.random.default_rng(4))
    store.experiments.save(mailed(now, attribution_window_days=7.0))
    store.events.insert(events(now, "exposure", dict.fromkeys(range(UNITS), 0.0)))
    store.events.insert(events(now, "purchase", days))
    found = analyze(store, "mail", now=now - timedelta(days=20)).metrics[0].comparisons[0]
    within = sum(day < 7.0 for day in days.values())
    counted = found.n_control * found.mean_control + found.n_treatment * found.mean_treatment
    assert abs(counted - within) <= 2
    assert not found.units_ended
