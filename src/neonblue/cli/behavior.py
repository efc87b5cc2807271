"""``neonblue behavior``: train the models of user behaviour, predict from them, check for drift."""

import argparse
import json
from pathlib import Path
from typing import Any

from neonblue.cli.progress import progress_bar


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
    predict.add_argument(
        "--top",
        type=int,
        default=7,
        help="how many categories (default 7: six are left when the current page is taken off)",
    )
    actions.add_parser("drift", help="whether recent events still look like the training ones")


def run(arguments: argparse.Namespace) -> int:
    """Run the action and print its result as JSON."""
    if arguments.action == "predict":
        result = _predict(arguments)
    else:
        with progress_bar(arguments.action) as report:
            result = _work(arguments, report)
    print(json.dumps(result, indent=2))
    return 0


def _work(arguments: argparse.Namespace, report: Any) -> dict[str, Any]:
    """Train on a file here, for it needs nothing from the store; the rest where the data is."""
    if arguments.action == "train" and arguments.file is not None:
        from neonblue.behavior.sequence_files import train_on_file

        return train_on_file(arguments.file, _model_files(), report).as_dict()
    from neonblue.servers.embedded import run_job

    return run_job(f"behavior-{arguments.action}", {}, report)


def _predict(arguments: argparse.Namespace) -> dict[str, Any]:
    from neonblue.behavior.sequence_files import predict_file

    return predict_file(arguments.file, arguments.out, _model_files(), top=arguments.top)


def _model_files() -> Any:
    from neonblue.workspace import Workspace

    return Workspace().model_files
