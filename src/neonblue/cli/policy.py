"""``neonblue policy``: what may be done without asking, shown, checked and signed."""

from __future__ import annotations

import argparse
import json

from neonblue.cli.approve import do_job
from neonblue.cli.own_key import opened_key
from neonblue.cli.terminal import require_terminal
from neonblue.errors import ConflictError, NotFoundError
from neonblue.optimization.authority_files import AuthorityFiles


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Show, check or sign."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("show", help="the policy that holds now, as JSON, and whether it is signed")
    actions.add_parser("check", help="read the file and say what is wrong with it")
    sign = actions.add_parser("sign", help="let it allow what a person would have to agree to")
    sign.add_argument("--by", metavar="NAME", help="whose key, where several are here")


def run(arguments: argparse.Namespace) -> int:
    """Print it, or sign the file as it stands."""
    from neonblue.settings import StoreSettings
    from neonblue.workspace import authority_files

    files = authority_files(StoreSettings())
    if arguments.action == "check":
        files.read_policy()
        print(f"{files.policy} can be used" if files.policy.exists() else "there is no policy file")
        return 0
    if arguments.action == "show":
        print(json.dumps(do_job("policy"), indent=2))
        return 0
    require_terminal()
    return _sign(files, arguments.by)


def _sign(files: AuthorityFiles, by: str | None) -> int:
    from neonblue.optimization.policy import read_policy
    from neonblue.optimization.policy_in_force import sign_policy

    text = files.policy_text()
    if text is None:
        raise NotFoundError(f"there is no policy to sign at {str(files.policy)!r}: write one first")
    print(json.dumps(read_policy(text, f"the policy {str(files.policy)!r}").plain(), indent=2))
    serial = do_job("policy")["next_serial"]
    key = opened_key(files, do_job("approvers")["keys"], by)
    sign_policy(files, text, key, serial=serial)
    found = do_job("policy")
    if not found["signed_by"]:
        raise ConflictError(f"the signature does not hold: {found['note']}")
    print(f"signed by {found['signed_by']}: version {found['version']}")
    return 0
