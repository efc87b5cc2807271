"""Events that count for nobody are counted, by variant, and named with examples."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from neonblue.intelligence.diagnosis import Diagnosis, diagnose
from neonblue.intelligence.evidence import Check
from neonblue.stores import Store
from neonblue.stores.events import event_schema

UNITS = 1000
Events = list[dict[str, Any]]


def event(number: int, user: str, kind: str, at: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": f"{kind}{number}",
        "user_id": user,
        "experiment_id": "exp",
        "variant_id": "",
        "event_type": kind,
        "timestamp": at,
        "value": 10.0 if kind == "purchase" else None,
        "session_id": "",
        "properties": [],
        "source": "test",
        **changes,
    }


def variant(number: int) -> str:
    return ("control", "treatment")[number % 2]


def exposures(name: Callable[[int], str], now: datetime) -> Events:
    start = now - timedelta(days=2)
    return [
        event(n, name(n), "exposure", start + timedelta(minutes=n), variant_id=variant(n))
        for n in range(UNITS)
    ]


def purchases(
    name: Callable[[int], str], now: datetime, *, who: Callable[[int], bool], seconds: float = 60
) -> Events:
    start = now - timedelta(days=2)
    return [
        event(n, name(n), "purchase", start + timedelta(minutes=n, seconds=seconds))
        for n in range(UNITS)
        if n % 10 < 4 and who(n)
    ]


@pytest.fixture
def look(store: Store, plan_of: Any, now: datetime) -> Callable[..., Diagnosis]:
    """The diagnosis of an experiment with these events."""

    def stored(events: Events, **changes: Any) -> Diagnosis:
        store.experiments.save(plan_of(**{"status": "stopped", **changes}))
        store.events.insert(pa.Table.from_pylist(events, schema=event_schema()))
        return diagnose(store, "exp", now=now)

    return stored


def check(found: Diagnosis, name: str) -> Check:
    return next(each for each in found.validity.checks if each.name == name)


UUIDS = [str(uuid.uuid5(uuid.NAMESPACE_DNS, str(n))) for n in range(UNITS)]
SPELLINGS: dict[str, tuple[Callable[[int], str], Callable[[int], str], str]] = {
    "upper-case UUIDs": (lambda n: UUIDS[n], lambda n: UUIDS[n].upper(), "letter case"),
    "leading zeros": (lambda n: str(n + 1), lambda n: f"{n + 1:06}", "leading zeros"),
    "trailing spaces": (lambda n: f"u{n}", lambda n: f"u{n} ", "spaces around it"),
    "a prefix": (lambda n: f"{n + 1:06}", lambda n: f"user_{n + 1:06}", "a prefix"),
    "no prefix": (lambda n: f"uid:{n}", str, "a prefix"),
    "UUIDs without hyphens": (
        lambda n: UUIDS[n],
        lambda n: UUIDS[n].replace("-", ""),
        "punctuation",
    ),
    "a fraction of nothing": (lambda n: str(n), lambda n: f"{n}.0", "punctuation"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_purchases_under_another_spelling_of_the_id_are_found(
    look: Any, now: datetime, store: Store, spelling: str
) -> None:
    """In one variant only: that alone would read as a rollback."""
    exposed, bought, difference = SPELLINGS[spelling]

    def name(n: int) -> str:
        return exposed(n) if variant(n) == "control" else bought(n)

    found = look(exposures(exposed, now) + purchases(name, now, who=lambda _: True))
    made = check(found, "events_without_exposure")
    assert (made.status, "treatment 200" in made.detail) == ("fail", True)
    assert found.trust == "not_trusted"
    finding = next(each for each in found.findings if each.code == "events_under_other_ids")
    assert finding.severity == "critical"
    assert difference in finding.headline
    assert finding.evidence["by_variant"] == ["control 0", "treatment 200"]
    examples = finding.evidence["examples"]
    assert isinstance(examples, list)
    assert all(each.startswith("u_") and difference in each for each in examples)
    stray = store.named_users.user_of(examples[0].split()[0])
    assert stray in {bought(n) for n in range(UNITS)}
    assert len(store.database.rows(str(finding.query))) == 100


def test_alike_losses_in_both_variants_are_said_too(look: Any, now: datetime) -> None:
    def bought(n: int) -> str:
        return f"{n:06}" if n % 20 < 2 else str(n)

    found = look(exposures(str, now) + purchases(bought, now, who=lambda _: True))
    made = check(found, "events_without_exposure")
    assert made.status == "fail"
    assert "25.0%" in made.detail


def test_events_of_everybody_are_no_fault(look: Any, now: datetime) -> None:
    """Purchases of people outside the experiment say nothing about its variants."""
    outside = [
        event(n + UNITS, f"visitor-{n}", "purchase", now - timedelta(days=1)) for n in range(400)
    ]
    found = look(
        exposures(lambda n: f"u{n}", now)
        + purchases(lambda n: f"u{n}", now, who=lambda _: True)
        + outside
    )
    assert check(found, "events_without_exposure").status == "warn"
    assert "events_without_exposure" in [each.code for each in found.findings]
    assert not found.validity.failed


def test_exposures_that_one_variant_lost_are_found_by_what_its_events_name(
    look: Any, now: datetime
) -> None:
    lost = [
        event(n + UNITS, f"lost-{n}", "purchase", now, variant_id="treatment") for n in range(60)
    ]
    found = look(
        exposures(lambda n: f"u{n}", now)
        + purchases(lambda n: f"u{n}", now, who=lambda _: True)
        + lost
    )
    made = check(found, "events_without_exposure")
    assert (made.status, "treatment 60" in made.detail) == ("fail", True)


def test_exposures_logged_after_the_purchase_in_one_variant(look: Any, now: datetime) -> None:
    early = purchases(
        lambda n: f"u{n}", now, who=lambda n: variant(n) == "treatment" and n % 20 < 10, seconds=-3
    )
    rest = purchases(lambda n: f"u{n}", now, who=lambda n: variant(n) == "control" or n % 20 >= 10)
    found = look(exposures(lambda n: f"u{n}", now) + early + rest, status="running")
    made = check(found, "events_before_exposure")
    assert (made.status, "treatment 100" in made.detail) == ("fail", True)
    finding = next(each for each in found.findings if each.code == "exposure_after_events")
    assert finding.evidence["lost_by_variant"] == ["control 0", "treatment 100"]
    assert finding.evidence["median_seconds_by_variant"] == ["control 0.0", "treatment 3.0"]
    again = check(look([]), "events_before_exposure")
    assert again == made, "the second analysis knows it as well as the first"


def test_exposures_logged_late_in_every_variant_are_said(look: Any, now: datetime) -> None:
    found = look(
        exposures(lambda n: f"u{n}", now)
        + purchases(lambda n: f"u{n}", now, who=lambda n: n % 20 < 10, seconds=-3)
        + purchases(lambda n: f"u{n}", now, who=lambda n: n % 20 >= 10)
    )
    assert check(found, "events_before_exposure").status == "pass"
    (finding,) = [each for each in found.findings if each.code == "exposure_after_events"]
    assert finding.severity == "warning"


def test_a_sound_experiment_passes(look: Any, now: datetime) -> None:
    found = look(
        exposures(lambda n: f"u{n}", now) + purchases(lambda n: f"u{n}", now, who=lambda _: True)
    )
    assert check(found, "events_without_exposure").status == "pass"
    assert check(found, "events_before_exposure").status == "pass"


def test_losing_alike_by_chance_rarely_fails_however_often_it_is_asked() -> None:
    """A thousand experiments that lose a tenth of their units at random, looked at 20 times."""
    from neonblue.intelligence.lost_events import CONCENTRATION, DIFFERS_P
    from neonblue.stats.srm import sequential_srm_test

    rng = np.random.default_rng(5)
    false = 0
    for _ in range(1000):
        lost = np.cumsum(rng.binomial(10, 0.5, 20))
        total = 10 * np.arange(1, 21)
        tests = [
            sequential_srm_test([a, b - a], [1, 1], concentration=CONCENTRATION).p_value
            for a, b in zip(lost, total, strict=True)
        ]
        false += min(tests) < DIFFERS_P
    assert false <= 5
