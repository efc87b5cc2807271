"""``neonblue forget``: remove a user for good."""

import argparse
import json
from pathlib import Path

from neonblue.cli.progress import progress_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whom to forget."""
    parser.add_argument("user", metavar="USER", help="the user id, as it is in the events")
    parser.add_argument(
        "--readmit",
        action="store_true",
        help="take the events of a user who was forgotten again, from now on",
    )


def rejects_with(user: str) -> list[str]:
    """Files of rejected rows in this folder that hold the id."""
    wanted = user.encode()
    return [
        path.name
        for path in sorted(Path.cwd().glob("*.rejects.csv"))
        if path.is_file() and any(wanted in line for line in path.open("rb"))
    ]


def run(arguments: argparse.Namespace) -> int:
    """Remove the user and print what was there."""
    from neonblue.owner.embedded import run_job

    with progress_bar("forgetting") as report:
        result = run_job("forget", {"user": arguments.user, "readmit": arguments.readmit}, report)
    if not arguments.readmit and (files := rejects_with(arguments.user)):
        result["not_reached"].append(f"here the id is in {', '.join(files)}")
    print(json.dumps(result, indent=2))
    return 0
