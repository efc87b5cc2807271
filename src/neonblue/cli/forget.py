"""``neonblue forget``: remove a user for good."""

import argparse
import json

from neonblue.cli.progress import progress_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whom to forget."""
    parser.add_argument("user", metavar="USER", help="the user id, as it is in the events")
    parser.add_argument(
        "--readmit",
        action="store_true",
        help="take the events of a user who was forgotten again, from now on",
    )


def run(arguments: argparse.Namespace) -> int:
    """Remove the user and print what was there."""
    from neonblue.servers.embedded import run_job

    with progress_bar("forgetting") as report:
        result = run_job("forget", {"user": arguments.user, "readmit": arguments.readmit}, report)
    print(json.dumps(result, indent=2))
    return 0
