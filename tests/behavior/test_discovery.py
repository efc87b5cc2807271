"""Segments on made-up units: what is there is found, what is not is not, what fades is said to."""

import numpy as np

from neonblue.behavior.discovery import FoundSegment, SegmentUnits, confirm, find_candidates

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
    assert best.stable
    assert best.earlier is not None
    assert best.later is not None
    assert abs(best.earlier) > 0.05
    assert best.earlier * best.later > 0


def test_a_difference_that_turns_about_is_not_stable() -> None:
    by_name = {one.description: one for one in searched(2, 0.18, fades=True)}
    mobile = by_name["device is mobile"]
    assert mobile.earlier is not None
    assert mobile.later is not None
    assert mobile.later > 0.05
    assert mobile.earlier < mobile.later
    turned = [one for one in by_name.values() if one.earlier and one.later]
    assert all(one.stable == (one.earlier * one.later > 0) for one in turned)


def test_where_nothing_differs_hardly_any_search_confirms_something() -> None:
    false = sum(any(one.confirmed for one in searched(seed, 0.0)) for seed in range(60))
    assert false <= 7, "at 5 % one expects 3; more than 7 come by chance in 1 of 100 cases"
