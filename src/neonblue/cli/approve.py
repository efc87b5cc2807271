"""``neonblue approve``: what waits, and a person's yes or no to one act."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from neonblue.cli.own_key import opened_key
from neonblue.cli.terminal import shown
from neonblue.errors import ConflictError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which act, and by whom."""
    parser.add_argument("approval_id", metavar="ID", nargs="?", help="without it: what waits")
    parser.add_argument("--deny", action="store_true", help="close the request instead")
    parser.add_argument("--by", metavar="NAME", help="whose key, where several are here")
    parser.add_argument("--all", action="store_true", help="list what was decided, too")


def run(arguments: argparse.Namespace) -> int:
    """List, deny, or show the act and sign it."""
    if arguments.approval_id is None:
        return _list(all_of_them=arguments.all)
    if arguments.deny:
        do_job("approvals", do="deny", approval_id=arguments.approval_id, by=arguments.by)
        print(f"{arguments.approval_id} is denied: nothing was done")
        return 0
    return _approve(arguments.approval_id, arguments.by)


def do_job(name: str, **arguments: Any) -> dict[str, Any]:
    """Run a job where the data is."""
    from neonblue.owner.embedded import run_job

    return run_job(name, arguments, lambda done, total, message: None)


def show_act(found: Mapping[str, Any]) -> None:
    """Print what is asked for, with its figures, and nothing that was not asked for.

    Raises ``ConflictError`` when the digest is another act's.
    """
    from neonblue.optimization.acts import Act

    act = Act.read(found["act_text"])
    if act.digest() != found["digest"]:
        raise ConflictError("the act is not the one that its digest says: nothing was approved")
    print(f"{found['approval_id']} is {found['state']}")
    print(f"  act         {act.kind}")
    print(f"  experiment  {shown(act.experiment_id)}")
    for name, value in act.arguments.items():
        print(f"  {shown(name):<10}  {_value(value)}")
    print(f"  state       version {act.state_version}, policy {act.policy_version}")
    print(f"  digest      {found['digest']}")
    print(f"  asked by    {shown(found['asked_by'])}, {found['requested_at'][:19]} UTC")
    print(f"  because     {shown(found['reason'])}")
    print(f"  until       {found['expires_at'][:19]} UTC")
    _show_values("the experiment now", found.get("experiment") or {"status": "not defined"})
    _show_values("figures", found["figures"])
    note = found["policy"]["note"]
    if note:
        print(f"  note        {shown(note)}")


def _approve(approval_id: str, by: str | None) -> int:
    from neonblue.optimization.approval_desk import Grant, grant_statement
    from neonblue.settings import StoreSettings
    from neonblue.workspace import authority_files

    found = do_job("approvals", do="show", approval_id=approval_id)
    show_act(found)
    if found["state"] != "waiting":
        return 0 if found["state"] == "granted" else 1
    keys = do_job("approvers")["keys"]
    key = opened_key(authority_files(StoreSettings()), keys, by)
    signed = grant_statement(
        approval_id=approval_id, digest=found["digest"], expires_at=found["expires_at"], code=""
    )
    grant = Grant(
        approval_id=approval_id,
        digest=found["digest"],
        expires_at=found["expires_at"],
        public_key=key.public_key,
        signature=key.sign(signed),
    )
    who = do_job("approvals", do="grant", approval_id=approval_id, grant=grant.plain())
    print(f"approved by {who['approved_by']}: it may be done once, when it is asked for again")
    return 0


def _list(*, all_of_them: bool) -> int:
    found = do_job("approvals", do="list")["approvals"]
    chosen = [one for one in found if all_of_them or one["state"] in ("waiting", "granted")]
    if not chosen:
        print("nothing waits for a person")
    for one in chosen:
        act = one["act"]
        print(
            f"{one['approval_id']}  {one['state']:<8}  {act['kind']:<11}  "
            f"{shown(act['experiment_id'])}  until {one['expires_at'][:16]}"
        )
    return 0


def _show_values(title: str, values: Mapping[str, Any]) -> None:
    if values:
        print(f"  {title}:")
    for name, value in values.items():
        print(f"    {shown(str(name))}: {_value(value)}")


def _value(value: Any) -> str:
    return shown(json.dumps(value, ensure_ascii=False))
