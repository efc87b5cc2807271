"""``neonblue metrics check`` and ``neonblue metrics import``: the catalogue of metrics."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.models.private_file import open_private


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be done with a catalogue."""
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    check = acts.add_parser("check", help="read a catalogue and look its events up in the data")
    check.add_argument("path", metavar="FILE", type=Path, nargs="?", help="default: the one in use")
    take = acts.add_parser("import", help="turn another tool's metrics into a catalogue")
    take.add_argument("path", metavar="FILE", type=Path)
    take.add_argument("--from", dest="form", required=True, choices=("eppo", "growthbook", "dbt"))
    take.add_argument("--out", type=Path, help="the TOML file to write (default: stdout)")


def run(arguments: argparse.Namespace) -> int:
    """Check or import; 1 when a metric is wrong or was refused."""
    return _check(arguments) if arguments.act == "check" else _import(arguments)


def _check(arguments: argparse.Namespace) -> int:
    from neonblue.owner.embedded import run_job
    from neonblue.settings import StoreSettings

    path = arguments.path or StoreSettings().metrics_path
    request = {"text": _text(path)}
    result: dict[str, Any] = run_job("metrics", request, lambda done, total, message: None)
    for metric in result["metrics"]:
        print(f"{metric['name']}: {metric['kind']} of {metric['event_type']}, {metric['said']}")
    print(f"{len(result['metrics'])} metrics, {result['unknown']} with events that are not there")
    return 1 if result["unknown"] else 0


def _import(arguments: argparse.Namespace) -> int:
    from neonblue.query.metric_import import import_metrics
    from neonblue.query.metric_layer import written

    imported = import_metrics(_text(arguments.path), arguments.form)
    text = written(imported.metrics)
    if arguments.out is None:
        print(text, end="")
    else:
        with open_private(arguments.out) as file:
            file.write(text)
    for name, why in imported.refused:
        print(f"not imported: {name!r}: {why}", file=sys.stderr)
    print(f"{len(imported.metrics)} metrics, {len(imported.refused)} refused", file=sys.stderr)
    return 1 if imported.refused else 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {str(path)!r}: check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path.name!r} cannot be read ({error}): give UTF-8") from error
