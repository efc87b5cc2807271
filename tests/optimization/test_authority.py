"""What the authority promises: a person decides, exactly once, what they were shown."""

import threading
from datetime import timedelta

import pytest

from neonblue.errors import ConflictError, InvalidInputError
from neonblue.optimization.acts import Act, Actor
from neonblue.optimization.permission import Allowed, PendingApproval, Refused
from neonblue.optimization.signatures import SigningKey

AGENT = Actor(kind="agent", name="test")


def pending(answer: object) -> PendingApproval:
    assert isinstance(answer, PendingApproval), answer
    return answer


def refused(answer: object, code: str) -> Refused:
    assert isinstance(answer, Refused), answer
    assert answer.code == code
    return answer


def test_the_digest_is_over_canonical_json_and_a_copy() -> None:
    weights = {"b": 0.5, "control": 0.5}
    act = Act(
        kind="set_weights",
        experiment_id="x",
        arguments={"weights": weights, "n": 1.0},
        state_version=1,
        policy_version="p",
    )
    same = Act(
        kind="set_weights",
        experiment_id="x",
        arguments={"n": 1, "weights": dict(reversed(weights.items()))},
        state_version=1,
        policy_version="p",
    )
    before = act.digest()
    weights["b"] = 0.9
    assert act.digest() == before == same.digest()
    assert Act.read(act.text) == act


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60, {1: 2}, {"a"}, "\ud800"])
def test_arguments_that_json_cannot_hold_are_refused(value: object) -> None:
    with pytest.raises(InvalidInputError):
        Act(
            kind="start",
            experiment_id="x",
            arguments={"a": value},
            state_version=1,
            policy_version="p",
        )


def test_without_a_policy_a_person_decides_what_cannot_be_taken_back(world) -> None:
    kinds = ("start", "resume", "set_weights", "archive")
    assert all(isinstance(world.decide(world.act(kind)), PendingApproval) for kind in kinds)
    for kind in ("pause", "stop", "roll_back"):
        assert isinstance(world.decide(world.act(kind)), Allowed)


def test_duplicates_collapse_to_one_request_with_a_command(person) -> None:
    act = person.act()
    first, second = pending(person.decide(act)), pending(person.opened().decide(act, AGENT))
    assert first.approval_id == second.approval_id
    assert first.command == f"neonblue approve {first.approval_id}"
    assert first.command in first.text
    assert len(person.store.approvals.all()) == 1
    assert len(person.authority.audit.entries("asked")) == 1


def test_an_approval_allows_its_act_once(person) -> None:
    act = person.act()
    asked = pending(person.decide(act))
    person.approve(act, asked.approval_id)
    allowed = person.decide(act)
    assert isinstance(allowed, Allowed)
    assert (allowed.approval_id, allowed.approved_by) == (asked.approval_id, "ana")
    again = pending(person.decide(act))
    assert again.approval_id != asked.approval_id


def test_of_many_that_ask_at_once_one_is_allowed(person) -> None:
    act = person.act()
    person.approve(act, pending(person.decide(act)).approval_id)
    answers: list[object] = []
    begin = threading.Barrier(8)

    def ask() -> None:
        authority = person.opened()
        begin.wait()
        answers.append(authority.decide(act, AGENT))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert sum(isinstance(answer, Allowed) for answer in answers) == 1


def test_a_claimant_may_ask_again_after_a_crash_until_it_is_done(person) -> None:
    act = person.act()
    person.approve(act, pending(person.decide(act)).approval_id)
    first = person.decide(act, claimant="step 7")
    assert isinstance(first, Allowed)
    assert isinstance(person.decide(act, claimant="another"), PendingApproval)
    second = person.opened().decide(act, AGENT, claimant="step 7")
    assert isinstance(second, Allowed)
    person.authority.record(second)
    assert isinstance(person.decide(act, claimant="step 7"), PendingApproval)


def test_other_arguments_need_another_approval(person) -> None:
    act = person.act(weights={"control": 0.9, "b": 0.1})
    person.approve(act, pending(person.decide(act)).approval_id)
    assert isinstance(
        person.decide(person.act(weights={"control": 0.1, "b": 0.9})), PendingApproval
    )


def test_an_approval_is_void_once_the_experiment_has_moved_on(person) -> None:
    act = person.act()
    person.approve(act, pending(person.decide(act)).approval_id)
    person.versions["checkout"] = 2
    refused(person.decide(act), "stale_state")
    assert isinstance(person.decide(person.act()), PendingApproval)


def test_an_approval_is_void_once_the_policy_has_changed(person) -> None:
    act = person.act()
    person.approve(act, pending(person.decide(act)).approval_id)
    person.write_policy("autonomy = 'propose'\nlimits.max_running = 3\n")
    refused(person.decide(act), "stale_policy")
    assert isinstance(person.decide(person.act()), PendingApproval)


