"""Segments are judged against the rest, and only as far as looks allow."""

from datetime import datetime

import numpy as np
import pytest

from neonblue.errors import NotFoundError
from neonblue.intelligence.analysis import analyze
from neonblue.stores import Store


def test_the_segment_that_differs_comes_first(store: Store, simulate, world, now: datetime) -> None:
    harmed = world.treated & (world.country == "DE")
    rate = np.where(harmed, 0.02, np.where(world.treated, 0.14, 0.1))
    world.buys = world.rng.random(world.units) < rate
    simulate(world)
    found = analyze(store, "exp", now=now, segment_by="country").segments
    assert found.effects[0].value == "DE"
    assert found.effects[0].differs
    assert found.effects[0].difference_from_rest < 0


def test_equal_effects_do_not_differ(store: Store, simulate, world, now: datetime) -> None:
    world.buys = world.rng.random(world.units) < np.where(world.treated, 0.14, 0.1)
    simulate(world)
    found = analyze(store, "exp", now=now, segment_by="browser").segments
    assert not any(effect.differs for effect in found.effects)
    assert {effect.value for effect in found.effects} == {"Chrome", "Safari", "Firefox"}


def test_segments_of_a_broken_experiment_are_withheld(
    store: Store, simulate, world, now: datetime
) -> None:
    world.lose(world.treated, 0.2)
    simulate(world)
    found = analyze(store, "exp", now=now, segment_by="country").segments
    assert (found.status, found.effects) == ("withheld", ())


def test_an_unknown_property_names_the_known_ones(
    store: Store, simulate, world, now: datetime
) -> None:
    simulate(world)
    with pytest.raises(NotFoundError, match="browser, country"):
        analyze(store, "exp", now=now, segment_by="planet")


def test_trying_every_property_in_turn_finds_no_difference_by_chance(
    store: Store, simulate, world, now: datetime
) -> None:
    """The error rate is shared over what can be tried: p counts once for each property."""
    simulate(world)
    names = [p.name for p in store.exposure_properties.cardinalities("exp") if p.values > 1]
    for name in names:
        found = analyze(store, "exp", now=now, segment_by=name).segments
        least = min(e.p_value for e in found.effects if e.p_value is not None)
        lowest = min(e.adjusted_p_value for e in found.effects if e.p_value is not None)
        assert lowest >= min(1.0, least * len(names)) - 1e-12
        assert not any(effect.differs for effect in found.effects)


def test_a_property_of_the_plan_shares_alpha_with_the_planned_ones_only(
    store: Store, simulate, world, now: datetime
) -> None:
    harmed = world.treated & (world.country == "DE")
    world.buys = world.rng.random(world.units) < np.where(harmed, 0.06, 0.1)
    simulate(world)
    simulate(world, experiment_id="planned", segments=("country",))
    open_search = analyze(store, "exp", now=now, segment_by="country").segments.effects[0]
    planned = analyze(store, "planned", now=now, segment_by="country").segments.effects[0]
    # The same units, read a second time, have half of alpha, and the mixture's tuning hangs on it.
    assert planned.p_value == pytest.approx(open_search.p_value, rel=0.1)
    assert planned.adjusted_p_value < open_search.adjusted_p_value


def test_peeking_through_segments_finds_nothing_that_is_not_there() -> None:
    """Forty looks at forty segments of all sizes, 60 worlds without any difference."""
    from neonblue.intelligence.segments import _adjusted, _effects
    from neonblue.intelligence.terms import Terms
    from neonblue.models import Experiment, MetricDefinition, Variant
    from neonblue.stats.moments import proportion_summary

    metric = MetricDefinition(name="m", kind="proportion", event_type="e")
    variants = (Variant(variant_id="c", is_control=True), Variant(variant_id="t"))
    plan = Experiment(
        experiment_id="e", variants=variants, metrics=(metric,), planned_sample_size=40_000
    )
    terms = Terms(
        planned_units=40_000,
        show_fixed_horizon=False,
        least_p={},
        priors={},
        nonnegative=frozenset({"m"}),
    )
    rng, fooled = np.random.default_rng(17), {False: 0, True: 0}
    for _ in range(60):
        shares = rng.dirichlet(np.full(40, 0.5))
        came = rng.multinomial(500, shares, (2, 40))
        arrivals, hits = came.cumsum(axis=1), rng.binomial(came, 0.03).cumsum(axis=1)
        first = {str(place): float(share) for place, share in enumerate(shares)}
        for fixed in (False, True):
            fooled[fixed] += any(
                effect.differs
                for look in range(40)
                for effect in _adjusted(
                    list(_effects(plan, metric, "t", {
                        ("m", name, str(place)): proportion_summary(
                            float(arrivals[side, look, place]), float(hits[side, look, place])
                        )
                        for side, name in enumerate("ct")
                        for place in range(40)
                    }, terms, first, fixed=fixed)),
                    1,
                    0.05,
                )
            )  # fmt: skip
    assert fooled[False] <= 3
    assert fooled[True] > fooled[False]


def test_a_segment_that_starts_late_has_a_time_of_its_own() -> None:
    """25 looks while a segment grows that was not there before the plan's end."""
    from neonblue.intelligence.segments import _effects
    from neonblue.intelligence.terms import Terms
    from neonblue.models import Experiment, MetricDefinition, Variant
    from neonblue.stats.moments import proportion_summary

    metric = MetricDefinition(name="m", kind="proportion", event_type="e")
    variants = (Variant(variant_id="c", is_control=True), Variant(variant_id="t"))
    plan = Experiment(
        experiment_id="e", variants=variants, metrics=(metric,), planned_sample_size=20_000
    )
    terms = Terms(
        planned_units=20_000,
        show_fixed_horizon=False,
        least_p={},
        priors={},
        nonnegative=frozenset({"m"}),
    )
    rng, fooled, looks = np.random.default_rng(23), 0, 25
    late = np.unique(np.geomspace(200, 9_000, looks).astype(int))
    for _ in range(80):
        hits = rng.binomial(np.diff(late, prepend=0), 0.3, (2, looks)).cumsum(axis=1)
        known = [proportion_summary(10_000.0, float(h)) for h in rng.binomial(10_000, 0.3, 2)]
        fooled += any(
            effect.p_value is not None and effect.p_value <= 0.05 and effect.value == "late"
            for look in range(looks)
            for effect in _effects(plan, metric, "t", {
                ("m", "ct"[side], segment): summary
                for side in (0, 1)
                for segment, summary in (
                    ("early", known[side]),
                    ("late", proportion_summary(float(late[look]), float(hits[side, look]))),
                )
            }, terms, {"early": 1.0}, fixed=False)
        )  # fmt: skip
    assert fooled <= 5
