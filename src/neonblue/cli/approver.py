"""``neonblue approver``: who may approve, and one-time codes."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any

from neonblue.cli.approve import do_job, show_act
from neonblue.cli.own_key import opened_key
from neonblue.cli.terminal import ask_secret, require_terminal, shown
from neonblue.errors import ConflictError, InvalidInputError, NotFoundError
from neonblue.optimization.authority_files import AuthorityFiles
from neonblue.optimization.signatures import SigningKey


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do with whom."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="make a key under a passphrase, and register it")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--by", metavar="NAME", help="the approver who lets this one in")
    add.add_argument("--totp", action="store_true", help="enrol an authenticator app as well")
    add.add_argument("--token", action="store_true", help="make a token of scope approve as well")
    actions.add_parser("list", help="who may approve, and how")
    remove = actions.add_parser("remove", help="take a person's keys, app and token away")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--by", metavar="NAME", help="the approver who signs that")
    code = actions.add_parser("code", help="a one-time code for one act, to type into a client")
    code.add_argument("approval_id", metavar="ID")
    code.add_argument("--by", metavar="NAME", help="whose key, where several are here")


def run(arguments: argparse.Namespace) -> int:
    """Do it; whatever changes the registry is signed by a key that is in it."""
    from neonblue.settings import StoreSettings
    from neonblue.workspace import authority_files

    files = authority_files(StoreSettings())
    if arguments.action == "list":
        return _list()
    require_terminal()
    if arguments.action == "add":
        return _add(files, arguments)
    if arguments.action == "remove":
        return _remove(files, arguments.name, arguments.by)
    return _code(files, arguments.approval_id, arguments.by)


def _list() -> int:
    found = do_job("approvers")
    if found["fault"]:
        print(f"nobody: {found['fault']}")
        return 1
    if not found["keys"]:
        print("nobody can approve yet: run `neonblue approver add NAME`")
    for one in found["keys"]:
        added = one["added_at"][:10]
        print(f"{shown(one['name']):<20}  {one['method']:<6}  {one['public_key']}  since {added}")
    return 0


def _add(files: AuthorityFiles, arguments: argparse.Namespace) -> int:
    """A key first, then what else was wished for, each signed and entered together."""
    from neonblue.optimization.approvers import checked_name

    name = checked_name(arguments.name)
    found = _registry()
    registry = Registry(found["entries"])
    mine = registry.approvers.of(name)
    if mine is not None and not (arguments.totp or arguments.token):
        raise ConflictError(f"{name!r} can approve already: --totp or --token adds another way")
    if mine is not None:
        signer = opened_key(files, found["keys"], arguments.by or name)
    else:
        signer = _with_new_key(files, registry, found["keys"], name, arguments.by)
    if arguments.token:
        _with_token(registry, name, signer)
    if arguments.totp:
        _with_app(files, registry, name, signer)
    do_job("approvers", entries=registry.added)
    print(f"{name} can approve: run `neonblue approve` for what waits")
    return 0


class Registry:
    """The registry as it will be: each entry signed over those before it."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self._entries = entries
        self.added: list[dict[str, Any]] = []

    @property
    def approvers(self) -> Any:
        """As it stands with what was added."""
        from neonblue.optimization.approvers import replay

        return replay([*self._entries, *self.added])

    def change(
        self, change: Any, name: str, method: Any, public_key: str, signer: SigningKey
    ) -> None:
        """Add an entry."""
        from neonblue.optimization.approvers import Approver

        approver = Approver(name=name, method=method, public_key=public_key, added_at="")
        self.added.append(self.approvers.with_entry(change, approver, signer))


def _with_new_key(
    files: AuthorityFiles, registry: Registry, keys: Any, name: str, by: str | None
) -> SigningKey:
    """The first key signs itself; every later one is signed by a person who is there."""
    from neonblue.optimization.approver_keys import key_path, new_key

    signer = opened_key(files, keys, by) if keys else None
    path = key_path(files.keys, name)
    passphrase = ask_secret(f"a new passphrase for {name}")
    if ask_secret("the same again") != passphrase:
        raise InvalidInputError("those were two different passphrases: try again")
    key = new_key(path, passphrase)
    try:
        registry.change("add", name, "key", key.public_key, signer or key)
    except ConflictError:
        path.unlink()
        raise
    print(f"the key of {name} is in {path}: keep a copy, and the passphrase in your head")
    return signer or key


def _with_token(registry: Registry, name: str, signer: SigningKey) -> None:
    from neonblue.optimization.approve_token import new_token

    token, key = new_token()
    registry.change("add", name, "token", key.public_key, signer)
    print(f"a token that approves over HTTP, shown this once; no agent may have it:\n{token}")


def _with_app(files: AuthorityFiles, registry: Registry, name: str, signer: SigningKey) -> None:
    from neonblue.optimization import totp

    secret = totp.new_secret()
    print(f"enter this in an authenticator app:\n{totp.enrolment_text(secret)}")
    print(totp.enrolment_uri(name, secret))
    totp.checked_enrolment(ask_secret("the code that it shows"), secret, datetime.now(UTC))
    registry.change("add", name, "totp", totp.key_of_secret(secret).public_key, signer)
    totp.keep_secret(totp.secret_path(files.totp, name), secret)


def _remove(files: AuthorityFiles, name: str, by: str | None) -> int:
    from neonblue.optimization import totp

    found = _registry()
    registry = Registry(found["entries"])
    theirs = [one for one in found["keys"] if one["name"] == name]
    if not theirs:
        raise NotFoundError(f"{name!r} is no approver: `neonblue approver list` shows who is")
    signer = opened_key(files, found["keys"], by)
    # The key last: it may be the one that signs.
    for one in sorted(theirs, key=lambda one: one["method"] == "key"):
        registry.change("remove", name, one["method"], one["public_key"], signer)
    do_job("approvers", entries=registry.added)
    totp.secret_path(files.totp, name).unlink(missing_ok=True)
    print(f"{name} can approve no more; what waits for use with that key is void")
    return 0


def _code(files: AuthorityFiles, approval_id: str, by: str | None) -> int:
    from neonblue.optimization.approval_desk import Grant, grant_statement
    from neonblue.optimization.codes import CODE_MINUTES
    from neonblue.optimization.one_time_code import code_digest, new_code

    found = do_job("approvals", do="show", approval_id=approval_id)
    show_act(found)
    if found["state"] != "waiting":
        return 1
    key = opened_key(files, _registry()["keys"], by)
    code = new_code()
    digest = code_digest(code, approval_id)
    until = datetime.fromisoformat(found["now"]) + timedelta(minutes=CODE_MINUTES)
    expires_at = min(until, datetime.fromisoformat(found["expires_at"])).isoformat()
    signed = grant_statement(
        approval_id=approval_id, digest=found["digest"], expires_at=expires_at, code=digest
    )
    grant = Grant(
        approval_id=approval_id,
        digest=found["digest"],
        expires_at=expires_at,
        public_key=key.public_key,
        signature=key.sign(signed),
    )
    do_job("approvals", do="code", approval_id=approval_id, grant=grant.plain(), code_digest=digest)
    print(f"whoever types this code within {CODE_MINUTES} minutes approves exactly that:\n{code}")
    return 0


def _registry() -> dict[str, Any]:
    found = do_job("approvers")
    if found["fault"]:
        raise ConflictError(f"{found['fault']}: mend that first")
    return found
