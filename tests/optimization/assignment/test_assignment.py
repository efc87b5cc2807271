"""Who takes part: holdouts, layers and targeting; and weights that change move nobody exposed."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.models.eligibility import LayerSlice, TargetingCondition
from neonblue.optimization.assignment import (
    assign_by_weights,
    in_holdout,
    in_layer,
    kept_out,
    kept_out_all,
    split_of,
)
from neonblue.optimization.targeting import targeted

UNITS = [f"user-{number}" for number in range(20_000)]
PLAN = Experiment(
    experiment_id="exp",
    variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="b")),
    metrics=(MetricDefinition(name="m", kind="proportion", event_type="purchase"),),
)


def test_a_holdout_is_the_same_units_everywhere_and_grows() -> None:
    small = {unit for unit in UNITS if in_holdout(unit, 0.05, 2)}
    large = {unit for unit in UNITS if in_holdout(unit, 0.10, 2)}
    assert small < large
    assert len(small) / len(UNITS) == pytest.approx(0.05, abs=0.008)


def test_slices_of_a_layer_share_no_unit_and_leave_none_out() -> None:
    slices = (LayerSlice(name="l", end=1 / 3), LayerSlice(name="l", start=1 / 3))
    for unit in UNITS[:2_000]:
        assert sum(in_layer(unit, each, 2) for each in slices) == 1


def test_a_slice_says_nothing_about_the_variant() -> None:
    """Layer, holdout and split are hashed apart: among the units of a slice the split holds."""
    plan = replace(PLAN, layer=LayerSlice(name="exp", end=0.3), holdout_fraction=0.2)
    takes_part = np.ones(len(UNITS), dtype=bool)
    takes_part[list(kept_out_all(plan, UNITS, [{}] * len(UNITS)))] = False
    shares = assign_by_weights(split_of(plan), UNITS)[takes_part].mean()
    assert takes_part.mean() == pytest.approx(0.24, abs=0.02)
    assert shares == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("version", [2, 3])
def test_one_by_one_and_many_at_once_keep_the_same_units_out(version: Any) -> None:
    plan = replace(
        PLAN,
        hash_version=version,
        layer=LayerSlice(name="l", start=0.2, end=0.9),
        holdout_fraction=0.1,
        targeting=(TargetingCondition(property="n", operator="at_least", values=(1,)),),
    )
    contexts = [{"n": number % 7} for number in range(3_000)]
    found = kept_out_all(plan, UNITS[:3_000], contexts)
    one_by_one = map(partial(kept_out, plan), UNITS, contexts)
    assert found == {place: why for place, why in enumerate(one_by_one) if why is not None}
    assert set(found.values()) == {"holdout", "layer", "targeting"}


def test_why_a_unit_is_kept_out_is_said() -> None:
    held = next(unit for unit in UNITS if in_holdout(unit, 0.1, 2))
    free = next(unit for unit in UNITS if not in_holdout(unit, 0.1, 2))
    german = (TargetingCondition(property="country", operator="in", values=("DE",)),)
    plan = replace(PLAN, holdout_fraction=0.1, targeting=german)
    assert kept_out(plan, held, {"country": "DE"}) == "holdout"
    assert kept_out(plan, free, {"country": "FR"}) == "targeting"
    assert kept_out(plan, free, {}) == "targeting"
    assert kept_out(plan, free, {"country": "DE"}) is None


@pytest.mark.parametrize(
    ("operator", "values", "found", "holds"),
    [
        ("in", ("a", 5), 5, True),
        ("in", ("a", 5), 5.0, True),
        ("in", ("5",), 5, False),
        ("in", (1,), True, False),
        ("in", (True,), 1, False),
        ("in", (True,), True, True),
        ("in", ("a",), ["a"], False),
        ("not_in", ("a",), "b", True),
        ("not_in", ("a",), "a", False),
        ("not_in", ("a",), None, True),
        ("at_least", (5,), 5, True),
        ("at_least", (5,), 4.9, False),
        ("at_least", (5,), "6", False),
        ("at_least", (0,), True, False),
        ("at_least", (0,), None, False),
        ("at_most", (5,), 5, True),
        ("at_most", (5,), float("nan"), False),
        ("starts_with", ("/shop", "/buy"), "/buy/1", True),
        ("starts_with", ("/shop",), 7, False),
        ("ends_with", (".de",), "a.de", True),
        ("ends_with", (".de",), "a.at", False),
    ],
)
def test_conditions(operator: Any, values: tuple[Any, ...], found: Any, holds: bool) -> None:
    condition = TargetingCondition(property="p", operator=operator, values=values)
    assert targeted((condition,), {} if found is None else {"p": found}) is holds


def test_all_conditions_have_to_hold() -> None:
    both = (
        TargetingCondition(property="a", operator="in", values=(1,)),
        TargetingCondition(property="b", operator="at_least", values=(2,)),
    )
    assert targeted(both, {"a": 1, "b": 2})
    assert not targeted(both, {"a": 1, "b": 1})
    assert targeted((), {})


def test_only_units_whose_bucket_changed_hands_can_have_moved() -> None:
    """From 50/50 to 80/20, 30 % of the units would change: they, and no others, are asked about."""
    before, after = split_of(PLAN), split_of(replace(PLAN, current_weights=(80.0, 20.0)))
    old, new = assign_by_weights(before, UNITS), assign_by_weights(after, UNITS)
    asked = np.array([after.may_have_moved(after.hashed(unit)) for unit in UNITS])
    assert np.array_equal(asked, old != new)
    assert asked.mean() == pytest.approx(0.3, abs=0.02)
    assert not any(before.may_have_moved(before.hashed(unit)) for unit in UNITS[:100])


def test_weights_that_went_and_came_back_are_remembered() -> None:
    """A unit exposed under the weights in between may have another variant than it would have."""
    back = split_of(PLAN, past_weights=[(80.0, 20.0)])
    between = split_of(replace(PLAN, current_weights=(80.0, 20.0)))
    old, now = assign_by_weights(between, UNITS), assign_by_weights(back, UNITS)
    asked = np.array([back.may_have_moved(back.hashed(unit)) for unit in UNITS])
    assert np.array_equal(asked, old != now)
