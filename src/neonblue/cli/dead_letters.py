"""``neonblue dead-letters``: see, save and replay messages that could not be used."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The three actions; each can be narrowed down."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="how many wait, by reason, and the first of them")
    listing.add_argument("--limit", type=int, default=20, help="how many to show (default 20)")
    listing.add_argument("--after", default="", metavar="ID", help="go on after this one")
    export = actions.add_parser("export", help="write them to a file of JSON lines, bytes and all")
    export.add_argument("path", type=Path, metavar="FILE")
    replay = actions.add_parser("replay", help="try them again, after what was wrong is mended")
    for action in (listing, export, replay):
        action.add_argument("--reason", help="only those refused for this reason, e.g. not_json")
        action.add_argument("--id", action="append", dest="ids", metavar="ID", help="only this one")


def run(arguments: argparse.Namespace) -> int:
    """Ask the process that owns the data, and print what it says."""
    from neonblue.owner.embedded import run_job

    request = {key: value for key, value in _requested(arguments).items() if value is not None}
    print(json.dumps(run_job("dead-letters", request, lambda *_: None), indent=2))
    return 0


def _requested(arguments: argparse.Namespace) -> dict[str, Any]:
    request: dict[str, Any] = {
        "action": arguments.action,
        "reason": arguments.reason,
        "ids": arguments.ids,
    }
    if arguments.action == "list":
        request |= {"limit": arguments.limit, "after": arguments.after}
    if arguments.action == "export":
        request["path"] = str(arguments.path.expanduser().absolute())
    return request
