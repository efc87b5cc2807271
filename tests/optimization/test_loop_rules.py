"""The loop's rules: what it does next with an experiment, and in which order things count."""

from dataclasses import replace
from typing import Any

import pytest

from neonblue.optimization.loop.rules import LoopTerms, NextAct, Wait, next_act
from neonblue.optimization.loop.situation import Situation
from neonblue.stats.programme import EndedTest

TERMS = LoopTerms(level=0.002, incubation_days=2.0)
RUNNING = Situation(
    experiment_id="e",
    status="running",
    state_version=2,
    decision="keep_running",
    evidence=EndedTest(z=1.5, progress=0.5),
    days=5.0,
    units=2000,
)
WINNING = replace(RUNNING, decision="ship", variant="b", success_p_value=0.0038)
WON = replace(RUNNING, status="concluded", winner="b")


def act(seen: Situation, terms: LoopTerms = TERMS) -> tuple[str, dict[str, Any]]:
    found = next_act(seen, terms)
    return (found.kind, dict(found.arguments)) if isinstance(found, NextAct) else ("wait", {})


def test_a_winner_is_concluded_only_at_the_programmes_level() -> None:
    assert act(WINNING) == ("conclude", {"winner": "b"})
    assert act(replace(WINNING, success_p_value=0.0042)) == ("wait", {})
    assert act(replace(WINNING, success_p_value=0.0042), replace(TERMS, level=0.0025))[0] == (
        "conclude"
    )


def test_a_winner_below_the_level_ends_without_one_at_the_maximum() -> None:
    seen = replace(WINNING, success_p_value=0.04, evidence=EndedTest(z=2.2, progress=3.0))
    assert act(seen) == ("stop", {})


@pytest.mark.parametrize("decision", ["no_meaningful_effect", "inconclusive"])
def test_what_cannot_be_found_is_concluded_without_a_winner(decision: Any) -> None:
    assert act(replace(RUNNING, decision=decision)) == ("conclude", {})


def test_futile_ideas_are_given_up() -> None:
    assert act(replace(RUNNING, evidence=EndedTest(z=-1.5, progress=0.8))) == ("stop", {})
    assert act(RUNNING) == ("wait", {})


def test_harm_counts_before_incubation_and_everything_else() -> None:
    harmed = replace(RUNNING, decision="rollback", days=0.1)
    assert act(harmed)[0] == "stop"
    assert act(replace(RUNNING, crossed_limits=("errors 4 % > 2 %",), days=0.1))[0] == "stop"
    assert act(replace(harmed, status="paused"))[0] == "stop"
    assert act(replace(RUNNING, status="stopped"))[0] == "roll_back"


def test_nothing_is_concluded_while_it_incubates() -> None:
    assert act(replace(WINNING, days=1.0)) == ("wait", {})
    assert act(replace(WINNING, days=None)) == ("wait", {})


@pytest.mark.parametrize(
    ("policy", "kind"),
    [("pause", "pause"), ("roll_back", "stop"), ("restart", "stop"), ("hold", "wait")],
)
def test_broken_assignment_is_healed_by_policy(policy: Any, kind: str) -> None:
    broken = replace(RUNNING, failed_checks=("sample_ratio",), decision="invalid")
    assert act(broken, replace(TERMS, on_broken_assignment=policy))[0] == kind


def test_data_that_stopped_coming_pause_it() -> None:
    assert act(replace(RUNNING, failed_checks=("data_freshness",), decision="invalid"))[0] == (
        "pause"
    )


def test_what_was_paused_for_want_of_data_is_resumed_when_they_come() -> None:
    paused = replace(RUNNING, status="paused")
    assert act(paused)[0] == "wait"
    assert act(replace(paused, feed_returned=True)) == ("resume", {})
    still_broken = replace(paused, feed_returned=True, failed_checks=("sample_ratio",))
    assert act(still_broken)[0] == "wait"
    harmed = replace(paused, feed_returned=True, decision="rollback")
    assert act(harmed)[0] == "stop"


def test_traffic_that_never_came_pauses_it() -> None:
    empty = replace(RUNNING, evidence=None, units=0)
    assert act(empty)[0] == "pause"
    assert act(replace(empty, days=1.9))[0] == "wait"
    assert act(replace(empty, days=0.5), replace(TERMS, incubation_days=0.01))[0] == "wait"


def test_what_cannot_be_read_is_never_concluded() -> None:
    for check in ("data_freshness", "variance", "rejected_rows"):
        seen = replace(WINNING, failed_checks=(check,))
        assert act(seen)[0] in ("pause", "wait")


def test_a_winner_is_rolled_out_in_steps_that_are_watched() -> None:
    assert act(WON) == ("roll_out", {"winner": "b", "fraction": 0.25})
    on_its_way = replace(WON, status="rolled_out", roll_out_fraction=0.25, days_since_step=0.5)
    assert act(on_its_way) == ("wait", {})
    assert act(replace(on_its_way, days_since_step=1.0)) == (
        "roll_out",
        {"winner": "b", "fraction": 0.5},
    )
    assert act(replace(on_its_way, decision="rollback")) == ("roll_back", {})
    done = next_act(replace(on_its_way, roll_out_fraction=1.0), TERMS)
    assert isinstance(done, Wait)
    assert done.ended


def test_what_lost_is_rolled_back() -> None:
    assert act(replace(WON, winner=None)) == ("roll_back", {})


def test_what_has_ended_is_left_alone() -> None:
    for status in ("rolled_back", "archived"):
        found = next_act(replace(RUNNING, status=status), TERMS)  # type: ignore[arg-type]
        assert isinstance(found, Wait)
        assert found.ended
