"""What a policy file may say, and what it then says of acts."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from neonblue.errors import InvalidInputError
from neonblue.optimization.acts import Act
from neonblue.optimization.policy import Policy, read_policy
from neonblue.optimization.policy_rules import Facts, judge

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FACTS = Facts(
    now=NOON,
    wall_clock=NOON,
    running=1,
    days_running=10.0,
    least_share=0.5,
    treated_fraction=0.5,
    holdout_fraction=0.1,
    risk=0.001,
    measured=("revenue",),
    changes={"revenue": (0.01, 0.03)},
)


def act(kind: Any = "start", experiment_id: str = "checkout-1") -> Act:
    return Act(
        kind=kind, experiment_id=experiment_id, arguments={}, state_version=1, policy_version="p"
    )


def answer(policy: str, kind: Any = "start", *, signed: bool = True, **facts: Any) -> str:
    judged = judge(read_policy(policy), act(kind), replace(FACTS, **facts), signed=signed)
    return (
        judged.answer if judged.answer == "allow" else f"{judged.answer}:{judged.reasons[0].code}"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("autonomy = 'yolo'", "autonomy"),
        ("autonmy = 'guarded'", "autonmy"),
        ("autonomy = ", "no TOML"),
        ("quiet_hours = ['25:00-07:00']", "are no hours"),
        ("quiet_hours = ['07:00-07:00']", "no time at all"),
        ("quiet_hours = ['00:00-12:00', '12:00-00:00']", "whole day"),
        ("timezone = 'Mars/Olympus'", "no time zone"),
        ("[limits]\nmin_variant_share = 0.6", "no second variant"),
        ("[limits]\ntraffic_budget = 0.01", "nothing could ever start"),
        ("autonomy = 'guarded'\n[limits]\nmax_running = 0", "may start nothing"),
        ("[needs]\nstop = 'never'", "nobody who can end harm"),
        ("[needs]\nstart = []", "needs.start"),
        ("[needs]\nlaunch = 'person'", "needs.launch"),
        ("[never_fall]\nrevenue = 1.5", "never_fall.revenue"),
        ("[limits]\nrisk_budget = nan", "risk_budget"),
        (
            "[needs]\nstart = 'never'\n[[preapproved]]\nkinds = ['start']\nexperiments = ['*']\n"
            "until = 2099-01-01",
            "'start' is preapproved",
        ),
    ],
)
def test_a_policy_that_cannot_be_is_refused_in_one_message(text: str, said: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_policy(text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value).strip()


def test_several_faults_come_in_one_message() -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_policy("[limits]\nmin_variant_share = 0.7\n[needs]\npause = 'never'\n")
    assert "no second variant" in str(refused.value)
    assert "end harm" in str(refused.value)


@pytest.mark.parametrize(
    ("autonomy", "allowed"),
    [
        ("shadow", set()),
        ("propose", {"pause", "stop", "roll_back"}),
        (
            "guarded",
            {
                "pause", "stop", "roll_back", "start", "resume", "set_weights", "conclude",
                "archive",
            },
        ),
        (
            "autonomous",
            {
                "pause", "stop", "roll_back", "start", "resume", "set_weights", "conclude",
                "archive", "roll_out",
            },
        ),
    ],
)  # fmt: skip
def test_each_level_does_its_acts_alone(autonomy: str, allowed: set[str]) -> None:
    kinds = (
        "start", "pause", "resume", "stop", "conclude", "roll_out", "roll_back", "archive",
        "set_weights",
    )  # fmt: skip
    policy = f"autonomy = '{autonomy}'"
    assert {kind for kind in kinds if answer(policy, kind) == "allow"} == allowed
    unsigned = {kind for kind in kinds if answer(policy, kind, signed=False) == "allow"}
    assert unsigned == allowed & {"pause", "stop", "roll_back"}


def test_the_default_is_to_ask() -> None:
    assert Policy() == read_policy("")
    assert answer("") == "person:irreversible"


@pytest.mark.parametrize(
    ("policy", "facts", "said"),
    [
        ("[limits]\nmax_running = 1", {}, "refuse:max_running"),
        ("[limits]\nmin_variant_share = 0.1", {"least_share": 0.05}, "refuse:min_variant_share"),
        ("", {"least_share": None}, "refuse:min_variant_share"),
        ("[limits]\nholdout_floor = 0.2", {}, "refuse:holdout_floor"),
        ("[never_fall]\nsignups = 0.0", {}, "refuse:never_fall"),
        ("[limits]\ntraffic_budget = 0.8", {"treated_elsewhere": 0.4}, "person:traffic_budget"),
        ("[limits]\ntraffic_budget = 0.8", {"treated_fraction": None}, "person:traffic_budget"),
        ("[limits]\nrisk_budget = 0.002", {"risk_elsewhere": 0.0015}, "person:risk_budget"),
        ("[limits]\nrisk_budget = 0.002", {"risk": None}, "person:risk_budget"),
        ("quiet_hours = ['11:00-13:00']", {}, "person:quiet_hours"),
        ("quiet_hours = ['22:00-07:00']\ntimezone = 'Pacific/Auckland'", {}, "person:quiet_hours"),
        ("quiet_hours = ['22:00-07:00']", {}, "allow"),
        ("[needs]\nstart = 'person'", {}, "person:needs_person"),
        ("[needs]\nstart = ['ana']", {}, "person:needs_person"),
        ("[needs]\nstart = 'never'", {}, "refuse:never"),
    ],
)
def test_limits_hold_on_the_highest_level(policy: str, facts: dict[str, Any], said: str) -> None:
    assert answer(f"autonomy = 'autonomous'\n{policy}", **facts) == said


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "allow"),
        ({"days_running": 0.5}, "refuse:incubation"),
        ({"days_running": None}, "refuse:incubation"),
        ({"changes": {"revenue": (-0.02, 0.03)}}, "refuse:never_fall"),
        ({"changes": {}}, "refuse:never_fall"),
        ({"changes": {"revenue": (-0.005, 0.03)}}, "allow"),
    ],
)
def test_a_roll_out_waits_and_proves_that_nothing_falls(facts: dict[str, Any], said: str) -> None:
    policy = "autonomy = 'autonomous'\n[limits]\nincubation_days = 2\n[never_fall]\nrevenue = 0.01"
    assert answer(policy, "roll_out", **facts) == said


def test_a_metric_that_fell_gets_no_more_traffic_and_may_be_paused() -> None:
    policy = "autonomy = 'autonomous'\n[never_fall]\nrevenue = 0.01"
    fell = {"revenue": (-0.08, -0.03)}
    assert answer(policy, "set_weights", changes=fell) == "refuse:never_fall"
    assert answer(policy, "set_weights", changes={"revenue": (-0.08, 0.03)}) == "allow"
    assert answer(policy, "pause", changes=fell) == "allow"


def test_what_is_preapproved_ends() -> None:
    policy = (
        "[[preapproved]]\nkinds = ['start']\nexperiments = ['checkout-*']\nuntil = 2026-06-01\n"
    )
    assert answer(policy) == "allow"
    assert answer(policy, signed=False) == "person:unsigned_policy"
    late = datetime(2026, 6, 2, tzinfo=UTC)
    assert answer(policy, now=late) == "person:irreversible"
    assert judge(read_policy(policy), act(experiment_id="home"), FACTS, signed=True).answer == (
        "person"
    )
