"""Assignment from the store: sticky for whoever was exposed, whatever the weights do after."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.models.eligibility import TargetingCondition
from neonblue.optimization.assigner import FRESH_SECONDS, Assigner
from neonblue.optimization.assignment import assign_by_weights, in_holdout, split_of
from neonblue.stores import Store

if TYPE_CHECKING:
    from .conftest import change, define, expose, plan_with
else:
    from tests.optimization.assignment.conftest import change, define, expose, plan_with

UNITS = [f"user-{number}" for number in range(4_000)]


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self) -> None:
        self.now += FRESH_SECONDS + 0.1


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def assigner(store: Store, clock: Clock) -> Assigner:
    return Assigner(store, clock)


def variants(assigner: Assigner, units: list[str] = UNITS) -> dict[str, str | None]:
    found = assigner.assign_many("checkout", units)
    return {
        unit: one.variant and one.variant.variant_id for unit, one in zip(units, found, strict=True)
    }


def test_no_exposed_unit_ever_moves_and_new_ones_follow_the_weights(
    store: Store, assigner: Assigner, clock: Clock
) -> None:
    """Six changes of weights, some of them back; in between ever more units are exposed."""
    define(store, plan_with())
    exposed: dict[str, str | None] = {}
    for step, weights in enumerate(
        [(), (9.0, 1.0), (1.0, 9.0), (5.0, 5.0), (1.0, 0.0), (0.0, 1.0)]
    ):
        if weights:
            change(store, current_weights=weights)
            clock.pass_by()
        now = variants(assigner)
        assert {unit: now[unit] for unit in exposed} == exposed
        fresh = [unit for unit in UNITS if unit not in exposed]
        split = split_of(plan_with(current_weights=weights))
        expected = assign_by_weights(split, fresh)
        assert [now[unit] for unit in fresh] == [("control", "short")[i] for i in expected]
        newly = {unit: now[unit] for unit in fresh[: len(fresh) // 3]}
        expose(store, newly)  # type: ignore[arg-type]
        exposed |= newly
        assert step < 3 or set(exposed.values()) == {"control", "short"}


def test_one_by_one_is_the_same_as_many_at_once(
    store: Store, assigner: Assigner, clock: Clock
) -> None:
    plan = plan_with(
        holdout_fraction=0.1,
        targeting=(TargetingCondition(property="country", operator="in", values=("DE",)),),
    )
    define(store, plan)
    expose(store, dict.fromkeys(UNITS[:200], "control"))
    change(store, current_weights=(1.0, 4.0))
    clock.pass_by()
    contexts: list[dict[str, Any]] = [{"country": "DE" if n % 3 else "FR"} for n in range(600)]
    many = assigner.assign_many("checkout", UNITS[:600], contexts)
    single = Assigner(store)
    one_by_one = [
        single.assign("checkout", unit, context)
        for unit, context in zip(UNITS, contexts, strict=False)
    ]
    assert many == one_by_one
    assert set(Counter(one.reason for one in many)) == {"split", "exposed", "holdout", "targeting"}


def test_an_exposure_to_a_variant_that_is_gone_decides_nothing(
    store: Store, assigner: Assigner
) -> None:
    define(store, plan_with())
    expose(store, {"user-1": "removed"})
    change(store, current_weights=(0.0, 1.0))
    assert variants(assigner, ["user-1"]) == {"user-1": "short"}


def test_the_earliest_exposure_counts_and_those_of_other_experiments_do_not(
    store: Store, assigner: Assigner
) -> None:
    define(store, plan_with())
    other = next(unit for unit in UNITS if variants(assigner, [unit]) == {unit: "control"})
    expose(store, {other: "control"}, experiment_id="another")
    change(store, current_weights=(0.0, 1.0))
    assert Assigner(store).assign("checkout", other).reason == "split"


def test_paused_experiments_keep_their_units_and_take_no_others(
    store: Store, assigner: Assigner, clock: Clock
) -> None:
    define(store, plan_with())
    before = variants(assigner, UNITS[:100])
    expose(store, {unit: before[unit] for unit in UNITS[:50]})  # type: ignore[misc]
    change(store, status="paused")
    clock.pass_by()
    now = variants(assigner, UNITS[:100])
    assert [now[unit] for unit in UNITS[:50]] == [before[unit] for unit in UNITS[:50]]
    assert {now[unit] for unit in UNITS[50:100]} == {None}


def test_a_roll_out_grows_and_leaves_the_holdout(
    store: Store, assigner: Assigner, clock: Clock
) -> None:
    define(store, plan_with(holdout_fraction=0.05))
    change(store, status="concluded", winner="short")
    clock.pass_by()
    assert set(variants(assigner).values()) == {None}
    change(store, status="rolled_out", roll_out_fraction=0.2)
    clock.pass_by()
    small = {unit for unit, variant in variants(assigner).items() if variant == "short"}
    change(store, status="rolled_out", roll_out_fraction=1.0)
    clock.pass_by()
    whole = {unit for unit, variant in variants(assigner).items() if variant == "short"}
    assert small < whole
    assert len(small) / len(UNITS) == pytest.approx(0.19, abs=0.02)
    assert whole == {unit for unit in UNITS if not in_holdout(unit, 0.05, 2)}


def test_drafts_assign_nobody(store: Store, assigner: Assigner) -> None:
    define(store, plan_with(status="draft"))
    assert assigner.assign("checkout", "user-1").reason == "not_running"


def test_a_change_is_seen_after_a_second_and_not_read_before(
    store: Store, assigner: Assigner, clock: Clock
) -> None:
    define(store, plan_with())
    first = variants(assigner)
    change(store, current_weights=(0.0, 1.0))
    assert variants(assigner) == first
    clock.pass_by()
    assert set(variants(assigner).values()) == {"short"}


def test_an_experiment_defined_just_now_is_found_at_once(store: Store, assigner: Assigner) -> None:
    define(store, plan_with(experiment_id="first"))
    assigner.assign("first", "user-1")
    define(store, plan_with())
    assert assigner.assign("checkout", "user-1").variant is not None


def test_unknown_experiments_and_nameless_units_are_refused(
    store: Store, assigner: Assigner
) -> None:
    define(store, plan_with())
    with pytest.raises(NotFoundError, match="did you mean 'checkout'"):
        assigner.assign("chekout", "user-1")
    with pytest.raises(InvalidInputError, match="no id"):
        assigner.assign("checkout", "")
    with pytest.raises(InvalidInputError, match="no id"):
        assigner.assign_many("checkout", ["user-1", ""])
