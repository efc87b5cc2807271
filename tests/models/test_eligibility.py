"""Targeting, layers and holdouts that cannot be are refused with what to give instead."""

from dataclasses import replace

import msgspec
import pytest

from neonblue.errors import InvalidInputError
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.models.eligibility import LayerSlice, TargetingCondition
from neonblue.models.plan_rules import check_plan

PLAN = Experiment(
    experiment_id="exp",
    variants=(Variant(variant_id="control", is_control=True), Variant(variant_id="b", value=True)),
    metrics=(MetricDefinition(name="m", kind="proportion", event_type="purchase"),),
    targeting=(TargetingCondition(property="country", operator="in", values=("DE", 5, True)),),
    layer=LayerSlice(name="checkout", start=0.25, end=0.5),
    holdout_fraction=0.05,
    current_weights=(0.4, 0.6),
)


def test_what_decides_who_takes_part_survives_being_stored() -> None:
    check_plan(PLAN)
    stored = msgspec.json.decode(msgspec.json.encode(PLAN), type=Experiment)
    assert stored == PLAN
    assert [type(value) for value in stored.targeting[0].values] == [str, int, bool]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"holdout_fraction": 1.0}, "holdout_fraction 1.0"),
        ({"holdout_fraction": float("nan")}, "holdout_fraction nan"),
        ({"layer": LayerSlice(name=" ")}, "give it a name"),
        ({"layer": LayerSlice(name="a", start=0.5, end=0.5)}, "start < end"),
        ({"layer": LayerSlice(name="a", end=1.5)}, "start < end"),
        ({"current_weights": (1.0,)}, "1 current weights"),
        ({"current_weights": (0.0, 0.0)}, "at least one above 0"),
        ({"current_weights": (1.0, float("inf"))}, "at least one above 0"),
    ],
)
def test_impossible_shares_are_refused(changes: dict[str, object], what: str) -> None:
    with pytest.raises(InvalidInputError, match=what):
        check_plan(replace(PLAN, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("condition", "what"),
    [
        (TargetingCondition(property="", operator="in", values=("a",)), "names no property"),
        (TargetingCondition(property="a", operator="in", values=()), "no value"),
        (TargetingCondition(property="a", operator="at_least", values=("5",)), "one number"),
        (TargetingCondition(property="a", operator="at_least", values=(True,)), "one number"),
        (TargetingCondition(property="a", operator="at_most", values=(1, 2)), "one number"),
        (TargetingCondition(property="a", operator="starts_with", values=(1,)), "texts"),
    ],
)
def test_impossible_conditions_are_refused(condition: TargetingCondition, what: str) -> None:
    with pytest.raises(InvalidInputError, match=what):
        check_plan(replace(PLAN, targeting=(condition,)))


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (LayerSlice(name="a", end=0.5), LayerSlice(name="a", start=0.5), False),
        (LayerSlice(name="a", end=0.6), LayerSlice(name="a", start=0.5), True),
        (LayerSlice(name="a"), LayerSlice(name="b"), False),
    ],
)
def test_slices_of_one_layer_overlap_where_they_share_units(
    one: LayerSlice, other: LayerSlice, overlap: bool
) -> None:
    assert one.overlaps(other) is overlap
    assert other.overlaps(one) is overlap
