"""What the ways have in common: who tries, what the authority answers, and what is forged."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from neonblue.errors import NeonBlueError
from neonblue.optimization.acts import Act, Actor
from neonblue.optimization.approval_desk import Grant, grant_statement
from neonblue.optimization.approvers import read_approvers, write_approvers
from neonblue.optimization.codes import Codes
from neonblue.optimization.one_time_code import code_digest
from neonblue.optimization.permission import PendingApproval
from neonblue.optimization.signatures import SigningKey, statement
from neonblue.stores.approvals import ApprovalRequest

from ..conftest import World

AGENT = Actor(kind="agent", name="mallory")
MALLORY = SigningKey.of_seed(bytes(32))
Answers = list[Any]
Way = Callable[[World], Answers]
WAYS: list[Way] = []


def way(function: Way) -> Way:
    WAYS.append(function)
    return function


def asked(world: World, act: Act) -> str:
    answer = world.decide(act)
    assert isinstance(answer, PendingApproval), answer
    return answer.approval_id


def attempt(world: World, *acts: Act, **how: Any) -> Answers:
    """What the authority says, a refusal by an error included."""
    answers: Answers = []
    for act in acts:
        try:
            answers.append(world.authority.decide(act, how.get("actor", AGENT), **_rest(how)))
        except NeonBlueError as error:
            answers.append(error)
    return answers


def _rest(how: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in how.items() if name != "actor"}


def quietly(do: Callable[..., Any], *arguments: Any, **named: Any) -> None:
    """An attempt that may be refused at once."""
    with contextlib.suppress(NeonBlueError):
        do(*arguments, **named)


def keep(world: World, grant: Grant) -> None:
    quietly(world.authority.grant, grant)
    world.store.approvals.add_step(
        grant.approval_id, "granted", grant.plain(), world.authority.now()
    )


def approved(world: World, **arguments: Any) -> tuple[Act, str]:
    """An act that a person did agree to, once."""
    act = world.act(**arguments)
    approval_id = asked(world, act)
    world.approve(act, approval_id)
    return act, approval_id


def command(world: World, sql: str) -> None:
    world.store.database.command(f"{sql} SETTINGS mutations_sync = 2")


def leave_code(world: World, act: Act, approval_id: str, code: str) -> tuple[Grant, str]:
    """What a person's terminal leaves for a code."""
    digest = code_digest(code, approval_id)
    grant = world.grant(act, approval_id, hours=0.25)
    signed = grant_statement(
        approval_id=approval_id, digest=act.digest(), expires_at=grant.expires_at, code=digest
    )
    grant = replace(grant, signature=world.ana.sign(signed))
    Codes(world.store, world.authority).leave(grant, digest)
    return grant, digest


def insert_request(world: World, request: ApprovalRequest) -> None:
    names = list(request.__slots__)
    values = [getattr(request, name) for name in names]
    values[names.index("approvers")] = []
    world.store.database.insert_rows("approvals", names, [values])


def entry_of(world: World, by: str) -> dict[str, Any]:
    known = read_approvers(world.files.approvers)
    entry: dict[str, Any] = {
        "number": len(known.entries) + 1,
        "change": "add",
        "name": "mallory",
        "method": "key",
        "public_key": MALLORY.public_key,
        "at": datetime.now(UTC).isoformat(),
        "previous": known.head,
        "by": by,
    }
    return {**entry, "signature": MALLORY.sign(statement("approvers", **entry))}


def with_entry(world: World, by: str) -> Answers:
    act = world.act()
    approval_id = asked(world, act)
    known = read_approvers(world.files.approvers)
    write_approvers(world.files.approvers, [*known.entries, entry_of(world, by)])
    keep(world, world.grant(act, approval_id, key=MALLORY))
    return attempt(world, act)