def test_an_approval_expires_and_no_clock_brings_it_back(person) -> None:
    act = person.act()
    person.approve(act, pending(person.decide(act)).approval_id)
    person.clock.ahead = timedelta(hours=1, seconds=5)
    assert isinstance(person.decide(person.act()), PendingApproval)
    person.authority.audit.append("refused", actor="test", content={})


def test_a_request_expires(person) -> None:
    act = person.act()
    asked = pending(person.decide(act))
    person.clock.ahead = timedelta(hours=25)
    with pytest.raises(ConflictError, match="expired"):
        person.approve(act, asked.approval_id)
    assert pending(person.decide(act)).approval_id != asked.approval_id


def test_only_a_registered_key_approves(person) -> None:
    act = person.act()
    asked = pending(person.decide(act))
    mallory = SigningKey.of_seed(bytes(32))
    forged = person.grant(act, asked.approval_id, key=mallory)
    with pytest.raises(ConflictError, match="not an approver's"):
        person.authority.desk.keep_grant(forged, person.approvers(), person.authority.now())
    # Also as a row that nobody checked.
    person.store.approvals.add_step(
        asked.approval_id, "granted", forged.plain(), person.authority.now()
    )
    assert isinstance(person.decide(act), PendingApproval)


def test_the_policy_may_name_who_has_to_agree(person) -> None:
    person.write_policy("[needs]\nstart = ['bo']\n")
    act = person.act()
    asked = pending(person.decide(act))
    with pytest.raises(ConflictError):
        person.approve(act, asked.approval_id)
    bo = SigningKey.of_seed(b"b" * 32)
    person.add("bo", bo, person.ana)
    grant = person.grant(act, asked.approval_id, key=bo)
    person.authority.desk.keep_grant(grant, person.approvers(), person.authority.now())
    assert isinstance(person.decide(act), Allowed)


def test_a_removed_approver_approves_no_more(person) -> None:
    bo = SigningKey.of_seed(b"b" * 32)
    person.add("bo", bo, person.ana)
    act = person.act()
    asked = pending(person.decide(act))
    grant = person.grant(act, asked.approval_id, key=bo)
    person.authority.desk.keep_grant(grant, person.approvers(), person.authority.now())
    person.add("bo", bo, person.ana, change="remove")
    assert isinstance(person.decide(act), PendingApproval)


def test_a_registry_that_was_replaced_approves_nothing(person) -> None:
    act = person.act()
    asked = pending(person.decide(act))
    person.files.approvers.unlink()
    mallory = SigningKey.of_seed(bytes(32))
    person.add("ana", mallory, mallory)
    grant = person.grant(act, asked.approval_id, key=mallory)
    assert "not the one" in person.approvers().fault
    with pytest.raises(ConflictError):
        person.authority.desk.keep_grant(grant, person.approvers(), person.authority.now())
    assert isinstance(person.decide(act), PendingApproval)


def test_a_deleted_claim_lets_nobody_use_an_approval_twice(person) -> None:
    act = person.act()
    person.approve(act, pending(person.decide(act)).approval_id)
    assert isinstance(person.decide(act), Allowed)
    person.store.database.command("ALTER TABLE claims DELETE WHERE 1 SETTINGS mutations_sync = 2")
    assert isinstance(person.decide(act), PendingApproval)


def test_nothing_is_approved_over_a_log_that_does_not_verify(person) -> None:
    act = person.act()
    person.approve(act, pending(person.decide(act)).approval_id)
    assert isinstance(person.decide(act), Allowed)
    person.store.database.command(
        "ALTER TABLE audit_log DELETE WHERE event = 'allowed' SETTINGS mutations_sync = 2"
    )
    refused(person.decide(act), "audit_broken")


def test_the_kill_switch_stops_an_approved_act_and_lets_harm_be_ended(person) -> None:
    act = person.act()
    person.approve(act, pending(person.decide(act)).approval_id)
    person.files.stop.touch()
    refused(person.decide(act), "halted")
    assert isinstance(person.decide(person.act("pause")), Allowed)
    person.files.stop.unlink()
    refused(person.decide(act), "halted")


def test_the_switch_is_looked_at_again_right_before_the_act(person) -> None:
    act = person.act()
    person.approve(act, pending(person.decide(act)).approval_id)
    allowed = person.decide(act)
    assert isinstance(allowed, Allowed)
    person.authority.confirm(allowed)
    person.authority.kill_switch.throw(by="ana", reason="too many complaints")
    with pytest.raises(ConflictError, match="too many complaints"):
        person.authority.confirm(allowed)


def test_every_answer_is_in_a_log_that_verifies(person) -> None:
    act = person.act()
    person.approve(act, pending(person.decide(act)).approval_id)
    allowed = person.decide(act)
    assert isinstance(allowed, Allowed)
    person.authority.record(allowed)
    person.files.stop.touch()
    person.decide(person.act("resume"))
    events = [entry.event for entry in person.authority.audit.entries()]
    assert events == ["approvers", "policy", "asked", "allowed", "done", "refused"]
    assert person.authority.audit.verify().unbroken
