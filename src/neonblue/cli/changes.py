"""``neonblue changes``: what happened to experiments, as lines of JSON."""

from __future__ import annotations

import argparse
import select
import sys
import time

from neonblue.errors import UnavailableError

RETRY_SECONDS = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which changes, and whether to wait for more."""
    parser.add_argument("--follow", action="store_true", help="go on with each change as it comes")
    parser.add_argument("--experiment", default="", metavar="ID", help="only this experiment's")
    parser.add_argument(
        "--from",
        dest="first",
        type=int,
        default=1,
        metavar="N",
        help="from this sequence on; with --experiment, from its state version on (default 1)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print each change once, oldest first; what is printed needs no Kafka."""
    last = max(arguments.first - 1, 0)

    def show(place: float, total: float, line: str) -> None:
        nonlocal last
        last = int(place)
        if line:
            print(line, flush=True)
        elif _reader_gone():
            raise BrokenPipeError

    while True:
        from neonblue.owner.embedded import run_job

        request = {
            "after": last,
            "experiment_id": arguments.experiment,
            "follow": arguments.follow,
        }
        try:
            run_job("changes", request, show)
            return 0
        except UnavailableError as error:
            if not arguments.follow:
                raise
            print(f"neonblue: {error}; going on from {last}", file=sys.stderr)
            time.sleep(RETRY_SECONDS)


def _reader_gone() -> bool:
    """Whether stdout is a pipe that nobody reads any more: there may be no change for days."""
    poller = select.poll()
    poller.register(sys.stdout.fileno(), 0)
    return any(events & select.POLLERR for _, events in poller.poll(0))
