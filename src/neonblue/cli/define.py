"""``neonblue define FILE``: an experiment from a small TOML file."""

from __future__ import annotations

import argparse
from pathlib import Path

from neonblue.errors import InvalidInputError, NotFoundError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``neonblue define`` can be told."""
    parser.add_argument("path", metavar="FILE", type=Path, help="a TOML file; see docs/data.md")
    parser.add_argument(
        "--new-version",
        action="store_true",
        help="let a running experiment start over with another plan",
    )


def run(arguments: argparse.Namespace) -> int:
    """Define it and say what is known of it."""
    from neonblue.owner.embedded import run_job

    request = {"text": _text(arguments.path), "new_version": arguments.new_version}
    defined = run_job("define", request, lambda done, total, message: None)
    did = "defined" if defined["changed"] else "is defined like that already"
    name = defined["experiment_id"]
    print(f"experiment {name!r} {did}: version {defined['version']}, {defined['status']}")
    print(f"  {defined['units_seen']:,} units seen so far")
    for warning in defined["warnings"]:
        print(f"  warning: {warning}")
    return 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {str(path)!r}: check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"{path.name!r} cannot be read ({error}): give a TOML file in UTF-8"
        ) from error
