"""Segments on made-up units: what is there is found, what is not is not, what fades is said to."""

import numpy as np

from neonblue.behavior.discovery import (
    FoundSegment,
    Search,
    SegmentUnits,
    confirm,
    find_candidates,
    search,
)

UNITS = 6000


def searched(seed: int, gain: float, *, fades: bool = False) -> tuple[FoundSegment, ...]:
    """Units of which half are mobile and gain so much; with ``fades`` the gain turns about."""
    random = np.random.default_rng([seed, 7])
    mobile = random.random(UNITS) < 0.5
    country = random.choice(["US", "DE", "FR", "GB"], UNITS)
    treated = random.random(UNITS) < 0.5
    order = np.arange(UNITS)
    sign = np.where(order < UNITS // 4, -1.0, 1.0) if fades else 1.0
    chance = 0.2 + treated * mobile * gain * sign
    units = SegmentUnits(
        properties=[
            {"device": "mobile" if one else "desktop", "country": str(where)}
            for one, where in zip(mobile, country, strict=True)
        ],
        treated=treated,
        outcome=(random.random(UNITS) < chance).astype(float),
        exposed_order=order,
    )
    (found,) = confirm([(units, find_candidates(units))])
    return found


def test_a_segment_that_is_there_is_confirmed_with_its_size_and_is_stable() -> None:
    best = searched(1, 0.15)[0]
    assert best.confirmed
    assert best.description in ("device is mobile", "device is desktop")
    assert 0.45 < best.share < 0.55
    assert best.stable is True
    assert best.relative_p_value is not None
    assert best.relative_p_value < 0.01
    assert best.earlier is not None
    assert best.later is not None
    assert abs(best.earlier) > 0.05
    assert best.earlier * best.later > 0


def test_a_difference_that_turns_about_is_not_stable() -> None:
    mobile = next(one for one in searched(2, 0.3, fades=True) if "device is" in one.description)
    assert not {"device is mobile", "device is desktop"} <= {
        one.description for one in searched(2, 0.3, fades=True)
    }
    assert mobile.earlier is not None
    assert mobile.later is not None
    assert abs(mobile.earlier) < abs(mobile.later)
    assert mobile.stable is False


def test_where_nothing_differs_hardly_any_search_confirms_something() -> None:
    false = sum(any(one.confirmed for one in searched(seed, 0.0)) for seed in range(60))
    assert false <= 7, "at 5 % one expects 3; more than 7 come by chance in 1 of 100 cases"


def looked_at(properties: list[dict[str, str]], *, gain: float = 0.0, seed: int = 3) -> Search:
    """Units with these properties; those whose first one is "odd" gain so much."""
    random = np.random.default_rng(seed)
    treated = random.random(len(properties)) < 0.5
    odd = np.array(["odd" in one.values() for one in properties])
    outcome = random.random(len(properties)) < 0.3 + gain * (treated & odd)
    return search(
        SegmentUnits(
            properties=properties,
            treated=treated,
            outcome=outcome.astype(float),
            exposed_order=np.zeros(len(properties), dtype=np.int64),
        )
    )


def test_the_commonest_of_many_texts_are_looked_at_and_the_rest_is_named() -> None:
    random = np.random.default_rng(1)
    cities = [f"city {min(int(one), 19)}" for one in random.exponential(6, UNITS)]
    found = looked_at([{"city": one} for one in cities])
    assert found.compared >= 10
    (left,) = [one for one in found.left_out if "rarer" in one.what]
    assert left.property_name == "city"
    assert left.what.startswith("8 rarer values")


def test_a_number_with_one_bad_text_is_still_a_number() -> None:
    ages = [{"age": str(18 + number % 60)} for number in range(UNITS)]
    ages[17] = {"age": "unknown"}
    found = looked_at(ages)
    assert found.compared == 2
    assert [(one.what, one.why) for one in found.left_out] == [
        ("1 units", "their value is not a number")
    ]


def test_a_small_segment_with_a_large_effect_is_found_and_a_smaller_one_is_named() -> None:
    kinds = ["odd"] * 300 + ["tiny"] * 30 + ["usual"] * (UNITS - 330)
    properties = [{"kind": one} for one in np.random.default_rng(2).permutation(kinds)]
    found = looked_at(properties, gain=0.4)
    odd = next(one for one in found.candidates if one.description == "kind is odd")
    assert odd.difference.p_value < 0.01
    assert [(one.property_name, one.what) for one in found.left_out] == [("kind", "is tiny")]
    assert "40 are needed" in found.left_out[0].why


def test_nothing_is_said_of_time_where_there_are_no_times() -> None:
    properties = [{"kind": "odd" if number % 2 else "even"} for number in range(UNITS)]
    units = looked_at(properties, gain=0.3)
    assert len(units.candidates) == 1
    ((one,),) = confirm([(_units(properties), units.candidates)])
    assert (one.earlier, one.later, one.stable) == (None, None, None)


def _units(properties: list[dict[str, str]]) -> SegmentUnits:
    n = len(properties)
    return SegmentUnits(
        properties=properties,
        treated=np.zeros(n, dtype=bool),
        outcome=np.zeros(n),
        exposed_order=np.zeros(n, dtype=np.int64),
    )
