"""Ways through the policy, the registry of approvers and the kill switch."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from neonblue.errors import NeonBlueError
from neonblue.jobs import find_job
from neonblue.optimization.approvers import read_approvers, write_approvers
from neonblue.optimization.kill_switch import lift_statement
from neonblue.optimization.permission import Allowed, PendingApproval

from ..conftest import World
from .way import (
    MALLORY,
    Answers,
    Way,
    approved,
    asked,
    attempt,
    entry_of,
    keep,
    quietly,
    way,
    with_entry,
)

# The policy


def _unsigned(text: str) -> Way:
    def edits_the_policy(world: World) -> Answers:
        world.write_policy(text)
        return attempt(world, world.act(), world.act("set_weights"))

    return edits_the_policy


for policy_text in (
    "autonomy = 'autonomous'\n",
    "[needs]\nstart = 'nobody'\nset_weights = 'nobody'\n",
    "[[preapproved]]\nkinds = ['start', 'set_weights']\nexperiments = ['*']\nuntil = 2099-01-01\n",
):
    way(_unsigned(policy_text))


@way
def breaks_the_policy(world: World) -> Answers:
    act = world.act()
    answers: Answers = []
    for text in ("autonomy = ", "autonomy = 'root'\n", "start = 'nobody'\n", "\0"):
        world.write_policy(text)
        answers += attempt(world, act)
    return answers


@way
def deletes_a_policy_that_forbids(world: World) -> Answers:
    world.write_policy("[needs]\nstart = 'never'\n")
    before = attempt(world, world.act())
    world.files.policy.unlink()
    return before + attempt(world, world.act())


@way
def signs_the_policy_itself(world: World) -> Answers:
    world.write_policy("autonomy = 'autonomous'\n")
    world.ana, ana = MALLORY, world.ana
    world.sign_policy()
    world.ana = ana
    return attempt(world, world.act())


@way
def edits_a_signed_policy(world: World) -> Answers:
    world.write_policy("autonomy = 'propose'\n")
    world.sign_policy()
    world.write_policy("autonomy = 'autonomous'\n")
    return attempt(world, world.act())


@way
def puts_an_older_signed_policy_back(world: World) -> Answers:
    world.write_policy("autonomy = 'autonomous'\n")
    world.sign_policy(1)
    old = world.files.policy.read_text(), world.files.signature.read_text()
    assert isinstance(world.decide(world.act()), Allowed)
    world.write_policy("autonomy = 'propose'\n")
    world.sign_policy(2)
    assert isinstance(world.decide(world.act()), PendingApproval)
    world.files.policy.write_text(old[0])
    world.files.signature.write_text(old[1])
    first = attempt(world, world.act())
    found = json.loads(old[1])
    world.files.signature.write_text(json.dumps({**found, "serial": 3}))
    return first + attempt(world, world.act())


@way
def goes_beyond_what_is_preapproved(world: World) -> Answers:
    world.write_policy(
        "[[preapproved]]\nkinds = ['start']\nexperiments = ['other-*']\nuntil = 2099-01-01\n"
        "[[preapproved]]\nkinds = ['start']\nexperiments = ['checkout']\nuntil = 2020-01-01\n"
        "[[preapproved]]\nkinds = ['archive']\nexperiments = ['checkout']\nuntil = 2099-01-01\n"
    )
    world.sign_policy()
    return attempt(world, world.act(), world.act("roll_out"), world.act("resume"))


@way
def goes_beyond_the_limits_of_a_signed_policy(world: World) -> Answers:
    world.write_policy(
        "autonomy = 'autonomous'\n[limits]\nmin_variant_share = 0.2\nholdout_floor = 0.1\n"
        "incubation_days = 3\n[never_fall]\nrevenue = 0.0\n"
    )
    world.sign_policy()
    figures = {"relative_change": {"revenue": [0.1, 0.2]}}
    return attempt(
        world,
        world.act(weights={"control": 0.99, "b": 0.01}, holdout_fraction=0.1),
        world.act(weights={"control": 1, "b": -1}, holdout_fraction=0.1),
        world.act(weights={}, holdout_fraction=0.1),
        world.act(holdout_fraction=0.0),
        world.act(holdout_fraction=7),
        world.act("roll_out", fraction=1.0),
        world.act("roll_out", fraction="all"),
        figures=figures,
    )


@way
def begins_in_quiet_hours(world: World) -> Answers:
    world.write_policy(
        "autonomy = 'autonomous'\nquiet_hours = ['00:00-12:00', '12:00-23:59']\n"
        "[limits]\nincubation_days = 0\n"
    )
    world.sign_policy()
    if datetime.now(UTC).strftime("%H:%M") == "23:59":
        return []
    return attempt(world, world.act(), world.act("roll_out"))


# The registry


@way
def replaces_the_registry(world: World) -> Answers:
    act = world.act()
    approval_id = asked(world, act)
    world.files.approvers.unlink()
    world.add("ana", MALLORY, MALLORY)
    keep(world, world.grant(act, approval_id, key=MALLORY))
    return attempt(world, act)


@way
def empties_the_registry(world: World) -> Answers:
    act, _ = approved(world)
    for text in ("", "[]", '{"entries": []}', '{"entries": 7}'):
        world.files.approvers.write_text(text)
        act = world.act(n=text)
        keep(world, world.grant(act, asked(world, act), key=MALLORY))
        if isinstance(world.decide(act), Allowed):
            return attempt(world, act)
    return attempt(world, act)


@way
def adds_itself_with_its_own_signature(world: World) -> Answers:
    return with_entry(world, by=MALLORY.public_key)


@way
def adds_itself_in_the_name_of_a_person(world: World) -> Answers:
    return with_entry(world, by=world.ana.public_key)


@way
def adds_itself_through_the_job(world: World) -> Answers:
    class Place:
        authority = world.authority

    entry = entry_of(world, MALLORY.public_key)
    quietly(find_job("approvers"), Place(), {"entries": [entry]}, lambda *_: None)  # type: ignore[arg-type]
    act = world.act()
    keep(world, world.grant(act, asked(world, act), key=MALLORY))
    return attempt(world, act)


@way
def turns_a_persons_key_into_its_own(world: World) -> Answers:
    known = read_approvers(world.files.approvers)
    entry = {**known.entries[0], "public_key": MALLORY.public_key}
    write_approvers(world.files.approvers, [entry])
    act = replace(world.act(), arguments={"x": 1})
    keep(world, world.grant(act, asked(world, act), key=MALLORY))
    return attempt(world, act)


@way
def approves_with_a_removed_key(world: World) -> Answers:
    world.add("bo", MALLORY, world.ana)
    act = world.act()
    approval_id = asked(world, act)
    world.authority.grant(world.grant(act, approval_id, key=MALLORY))
    known = list(read_approvers(world.files.approvers).entries)
    world.add("bo", MALLORY, world.ana, change="remove")
    first = attempt(world, act)
    write_approvers(world.files.approvers, known)  # the removal cut off again
    return first + attempt(world, act)


@way
def approves_what_is_for_somebody_else(world: World) -> Answers:
    world.add("bo", MALLORY, world.ana)
    world.write_policy("[needs]\nstart = ['ana']\n")
    act = world.act()
    keep(world, world.grant(act, asked(world, act), key=MALLORY))
    return attempt(world, act)


# The kill switch


@way
def removes_the_stop(world: World) -> Answers:
    act, _ = approved(world)
    world.files.stop.write_text("stop")
    first = attempt(world, act)
    world.files.stop.unlink()
    return first + attempt(world, act)


@way
def lifts_the_stop_itself(world: World) -> Answers:
    act, _ = approved(world)
    halt = world.authority.halt(by="ana", reason="harm")
    signature = MALLORY.sign(lift_statement((halt.halt_id,)))
    quietly(world.authority.lift, public_key=MALLORY.public_key, signature=signature)
    quietly(world.authority.lift, public_key=world.ana.public_key, signature=signature)
    content = {"halts": [halt.halt_id], "public_key": world.ana.public_key, "signature": signature}
    world.store.halts.add(halt.halt_id, "lifted", content, world.authority.now())
    world.store.halts.add(halt.halt_id, "lifted", {}, world.authority.now())
    world.files.stop.unlink()
    return attempt(world, act)


@way
def lifts_with_the_signature_of_an_earlier_stop(world: World) -> Answers:
    act, _ = approved(world)
    first = world.authority.halt(by="ana", reason="one")
    signature = world.ana.sign(lift_statement((first.halt_id,)))
    world.authority.lift(public_key=world.ana.public_key, signature=signature)
    world.authority.halt(by="ana", reason="two")
    quietly(world.authority.lift, public_key=world.ana.public_key, signature=signature)
    return attempt(world, act)


@way
def acts_on_a_permission_from_before_the_stop(world: World) -> Answers:
    act, _ = approved(world)
    allowed = world.decide(act)
    assert isinstance(allowed, Allowed)
    world.files.stop.touch()
    with pytest.raises(NeonBlueError):
        world.authority.confirm(allowed)
    return attempt(world, act)
