"""``neonblue behavior``: train the models of user behaviour, predict from them, check for drift."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The three actions."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    train = actions.add_parser(
        "train", help="train on a sequence file, or without FILE on the events in ClickHouse"
    )
    train.add_argument("file", nargs="?", type=Path, metavar="FILE", help="one sequence a line")
    predict = actions.add_parser("predict", help="rank what comes next at each place of a file")
    predict.add_argument("file", type=Path, metavar="FILE", help="one sequence a line")
    predict.add_argument("--out", type=Path, required=True, metavar="OUT.jsonl")
    predict.add_argument("--top", type=int, default=6, help="how many categories (default 6)")
    actions.add_parser("drift", help="whether recent events still look like the training ones")


def run(arguments: argparse.Namespace) -> int:
    """Run the action and print its result as JSON."""
    if arguments.action == "predict":
        result = _predict(arguments)
    elif arguments.action == "train" and arguments.file is not None:
        result = _train_on_file(arguments.file)
    else:
        from neonblue.servers.embedded import run_job

        result = run_job(f"behavior-{arguments.action}", {}, _show)
    print(json.dumps(result, indent=2))
    return 0


def _train_on_file(path: Path) -> dict[str, Any]:
    from neonblue.behavior.sequence_files import train_on_file

    return train_on_file(path, _model_files(), _show).as_dict()


def _predict(arguments: argparse.Namespace) -> dict[str, Any]:
    from neonblue.behavior.sequence_files import predict_file

    return predict_file(arguments.file, arguments.out, _model_files(), top=arguments.top)


def _model_files() -> Any:
    from neonblue.workspace import Workspace

    return Workspace().model_files


def _show(done: float, total: float, message: str) -> None:
    share = f"{done / total:4.0%} " if total else ""
    print(f"{share}{message}", file=sys.stderr, flush=True)
