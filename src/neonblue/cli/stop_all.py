"""``neonblue stop-all``: the kill switch."""

from __future__ import annotations

import argparse
import getpass
import sys
import threading
from typing import Any

from neonblue.cli.approve import do_job
from neonblue.cli.own_key import opened_key
from neonblue.cli.terminal import require_terminal, shown
from neonblue.errors import NeonBlueError

OWNER_SECONDS = 15.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Throw it, look at it, or lift it."""
    parser.add_argument("--reason", default="", help="why, for the audit log")
    parser.add_argument(
        "--pause", action="store_true", help="pause what runs and was started here, too"
    )
    parser.add_argument("--status", action="store_true", help="say whether it is thrown")
    parser.add_argument("--lift", action="store_true", help="let things go on, with a key")
    parser.add_argument("--by", metavar="NAME", help="whose key lifts it")


def run(arguments: argparse.Namespace) -> int:
    """The file first: it counts from this moment, whoever hangs."""
    if arguments.status:
        return _status()
    if arguments.lift:
        return _lift(arguments.by)
    from neonblue.optimization.kill_switch import throw_file
    from neonblue.settings import StoreSettings
    from neonblue.workspace import authority_files

    files = authority_files(StoreSettings())
    by = getpass.getuser()
    throw_file(files.stop, by=by, reason=arguments.reason)
    print(f"stopped: {files.stop} holds every act that gives users a treatment")
    sys.stdout.flush()
    return _tell_owner(by, arguments.reason, pause=arguments.pause)


def _tell_owner(by: str, reason: str, *, pause: bool) -> int:
    """Kept as a row and logged too, if whoever has the data answers in time.

    Status 1 when experiments were to be paused and some were not.
    """
    faults: list[str] = []
    answers: list[dict[str, Any]] = []

    def tell() -> None:
        try:
            answers.append(do_job("halt", do="throw", by=by, reason=reason, pause=pause))
        except NeonBlueError as error:
            faults.append(str(error))

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    thread.join(OWNER_SECONDS)
    if thread.is_alive() or faults:
        why = faults[0] if faults else "the process that has the data does not answer"
        print(f"neonblue: not logged yet ({why}); the stop holds all the same", file=sys.stderr)
        return 1 if pause else 0
    return _say_paused(answers[0]) if pause else 0


def _say_paused(answer: dict[str, Any]) -> int:
    for name in answer["paused"]:
        print(f"paused {shown(name)}")
    for name, why in answer["not_paused"].items():
        print(f"neonblue: {shown(name)} is not paused: {shown(why)}", file=sys.stderr)
    return 1 if answer["not_paused"] else 0


def _status() -> int:
    halts = do_job("halt")["halts"]
    for halt in halts:
        print(f"{halt['halt_id']}  {halt['at']}  {shown(halt['by'])}  {shown(halt['reason'])}")
    if not halts:
        print("nothing is stopped")
    return 1 if halts else 0


def _lift(by: str | None) -> int:
    from neonblue.optimization.kill_switch import lift_statement
    from neonblue.settings import StoreSettings
    from neonblue.workspace import authority_files

    require_terminal()
    halts = do_job("halt")["halts"]
    if not halts:
        print("nothing is stopped")
        return 0
    for halt in halts:
        print(f"{halt['halt_id']}  {halt['at']}  {shown(halt['by'])}  {shown(halt['reason'])}")
    key = opened_key(authority_files(StoreSettings()), do_job("approvers")["keys"], by)
    signature = key.sign(lift_statement(tuple(halt["halt_id"] for halt in halts)))
    do_job("halt", do="lift", public_key=key.public_key, signature=signature)
    print("lifted: acts may begin again")
    return 0
