"""Summaries from SQL agree with numpy over the same units."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from neonblue.errors import NotFoundError
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores import Store
from neonblue.stores.events import event_schema
from neonblue.stores.unit_query import UnitScope

START = datetime(2026, 1, 10, tzinfo=UTC)
Event = tuple[str, str, str, datetime, float | None, dict[str, str]]

PLAN = Experiment(
    experiment_id="checkout",
    variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="treatment")),
    metrics=(
        MetricDefinition(name="bought", kind="proportion", event_type="purchase"),
        MetricDefinition(name="revenue", kind="mean", event_type="purchase", aggregation="sum"),
        MetricDefinition(
            name="basket",
            kind="ratio",
            event_type="purchase",
            aggregation="sum",
            denominator_event_type="purchase",
            denominator_aggregation="count",
        ),
    ),
)


def rows(events: Iterable[Event]) -> pa.Table:
    """Events of the plan as (unit, variant, type, time, value, properties)."""
    table = [
        {
            "event_id": f"{unit}/{kind}/{at.isoformat()}/{variant}",
            "user_id": unit,
            "experiment_id": "checkout",
            "variant_id": variant,
            "event_type": kind,
            "timestamp": at,
            "value": value,
            "session_id": "",
            "properties": list(properties.items()),
            "source": "test",
        }
        for unit, variant, kind, at, value, properties in events
    ]
    return pa.Table.from_pylist(table, schema=event_schema())


def exposure(unit: str, variant: str, days: float = 0, **properties: str) -> Event:
    return (unit, variant, "exposure", START + timedelta(days=days), None, properties)


def purchase(unit: str, value: float, days: float = 1) -> Event:
    return (unit, "", "purchase", START + timedelta(days=days), value, {})


SPENT = {"a": [1.0, 2.5], "b": [], "c": [4.0], "d": [10.0, 1.0, 1.0], "e": []}
CONTROL = ("a", "b", "c")


def world() -> list[Event]:
    events = [exposure(u, "control" if u in CONTROL else "treatment") for u in SPENT]
    for unit, values in SPENT.items():
        events += [purchase(unit, value, 1 + i) for i, value in enumerate(values)]
    return events


def check_means(store: Store, plan: Experiment = PLAN) -> None:
    found = store.moments.summarise(plan)
    for variant, units in (("control", CONTROL), ("treatment", ("d", "e"))):
        y = np.array([sum(SPENT[unit]) for unit in units])
        d = np.array([float(len(SPENT[unit])) for unit in units])
        revenue = found.summary("revenue", variant)
        assert (revenue.n, revenue.mean) == (len(units), pytest.approx(y.mean()))
        assert revenue.variance == pytest.approx(y.var(ddof=1))
        bought = found.summary("bought", variant)
        assert bought.mean == pytest.approx((d > 0).mean())
        assert bought.variance == pytest.approx((d > 0).var(ddof=1))
        basket = found.summary("basket", variant)
        assert basket.denominator_mean == pytest.approx(d.mean())
        assert basket.covariance_y_d == pytest.approx(np.cov(y, d)[0, 1])


def test_moments_agree_with_numpy(store: Store) -> None:
    store.events.insert(rows(world()))
    check_means(store)


def test_inserting_the_same_events_again_changes_no_number(store: Store) -> None:
    store.events.insert(rows(world()))
    store.events.insert(rows(world()))
    check_means(store)
    assert store.events.count("checkout") == len(world())


def test_what_happened_before_the_exposure_does_not_count(store: Store) -> None:
    store.events.insert(rows([*world(), purchase("b", 1000.0, days=-0.5), purchase("e", 7.0, -3)]))
    check_means(store)
    check_means(store)


def test_an_event_at_the_moment_of_exposure_counts(store: Store) -> None:
    store.events.insert(rows([exposure("a", "control"), purchase("a", 3.0, days=0)]))
    assert store.moments.summarise(PLAN).summary("revenue", "control").mean == 3.0


def test_a_unit_in_two_variants_is_counted_and_left_out(store: Store) -> None:
    twice = [exposure("z", "control"), exposure("z", "treatment", 2), purchase("z", 99.0, 3)]
    store.events.insert(rows([*world(), *twice]))
    check_means(store)
    assert store.moments.summarise(PLAN).multiple_variant_units == 1
    (seen,) = store.health.multiple_exposures("checkout")
    assert (seen.variant_ids, seen.units) == (("control", "treatment"), 1)


def test_a_variant_that_was_not_planned_is_counted_and_left_out(store: Store) -> None:
    store.events.insert(rows([*world(), exposure("y", "surprise")]))
    check_means(store)
    assert store.moments.summarise(PLAN).unplanned_units == 1


def test_behaviour_without_exposure_is_no_unit(store: Store) -> None:
    store.events.insert(rows([*world(), purchase("stranger", 5.0)]))
    check_means(store)


def test_segments_and_exposure_days_partition_the_units(store: Store) -> None:
    events = [exposure(f"u{i}", "control", i % 3, os=["ios", "web"][i % 2]) for i in range(12)]
    store.events.insert(rows(events))
    by_os = store.moments.summarise(PLAN, scope=UnitScope(segment="os"))
    assert {(u.segment, u.units) for u in by_os.units} == {("ios", 6), ("web", 6)}
    by_day = store.moments.summarise(PLAN, scope=UnitScope(by_exposure_day=True))
    assert by_day.segments == ("2026-01-10", "2026-01-11", "2026-01-12")


def test_as_of_reads_the_past(store: Store) -> None:
    store.events.insert(rows([*world(), exposure("late", "control", 5)]))
    past = store.moments.summarise(PLAN, scope=UnitScope(as_of=START + timedelta(days=1)))
    assert past.n("control") == 3
    assert past.summary("revenue", "control").mean == pytest.approx((1.0 + 4.0) / 3)


def test_a_window_takes_only_its_days_and_units_that_had_them(store: Store) -> None:
    store.events.insert(rows([*world(), exposure("late", "treatment", 9)]))
    scope = UnitScope(window_days=(2, 3), as_of=START + timedelta(days=10))
    found = store.moments.summarise(PLAN, scope=scope)
    assert found.n("treatment") == 2
    assert found.summary("revenue", "control").mean == pytest.approx(2.5 / 3)


def test_a_numeric_property_is_a_covariate_and_a_missing_one_the_mean(store: Store) -> None:
    (revenue,) = (metric for metric in PLAN.metrics if metric.name == "revenue")
    definition = MetricDefinition(
        name="revenue", kind="mean", event_type="purchase", aggregation="sum", covariate="past"
    )
    plan = Experiment(experiment_id="checkout", variants=PLAN.variants, metrics=(definition,))
    past, spent = [1.0, 2.0, 4.0, 9.0], [3.0, 2.0, 8.0, 5.0]
    events = [exposure(f"u{i}", "control", past=str(x)) for i, x in enumerate(past)]
    events += [purchase(f"u{i}", y) for i, y in enumerate(spent)]
    store.events.insert(rows([*events, exposure("u9", "treatment")]))
    found = store.moments.summarise(plan)
    control = found.summary("revenue", "control")
    assert control.covariance_y_x == pytest.approx(np.cov(spent, past)[0, 1])
    assert control.covariate_variance == pytest.approx(np.var(past, ddof=1))
    assert found.summary("revenue", "treatment").covariate_mean == pytest.approx(4.0)
    assert revenue.covariate is None


def test_the_days_before_exposure_are_a_covariate(store: Store) -> None:
    definition = MetricDefinition(
        name="revenue", kind="mean", event_type="purchase", aggregation="sum", pre_period_days=7
    )
    plan = Experiment(experiment_id="checkout", variants=PLAN.variants, metrics=(definition,))
    before, after = [5.0, 0.5, 2.0], [6.0, 1.0, 1.0]
    events = [exposure(f"u{i}", "control") for i in range(3)]
    events += [purchase(f"u{i}", x, -2) for i, x in enumerate(before)]
    events += [purchase(f"u{i}", 100.0, -8) for i in range(3)]
    events += [purchase(f"u{i}", y, 2) for i, y in enumerate(after)]
    store.events.insert(rows(events))
    control = store.moments.summarise(plan).summary("revenue", "control")
    assert control.mean == pytest.approx(np.mean(after))
    assert control.covariate_mean == pytest.approx(np.mean(before))
    assert control.covariance_y_x == pytest.approx(np.cov(after, before)[0, 1])


def test_winsorising_cuts_at_the_quantile_over_all_variants(store: Store) -> None:
    definition = MetricDefinition(
        name="revenue",
        kind="mean",
        event_type="purchase",
        aggregation="sum",
        winsorize_quantile=0.9,
    )
    plan = Experiment(experiment_id="checkout", variants=PLAN.variants, metrics=(definition,))
    spent = [*map(float, range(1, 20)), 1e6]
    events = [exposure(f"u{i}", ["control", "treatment"][i % 2]) for i in range(20)]
    store.events.insert(rows([*events, *(purchase(f"u{i}", y) for i, y in enumerate(spent))]))
    found = store.moments.summarise(plan)
    capped = np.minimum(spent, 19.0)
    assert found.summary("revenue", "treatment").mean == pytest.approx(capped[1::2].mean())
    assert found.summary("revenue", "control").mean == pytest.approx(capped[0::2].mean())


def test_values_as_large_as_an_epoch_keep_their_variance(store: Store) -> None:
    values = [1.7e12, 1.7e12 + 1, 1.7e12 + 2]
    events = [exposure(f"u{i}", "control") for i in range(3)]
    store.events.insert(rows([*events, *(purchase(f"u{i}", y) for i, y in enumerate(values))]))
    assert store.moments.summarise(PLAN).summary("revenue", "control").variance == pytest.approx(1)


def test_no_units_and_one_unit_are_summaries_and_not_errors(store: Store) -> None:
    store.events.insert(rows([exposure("a", "control")]))
    found = store.moments.summarise(PLAN)
    assert found.summary("revenue", "control").variance == 0.0
    assert found.summary("revenue", "treatment").n == 0


def test_an_unknown_metric_names_those_that_exist(store: Store) -> None:
    with pytest.raises(NotFoundError, match=r"no metric 'nope': it has basket, bought, revenue"):
        store.moments.summarise(PLAN, metrics=["nope"])


def test_health_counts_by_property_and_day(store: Store) -> None:
    events = [exposure(f"u{i}", "control", i, os="ios", age=str(i)) for i in range(3)]
    store.events.insert(rows([*events, exposure("t", "treatment", os="web")]))
    by_os = store.exposure_properties.units_by_value("checkout", "os")
    assert [(c.value, c.variant_id, c.units) for c in by_os] == [
        ("ios", "control", 3),
        ("web", "treatment", 1),
    ]
    assert [p.name for p in store.exposure_properties.cardinalities("checkout") if p.numeric] == [
        "age"
    ]
    assert (
        store.exposure_properties.covariate_moments("checkout", ["age"])[("age", "control")].mean
        == 1.0
    )
    assert len(store.health.units_by_day("checkout")) == 4
    assert store.health.units_by_hour("checkout")[0].value == "2026-01-10T00:00:00Z"


def test_concentration_names_the_unit_that_carries_a_metric(store: Store) -> None:
    store.events.insert(rows([*world(), purchase("c", 1e6, 4)]))
    control = store.health.concentration(PLAN, "revenue")[0]
    assert control.largest_unit == "c"
    assert control.largest_share > 0.99


def test_lateness_of_nothing_is_nothing(store: Store) -> None:
    assert store.health.lateness("checkout").events == 0


def test_a_quantile_is_read_with_its_order_statistics(store: Store) -> None:
    definition = MetricDefinition(
        name="median", kind="quantile", event_type="purchase", aggregation="sum", quantile=0.5
    )
    plan = Experiment(experiment_id="checkout", variants=PLAN.variants, metrics=(definition,))
    events = [exposure(f"u{i}", "control") for i in range(101)]
    store.events.insert(rows([*events, *(purchase(f"u{i}", i) for i in range(101))]))
    (control,) = store.quantiles.read(plan, "median")
    assert (control.n, control.estimate) == (101, 50.0)
    assert control.lower <= 50 - 9
    assert control.upper >= 50 + 9
    assert control.upper - control.lower < 25


def test_an_attribution_window_ends_what_counts(store: Store) -> None:
    """Of every kind, and also where a query has spans of its own."""
    events = [exposure(unit, "control" if unit in CONTROL else "treatment", 2) for unit in "abde"]
    events += [purchase("a", 3.0, 3), purchase("a", 5.0, 8.9), purchase("a", 7.0, 9.1)]
    events += [purchase("b", 9.0, 10), purchase("d", 1.0, 2)]
    store.events.insert(rows(events))
    window = {"attribution_window_days": 7.0}
    metrics = tuple(replace(metric, **window) for metric in PLAN.metrics)
    visits = replace(metrics[1], name="visits", aggregation="count")
    median = replace(metrics[1], name="p50", kind="quantile", quantile=0.5)
    plan = replace(PLAN, metrics=(*metrics, visits, median))
    found = store.moments.summarise(plan)
    assert found.summary("bought", "control").mean == 0.5
    assert found.summary("revenue", "control").mean == 4.0
    assert found.summary("visits", "control").mean == 1.0
    basket = found.summary("basket", "control")
    assert (basket.mean, basket.denominator_mean) == (4.0, 1.0)
    assert found.summary("bought", "treatment").mean == 0.5
    assert store.quantiles.read(plan, "p50")[0].estimate == 4.0
    wide = store.moments.summarise(plan, scope=UnitScope(window_days=(0.0, 30.0)))
    assert wide.summary("revenue", "control").mean == 4.0
    assert store.moments.summarise(PLAN).summary("revenue", "control").mean == 12.0


def test_a_table_at_rest_is_merged_into_one_part(store: Store) -> None:
    """In this process; a server would rewrite everything for one event after a lull."""
    ((definition,),) = store.database.rows(
        "SELECT create_table_query FROM system.tables "
        "WHERE database = currentDatabase() AND name = 'events'"
    )
    merged = "min_age_to_force_merge_seconds = 15" in definition
    assert merged == store.database.embedded
