"""The loop on a real chDB, with a real memory and a person's key: from a goal to a roll-out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from neonblue.errors import InvalidInputError
from neonblue.optimization.loop.goal import Goal, goal_id_of, read_goal, save_goal
from neonblue.optimization.loop.goal_file import read_goal_file
from neonblue.optimization.loop.reading import read
from neonblue.optimization.loop.report import markdown, report
from neonblue.optimization.loop.rules import ASSIGNMENT_CHECKS, FEED_CHECKS
from neonblue.stores.events import event_schema

from .platform import AUTONOMOUS, TEXT, Platform, event


def status(platform: Platform, number: int, goal: Goal) -> str:
    return platform.workspace.store.experiments.get(f"{goal.goal_id}_{number}").status


def test_a_winner_goes_from_idea_to_everybody_and_the_next_idea_begins(
    platform: Platform, goal: Goal
) -> None:
    platform.policy(AUTONOMOUS)
    first = f"{goal.goal_id}_1"
    assert platform.steps(goal, 2) == [("propose", "done"), ("start", "done")]
    for _ in range(3):
        platform.ahead += timedelta(days=1)
        platform.visitors(first, lift=0.4)
    assert platform.steps(goal, 2) == [("conclude", "done"), ("roll_out", "done")]
    assert platform.workspace.store.experiments.get(first).winner == "treatment"
    for fraction in (0.5, 1.0):
        platform.ahead += timedelta(days=1.1)
        platform.visitors(first, lift=0.4, units=500)
        assert ("roll_out", "done") in platform.steps(goal, 1)
        found = platform.workspace.store.experiments.get(first)
        assert found.roll_out_fraction == fraction
    assert platform.steps(goal, 1) == [("propose", "done")]
    written = report(platform.workspace.store, goal)
    assert written.funnel == {
        "ideas": 2,
        "approved": 1,
        "launched": 1,
        "decided": 1,
        "shipped": 1,
    }
    impact = written.experiments[0].impact
    assert impact is not None
    assert 0 < impact.low < impact.month < impact.high
    unknown = report(platform.workspace.store, replace(goal, baseline_mean=None))
    measured = unknown.experiments[0].impact
    assert measured is not None
    assert measured.month == pytest.approx(impact.month, rel=0.1)
    assert "show the price first" in markdown(written)
    assert platform.authority.audit.verify().unbroken


def test_harm_is_stopped_at_once_and_rolled_back(platform: Platform, goal: Goal) -> None:
    platform.policy(AUTONOMOUS)
    platform.steps(goal, 2)
    platform.ahead += timedelta(days=1)
    platform.visitors(f"{goal.goal_id}_1", lift=-0.6)
    assert platform.steps(goal, 2) == [("stop", "done"), ("roll_back", "done")]
    assert status(platform, 1, goal) == "rolled_back"


def test_a_broken_split_pauses_until_somebody_mends_it(platform: Platform, goal: Goal) -> None:
    platform.policy(AUTONOMOUS)
    platform.steps(goal, 2)
    platform.ahead += timedelta(days=3)
    platform.visitors(f"{goal.goal_id}_1", lift=0.4, split=0.6)
    assert platform.steps(goal, 2) == [("pause", "done")]
    found = platform.step(goal)
    assert found.status == "watching"
    assert "sample_ratio" in found.watching[0].reason


def test_the_checks_that_are_healed_are_checks_that_there_are(
    platform: Platform, goal: Goal
) -> None:
    """A name that no check of an analysis has would never heal anything."""
    platform.policy(AUTONOMOUS)
    platform.steps(goal, 2)
    found = read(
        platform.workspace.store, f"{goal.goal_id}_1", now=platform.now(), actor="test"
    ).analysis
    assert found is not None
    names = {check.name for check in found.validity.checks}
    assert names >= ASSIGNMENT_CHECKS | FEED_CHECKS


def test_a_broken_idea_begins_anew_once_with_units_of_its_own(
    platform: Platform, goal: Goal
) -> None:
    platform.policy(AUTONOMOUS)
    goal = replace(goal, on_broken_assignment="restart", ideas=goal.ideas[:1])
    platform.steps(goal, 2)
    for number in (1, 2):
        platform.ahead += timedelta(days=3)
        platform.visitors(f"{goal.goal_id}_{number}", lift=0.4, split=0.6)
        assert platform.steps(goal, 2) == [("stop", "done"), ("roll_back", "done")]
        assert status(platform, number, goal) == "rolled_back"
        again = platform.steps(goal, 2)
        assert again == ([("propose", "done"), ("start", "done")] if number == 1 else [])
    store = platform.workspace.store
    first, second = (store.experiments.get(f"{goal.goal_id}_{number}") for number in (1, 2))
    assert first.name == second.name
    proposed = store.experiment_history.of(second.experiment_id)[0]
    assert proposed.reason == f"{first.experiment_id} anew: its assignment was broken"


def test_nothing_starts_until_a_person_agrees_and_then_once(platform: Platform, goal: Goal) -> None:
    assert platform.steps(goal, 1) == [("propose", "done")]
    found = platform.step(goal)
    assert found.status == "waiting"
    assert platform.steps(goal, 2) == [("start", "waiting")] * 2
    assert status(platform, 1, goal) == "draft"
    asked = platform.authority.desk.all(platform.authority.approvers(), platform.now())
    assert [one.state for one in asked] == ["waiting"]
    platform.approve(asked[0].request.approval_id, asked[0].request.digest)
    assert platform.steps(goal, 1) == [("start", "done")]
    assert status(platform, 1, goal) == "running"
    steps = platform.workspace.store.loop.steps(goal.goal_id)
    assert [step.outcome for step in steps if step.act == "start"] == ["waiting", "done"]


def test_in_shadow_it_decides_and_does_nothing(platform: Platform, goal: Goal) -> None:
    platform.policy('autonomy = "shadow"\n')
    platform.steps(goal, 1)
    assert platform.steps(goal, 2) == [("start", "shadow")] * 2
    assert status(platform, 1, goal) == "draft"


def test_a_proposal_that_was_cut_short_becomes_the_same_experiment(
    platform: Platform, goal: Goal, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neonblue.optimization.loop import proposing

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(proposing, "record_plan", killed)
        with pytest.raises(KeyboardInterrupt):
            platform.step(goal)
    assert platform.steps(goal, 1) == [("propose", "done")]
    assert list(platform.workspace.store.loop.proposals(goal.goal_id)) == [f"{goal.goal_id}_1"]
    assert platform.workspace.store.experiments.get(f"{goal.goal_id}_1").name == goal.ideas[0]


GOAL_FILE = """
goal = "more people buy"
success_event = "purchase"
baseline_mean = 0.2
mde = 0.1
ideas = ["show the price first"]
at_once = 2
on_broken_assignment = "restart"
incubation_days = 0.5
"""


def test_a_goal_is_read_from_a_file_with_its_terms(platform: Platform) -> None:
    found = read_goal_file(platform.workspace.store, GOAL_FILE)
    assert found.goal_id == goal_id_of(TEXT)
    assert (found.at_once, found.incubation_days, found.on_broken_assignment) == (2, 0.5, "restart")
    assert found.metrics[0].event_type == "purchase"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mde = 3", "mde"),
        ("colour = 1", "colour"),
        ("= ", "no TOML"),
        ("roll_out_steps = [0.5, 0.2]", "roll_out_steps"),
    ],
)
def test_a_goal_file_that_cannot_be_used_says_why(platform: Platform, line: str, said: str) -> None:
    text = f'goal = "more"\nsuccess_event = "purchase"\n{line}\n'
    with pytest.raises(InvalidInputError, match=said):
        read_goal_file(platform.workspace.store, text)


def test_a_variant_that_errors_is_stopped_before_anything_else(
    platform: Platform,
) -> None:
    platform.policy(AUTONOMOUS)
    terms = GOAL_FILE + 'error_event = "crash"\nerror_limit = 0.1\n'
    goal = read_goal_file(platform.workspace.store, terms)
    save_goal(platform.workspace.store, goal)
    assert read_goal(platform.workspace.store, goal.goal_id) == goal
    platform.steps(goal, 2)
    experiment_id = f"{goal.goal_id}_1"
    platform.visitors(experiment_id, lift=0.0, units=600)
    crashes = [
        event(experiment_id, f"u{number}", "", "crash", platform.now()) for number in range(1, 200)
    ]
    platform.workspace.store.events.insert(pa.Table.from_pylist(crashes, schema=event_schema()))
    (taken,) = platform.step(goal).steps
    assert (taken.act, taken.outcome) == ("stop", "done")
    assert "crash of treatment" in taken.reason


def test_units_that_met_both_variants_roll_it_back_by_policy(
    platform: Platform, goal: Goal
) -> None:
    platform.policy(AUTONOMOUS)
    goal = replace(goal, on_broken_assignment="roll_back", ideas=goal.ideas[:1])
    platform.steps(goal, 2)
    experiment_id = f"{goal.goal_id}_1"
    platform.visitors(experiment_id, lift=0.0, units=1000)
    again = [
        event(experiment_id, f"u{number}", variant, "exposure", platform.now())
        | {"event_id": f"again-{number}-{variant}"}
        for number in range(1, 60)
        for variant in ("control", "treatment")
    ]
    platform.workspace.store.events.insert(pa.Table.from_pylist(again, schema=event_schema()))
    first = platform.step(goal).steps[0]
    assert (first.act, first.outcome) == ("stop", "done")
    assert "multiple_exposures" in first.reason
    assert ("roll_back", "done") in platform.steps(goal, 1)
    assert status(platform, 1, goal) == "rolled_back"
    assert platform.authority.audit.verify().unbroken


def test_stale_data_pause_it_and_new_ones_resume_it(platform: Platform, goal: Goal) -> None:
    platform.policy(AUTONOMOUS)
    platform.steps(goal, 2)
    platform.visitors(f"{goal.goal_id}_1", lift=0.0, units=500)
    platform.ahead += timedelta(days=4)
    assert platform.steps(goal, 2) == [("pause", "done")]
    came = event(f"{goal.goal_id}_1", "u1", "", "purchase", datetime.now(UTC))
    platform.workspace.store.events.insert(pa.Table.from_pylist([came], schema=event_schema()))
    platform.ahead = timedelta()
    assert platform.steps(goal, 1) == [("resume", "done")]
    assert status(platform, 1, goal) == "running"


def test_a_goal_is_read_back_as_it_was_kept(platform: Platform, goal: Goal) -> None:
    assert read_goal(platform.workspace.store, goal.goal_id) == goal


class KilledError(BaseException):
    """As if the process ended here."""


@pytest.mark.parametrize("after_writing", [False, True])
def test_a_loop_that_is_killed_at_any_write_does_everything_once(
    platform: Platform, goal: Goal, monkeypatch: pytest.MonkeyPatch, after_writing: bool
) -> None:
    """Propose and start, cut short at every single write in turn, before or after it."""
    from neonblue.stores.database import Database

    platform.policy(AUTONOMOUS)
    store = platform.workspace.store
    write, alive = Database.insert_rows, [0]

    def killing(self: Database, table: str, *arguments: Any, **options: Any) -> None:
        alive[0] -= 1
        if alive[0] == 0 and not after_writing:
            raise KilledError
        write(self, table, *arguments, **options)
        if alive[0] == 0:
            raise KilledError

    monkeypatch.setattr(Database, "insert_rows", killing)
    for writes in range(1, 14):
        one = replace(goal, goal_id=f"{goal.goal_id}_{writes}")
        alive[0] = writes
        for _ in range(6):
            try:
                platform.step(one)
            except KilledError:
                continue
            if store.experiments.defined().get(f"{one.goal_id}_1", None) is not None:
                break
        alive[0] = 0
        platform.steps(one, 2)
        experiment_id = f"{one.goal_id}_1"
        assert list(store.loop.proposals(one.goal_id)) == [experiment_id]
        actions = [change.action for change in store.experiment_history.of(experiment_id)]
        assert actions == ["define", "start"], f"killed at write {writes}"
        logged = platform.authority.audit.entries("done", experiment_id=experiment_id)
        assert len(logged) == 1, f"killed at write {writes}"
    assert platform.authority.audit.verify().unbroken


def test_of_two_loops_at_once_one_acts(platform: Platform, goal: Goal) -> None:
    from concurrent.futures import ThreadPoolExecutor

    platform.policy(AUTONOMOUS)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(4):
            list(pool.map(lambda _: platform.step(goal), range(2)))
    store, experiment_id = platform.workspace.store, f"{goal.goal_id}_1"
    assert list(store.loop.proposals(goal.goal_id)) == [experiment_id]
    actions = [change.action for change in store.experiment_history.of(experiment_id)]
    assert actions == ["define", "start"]
    assert len(platform.authority.audit.entries("done", experiment_id=experiment_id)) == 1
