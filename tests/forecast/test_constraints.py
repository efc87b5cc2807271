"""Constraints are kept, and what of them cannot be checked is said."""

from neonblue.intelligence.recommendation.constraints import Constraints, unchecked
from neonblue.intelligence.recommendation.idea import Idea

KINDS = frozenset({"pricing", "removal_of_urgency", "our_own"})


def idea(kind: str) -> Idea:
    return Idea(
        source="pattern",
        kind=kind,
        industry="",
        hypothesis="If",
        changes=("x",),
        core="x",
        about="x",
        evidence=(),
    )


def test_excluded_kinds_are_excluded_however_they_are_written_and_removed_too() -> None:
    limits = Constraints(exclude_types=("Social proof", "urgency"))
    assert not limits.allows(idea("social_proof"))
    assert not limits.allows(idea("removal_of_urgency"))
    assert limits.allows(idea("pricing"))
    assert not Constraints(max_effort="medium").allows(idea("pricing"))


def test_what_cannot_be_checked_is_said() -> None:
    (days, units) = unchecked(Constraints(max_days=14, max_units=1000), None, KINDS)
    assert days == "max_days=14 was not checked: give baseline and units_per_day"
    assert units == "max_units=1000 was not checked: give baseline"
    (traffic,) = unchecked(Constraints(max_days=14, baseline=0.1, mde=0.05), None, KINDS)
    assert traffic.endswith("give units_per_day")
    (size,) = unchecked(Constraints(max_days=14, baseline=0.1), 1000.0, KINDS)
    assert size.startswith("sizes are for a change of 5%")


def test_kinds_to_exclude_that_do_not_exist_are_named() -> None:
    (told,) = unchecked(Constraints(exclude_types=("colour", "pricing", "Our own")), 1.0, KINDS)
    assert "'colour' excluded nothing" in told
    assert "our_own" in told


def test_what_was_checked_says_nothing() -> None:
    given = Constraints(max_days=14, max_units=9, baseline=0.1, mde=0.1, units_per_day=5.0)
    assert unchecked(given, 5.0, KINDS) == ()
    assert unchecked(Constraints(), None, KINDS) == ()
