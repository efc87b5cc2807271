"""``neonblue loop``: take steps for a goal again and again, until it is told to stop."""

import argparse
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SHORTEST_SECONDS = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("goal", nargs="?", help="a goal's id or its words; default: every goal")
    parser.add_argument(
        "--goal-file",
        type=Path,
        metavar="FILE",
        help="begin a goal, or give it other terms, by a TOML file (docs/programmes.md)",
    )
    parser.add_argument(
        "--interval",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="go on every so many seconds until Ctrl-C; default: one step",
    )
    parser.add_argument(
        "--report", action="store_true", help="print the report of the goal instead"
    )


def run(arguments: argparse.Namespace) -> int:
    """One step a goal, or steps until SIGINT or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    asked = {
        "goal": arguments.goal,
        "goal_file": _text(arguments.goal_file),
        "report": arguments.report,
    }
    if arguments.report or arguments.interval <= 0:
        _step(asked)
        return 0
    from neonblue.owner.embedded import data_held

    with data_held():
        while not stop.is_set():
            _step(asked)
            stop.wait(max(SHORTEST_SECONDS, arguments.interval))
    return 0


def _step(asked: Mapping[str, Any]) -> None:
    """Print what one step came to, or the report."""
    import json

    from neonblue.owner.embedded import run_job

    found = run_job("loop", asked, lambda done, total, message: None)
    print(found["report"] if asked["report"] else json.dumps(found["cycles"]), flush=True)


def _text(path: Path | None) -> str | None:
    """What is in the goal's file. Raises ``InvalidInputError`` where it cannot be read."""
    from neonblue.errors import InvalidInputError

    if path is None:
        return None
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"the goal {str(path)!r} cannot be read: {error}") from error
