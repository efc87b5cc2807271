"""Moves keep to the life of an experiment, happen whole or not at all, and can be asked again."""

from dataclasses import replace
from typing import Any

import pytest

from neonblue.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from neonblue.experiments.moves import ACTIONS, Moved, MoveRequest, move
from neonblue.experiments.plans import Proposal, record_plan
from neonblue.models import Experiment
from neonblue.models.lifecycle import MOVES, moved, possible_moves
from neonblue.stores import Store


@pytest.fixture
def ask(store: Store, plan: Experiment) -> Any:
    """A draft, and a way to ask something of it."""
    record_plan(store, Proposal(experiment=plan, origin="tool"))

    def request(action: Any, expected: int | None = None, **arguments: Any) -> Moved:
        asked = MoveRequest(action=action, **arguments)
        return move(store, "checkout", asked, actor="agent", expected_version=expected)

    return request


def test_the_whole_life(ask: Any, store: Store) -> None:
    steps = [
        ("start", {}, "running"),
        ("pause", {}, "paused"),
        ("resume", {}, "running"),
        ("conclude", {"winner": "short"}, "concluded"),
        ("roll_out", {"roll_out_fraction": 0.1}, "rolled_out"),
        ("roll_out", {"roll_out_fraction": 0.5}, "rolled_out"),
        ("roll_out", {"roll_out_fraction": 1.0}, "rolled_out"),
        ("archive", {}, "archived"),
    ]
    for action, arguments, status in steps:
        assert ask(action, **arguments).change.experiment.status == status
    history = store.experiment_history.of("checkout")
    assert [change.action for change in history] == ["define", *(step[0] for step in steps)]
    final = store.experiments.get("checkout")
    assert (final.winner, final.roll_out_fraction, final.version) == ("short", 1.0, 1)
    assert final.started_at is not None
    assert final.ended_at is not None


@pytest.mark.parametrize(
    "status",
    ["draft", "running", "paused", "stopped", "concluded", "rolled_out", "rolled_back", "archived"],
)
def test_what_a_status_does_not_allow_is_refused_and_the_ways_are_named(status: Any) -> None:
    for action in MOVES:
        if action in possible_moves(status):
            assert moved("x", status, action) == MOVES[action].after
            continue
        with pytest.raises(ConflictError, match=f"is {status}, so '{action}' cannot"):
            moved("x", status, action)


def test_every_status_but_archived_leads_somewhere() -> None:
    for move_ in MOVES.values():
        assert move_.after == "archived" or possible_moves(move_.after)


def test_the_same_request_again_changes_nothing(ask: Any, store: Store) -> None:
    """Also with the version that it was decided upon: the answer may have been lost."""
    assert ask("start", expected=1).changed
    again = ask("start", expected=1)
    assert (again.changed, again.change.state_version) == (False, 2)
    assert not ask("start").changed
    assert store.experiment_history.last_sequence() == 2


def test_a_stale_request_is_refused(ask: Any) -> None:
    ask("start", expected=1)
    with pytest.raises(ConflictError, match="at state version 2, not 1"):
        ask("pause", expected=1)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_crash_in_the_middle_leaves_the_state_and_the_step_can_be_repeated(
    ask: Any, store: Store, action: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {"pause": ["start"], "resume": ["start", "pause"], "stop": ["start"]}
    before |= {"conclude": ["start"], "roll_out": ["start", "conclude"], "archive": []}
    before |= {"roll_back": ["start", "stop"]}
    for earlier in before.get(action, []):
        ask(earlier)
    arguments = {"weights": {"control": 1, "short": 3}} if action == "set_weights" else {}
    state, last = store.experiments.get("checkout"), store.experiment_history.last_sequence()

    def crash(*_: object, **__: object) -> None:
        raise UnavailableError("the engine died")

    with monkeypatch.context() as patched:
        patched.setattr(store.database, "insert_rows", crash)
        with pytest.raises(UnavailableError):
            ask(action, **arguments)
    assert store.experiments.get("checkout") == state
    assert store.experiment_history.last_sequence() == last
    assert ask(action, **arguments).changed


def test_an_answer_that_was_lost_after_the_row_was_kept(
    ask: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = store.database.insert_rows

    def keep_and_crash(*arguments: Any, **options: Any) -> None:
        kept(*arguments, **options)
        raise UnavailableError("the connection broke")

    with monkeypatch.context() as patched:
        patched.setattr(store.database, "insert_rows", keep_and_crash)
        with pytest.raises(UnavailableError):
            ask("start", expected=1)
    assert not ask("start", expected=1).changed
    assert store.experiment_history.last_sequence() == 2


def test_weights_of_a_draft_are_its_plan_and_later_ones_are_for_new_units(
    ask: Any, store: Store
) -> None:
    ask("set_weights", weights={"control": 1, "short": 3})
    assert [each.weight for each in store.experiments.get("checkout").variants] == [1, 3]
    ask("start")
    ask("set_weights", weights={"short": 1, "control": 4})
    running = store.experiments.get("checkout")
    assert ([each.weight for each in running.variants], running.current_weights) == ([1, 3], (4, 1))
    assert running.version == 2
    define = Proposal(experiment=replace(running, current_weights=(), name="x"), origin="define")
    assert record_plan(store, define).experiment.current_weights == (4, 1)


@pytest.mark.parametrize(
    ("weights", "what"),
    [
        ({"control": 1}, "give one for each of 'control', 'short'"),
        ({"control": 1, "short": 1, "third": 1}, "give one for each"),
        ({"control": 0, "short": 0}, "at least one above 0"),
        ({"control": -1, "short": 2}, "give 0 or more"),
        ({"control": float("nan"), "short": 2}, "give 0 or more"),
        (None, "weights are for no variant"),
    ],
)
def test_weights_that_cannot_be_are_refused(ask: Any, weights: Any, what: str) -> None:
    ask("start")
    with pytest.raises(InvalidInputError, match=what):
        ask("set_weights", weights=weights)


def test_a_roll_out_only_grows_and_is_of_the_winner(ask: Any) -> None:
    ask("start")
    ask("conclude", winner="short")
    ask("roll_out", roll_out_fraction=0.5)
    with pytest.raises(ConflictError, match="only grows"):
        ask("roll_out", roll_out_fraction=0.1)
    with pytest.raises(ConflictError, match="concluded with the winner 'short'"):
        ask("roll_out", winner="control", roll_out_fraction=0.6)
    with pytest.raises(InvalidInputError, match="no share of units"):
        ask("roll_out", roll_out_fraction=1.5)
    with pytest.raises(ConflictError, match="finish it with roll_out"):
        ask("archive")
    rolled_back = ask("roll_back").change.experiment
    assert (rolled_back.status, rolled_back.winner) == ("rolled_back", "control")


def test_nobody_moves_what_is_not_there(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no experiment 'nothing'"):
        move(store, "nothing", MoveRequest(action="start"), actor="agent")
    assert store.experiment_history.last_sequence() == 0
