"""Units by property and variant, counted in one pass, are those of the first exposures."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from neonblue.models.untimed import UNTIMED
from neonblue.stores import Store
from neonblue.stores.events import event_schema
from neonblue.stores.exposure_properties import DAY, MAX_COUNTED_VALUES

START = datetime(2026, 3, 1, tzinfo=UTC)
Row = tuple[str, str, datetime, dict[str, str]]
"""Unit, variant, moment and properties of an exposure."""


def store_exposures(store: Store, exposures: list[Row]) -> None:
    table = [
        {
            "event_id": f"e{number}",
            "user_id": unit,
            "experiment_id": "exp",
            "variant_id": variant,
            "event_type": "exposure",
            "timestamp": at,
            "value": None,
            "session_id": "",
            "properties": list(properties.items()),
            "source": "test",
        }
        for number, (unit, variant, at, properties) in enumerate(exposures)
    ]
    store.events.insert(pa.Table.from_pylist(table, schema=event_schema()))


def drawn(seed: int) -> list[Row]:
    """Units with one to four exposures; some in two variants, some without a property."""
    rng = random.Random(seed)
    rows: list[Row] = []
    for unit in range(600):
        variant = rng.choice("ab")
        for _ in range(rng.randint(1, 4)):
            met = rng.choice("ab") if rng.random() < 0.02 else variant
            properties = {"os": rng.choice(["ios", "android", ""]), "id": f"u{unit}"}
            if rng.random() < 0.7:
                properties["age"] = str(rng.randint(18, 30))
            at = START + timedelta(minutes=rng.randint(0, 20_000))
            rows.append((f"unit-{unit}", met, at, properties))
    return rows


def first_of_each(rows: list[Row], *, since: datetime = START) -> list[Row]:
    """The first exposure of the units of one variant, from a moment on."""
    by_unit: dict[str, list[Row]] = {}
    for row in rows:
        by_unit.setdefault(row[0], []).append(row)
    firsts = [
        min(each, key=lambda row: (row[2], row[1]))
        for each in by_unit.values()
        if len({variant for _, variant, _, _ in each}) == 1
    ]
    return [row for row in firsts if row[2] >= since]


def test_one_pass_counts_what_a_count_by_hand_does(store: Store) -> None:
    rows = drawn(1)
    store_exposures(store, rows)
    for since in (None, START + timedelta(days=2)):
        units = first_of_each(rows, since=since or START)
        found = {p.name: p for p in store.exposure_properties.counts("exp", counted_from=since)}
        assert set(found) == {DAY, "os", "age", "id"}
        for name in ("os", "age"):
            by_hand = Counter((p.get(name, ""), variant) for _, variant, _, p in units)
            counted = {(c.value, c.variant_id): c.units for c in found[name].counts}
            assert counted == by_hand
            alone = store.exposure_properties.units_by_value("exp", name, counted_from=since)
            assert found[name].counts == alone
        days = Counter((at.date().isoformat(), variant) for _, variant, at, _ in units)
        assert {(c.value, c.variant_id): c.units for c in found[DAY].counts} == days
        assert [c.value for c in found[DAY].counts] == sorted(c.value for c in found[DAY].counts)
        assert (found["age"].numeric, found["os"].numeric) == (True, False)


def test_an_id_is_no_property_to_list_but_its_values_are_counted(store: Store) -> None:
    rows = drawn(2)
    store_exposures(store, rows)
    (found,) = [p for p in store.exposure_properties.counts("exp") if p.name == "id"]
    assert found.values == found.units == len(first_of_each(rows)) > MAX_COUNTED_VALUES
    assert found.counts == ()


def test_a_year_of_days_is_all_there(store: Store) -> None:
    rows = [(f"u{n}", "ab"[n % 2], START + timedelta(days=n), {"os": "ios"}) for n in range(400)]
    store_exposures(store, rows)
    days, os = store.exposure_properties.counts("exp")
    assert len(days.counts) == 400
    assert [(c.value, c.variant_id, c.units) for c in os.counts] == [
        ("ios", "a", 200),
        ("ios", "b", 200),
    ]


def test_units_without_a_time_have_properties_and_no_day(store: Store) -> None:
    store_exposures(store, [(f"u{n}", "a", UNTIMED, {"os": "ios"}) for n in range(3)])
    days, os = store.exposure_properties.counts("exp")
    assert (days.counts, days.units) == ((), 3)
    assert [(c.value, c.units) for c in os.counts] == [("ios", 3)]


def test_no_exposures_and_none_with_properties(store: Store) -> None:
    assert store.exposure_properties.counts("exp") == ()
    store_exposures(store, [("u", "a", START, {})])
    assert [p.name for p in store.exposure_properties.counts("exp")] == [DAY]
