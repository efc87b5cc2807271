"""Ways through signatures and codes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from neonblue.optimization import totp
from neonblue.optimization.codes import Codes
from neonblue.optimization.one_time_code import code_digest, new_code
from neonblue.optimization.signatures import statement

from ..conftest import World
from .way import (
    MALLORY,
    Answers,
    approved,
    asked,
    attempt,
    command,
    insert_request,
    keep,
    leave_code,
    quietly,
    way,
)

# Forged and reused signatures


@way
def signs_with_a_key_of_its_own(world: World) -> Answers:
    act = world.act()
    keep(world, world.grant(act, asked(world, act), key=MALLORY))
    return attempt(world, act)


@way
def signs_in_the_name_of_a_person(world: World) -> Answers:
    act = world.act()
    grant = world.grant(act, asked(world, act), key=MALLORY)
    keep(world, replace(grant, public_key=world.ana.public_key))
    return attempt(world, act)


@way
def presents_no_signature(world: World) -> Answers:
    act = world.act()
    grant = world.grant(act, asked(world, act))
    for forged in ("", "0" * 86, "A" * 86, "not base64 ***", grant.signature[:-4]):
        keep(world, replace(grant, signature=forged))
    return attempt(world, act)


@way
def presents_a_key_that_signs_everything(world: World) -> Answers:
    """The neutral point as a public key, for which a constant signature holds in some libraries."""
    act = world.act()
    grant = world.grant(act, asked(world, act))
    for key in ("AQ" + "A" * 41, "A" * 43, ""):
        keep(world, replace(grant, public_key=key, signature="AQ" + "A" * 84))
    return attempt(world, act)


@way
def moves_a_grant_to_another_request(world: World) -> Answers:
    act, approval_id = approved(world, weights={"control": 0.9, "b": 0.1})
    grant = world.grant(act, approval_id)
    evil = world.act(weights={"control": 0.1, "b": 0.9})
    evil_id = asked(world, evil)
    keep(world, replace(grant, approval_id=evil_id))
    keep(world, replace(grant, approval_id=evil_id, digest=evil.digest()))
    return attempt(world, evil)


@way
def lengthens_a_grant(world: World) -> Answers:
    act = world.act()
    grant = world.grant(act, asked(world, act), hours=-1)
    later = (datetime.now(UTC) + timedelta(hours=9)).isoformat()
    keep(world, replace(grant, expires_at=later))
    keep(world, replace(grant, expires_at="never"))
    keep(world, grant)
    return attempt(world, act)


@way
def uses_a_signature_for_another_purpose(world: World) -> Answers:
    act = world.act()
    approval_id = asked(world, act)
    grant = world.grant(act, approval_id)
    content: dict[str, Any] = {
        "approval_id": approval_id,
        "act": act.digest(),
        "expires_at": grant.expires_at,
        "code": "",
    }
    for purpose in ("lift", "policy", "approvers"):
        signed = world.ana.sign(statement(purpose, **content))  # type: ignore[arg-type]
        keep(world, replace(grant, signature=signed))
    return attempt(world, act)


@way
def takes_the_half_of_a_code(world: World) -> Answers:
    """What the terminal left for a code, used without the code."""
    act = world.act()
    approval_id = asked(world, act)
    grant, digest = leave_code(world, act, approval_id, new_code())
    keep(world, grant)
    keep(world, replace(grant, code=digest))
    return attempt(world, act)


@way
def writes_a_row_that_says_granted(world: World) -> Answers:
    act = world.act()
    approval_id = asked(world, act)
    for content in ({}, {"approved_by": "ana"}, {"public_key": world.ana.public_key}, {"a": 1}):
        world.store.approvals.add_step(approval_id, "granted", content, world.authority.now())
    return attempt(world, act)


@way
def writes_an_earlier_request_under_the_same_id(world: World) -> Answers:
    """So that the person is shown one act and another is done."""
    act, approval_id = approved(world, weights={"control": 0.9, "b": 0.1})
    evil = world.act(weights={"control": 0.1, "b": 0.9})
    request = world.authority.desk.get(approval_id)
    early = request.requested_at - timedelta(days=1)
    forged = replace(request, act=evil.text, digest=evil.digest(), requested_at=early)
    insert_request(world, forged)
    insert_request(world, replace(forged, digest=act.digest()))
    return attempt(world, evil)


@way
def edits_the_request_before_it_is_shown(world: World) -> Answers:
    act = world.act(weights={"control": 0.9, "b": 0.1})
    approval_id = asked(world, act)
    evil = world.act(weights={"control": 0.1, "b": 0.9})
    command(world, f"ALTER TABLE approvals UPDATE act = '{evil.text}' WHERE 1")
    quietly(world.approve, act, approval_id)
    return attempt(world, evil)


@way
def makes_a_request_that_never_ends(world: World) -> Answers:
    act = world.act()
    approval_id = asked(world, act)
    command(
        world, "ALTER TABLE approvals UPDATE expires_at = toDateTime64('2099-01-01', 6) WHERE 1"
    )
    grant = world.grant(act, approval_id, hours=1)
    world.authority.grant(grant)
    world.clock.ahead = timedelta(hours=2)
    return attempt(world, act)


# Codes


@way
def guesses_codes(world: World) -> Answers:
    act = world.act()
    approval_id = asked(world, act)
    leave_code(world, act, approval_id, new_code())
    codes = Codes(world.store, world.authority)
    for guess in ("", "yes", approval_id, act.digest(), "AAAAA-AAAAA", "000000"):
        quietly(codes.redeem, approval_id, guess, actor="mallory")
    return attempt(world, act)


@way
def uses_the_code_of_another_request(world: World) -> Answers:
    act = world.act()
    code = new_code()
    leave_code(world, act, asked(world, act), code)
    evil = world.act(weights={"control": 0.1, "b": 0.9})
    evil_id = asked(world, evil)
    quietly(Codes(world.store, world.authority).redeem, evil_id, code, actor="mallory")
    return attempt(world, evil)


@way
def leaves_a_code_itself(world: World) -> Answers:
    act = world.act()
    approval_id, code = asked(world, act), new_code()
    digest = code_digest(code, approval_id)
    grant = world.grant(act, approval_id, key=MALLORY)
    content = {**grant.plain(), "public_key": world.ana.public_key, "code": digest}
    world.store.approvals.add_step(approval_id, "code", content, world.authority.now())
    quietly(Codes(world.store, world.authority).redeem, approval_id, code, actor="mallory")
    return attempt(world, act)


@way
def uses_a_code_too_late(world: World) -> Answers:
    act = world.act()
    approval_id, code = asked(world, act), new_code()
    leave_code(world, act, approval_id, code)
    world.clock.ahead = timedelta(minutes=30)
    quietly(Codes(world.store, world.authority).redeem, approval_id, code, actor="mallory")
    return attempt(world, act)


@way
def plants_the_secret_of_an_app(world: World) -> Answers:
    secret = totp.new_secret()
    totp.keep_secret(totp.secret_path(world.files.totp, "ana"), secret)
    act = world.act()
    approval_id = asked(world, act)
    code = totp.code_at(secret, int(world.clock().timestamp()) // 30).decode()
    quietly(Codes(world.store, world.authority).redeem, approval_id, code, actor="mallory")
    keep(world, world.grant(act, approval_id, key=totp.key_of_secret(secret)))
    return attempt(world, act)
