"""``neonblue behavior``: train the models of user behaviour, predict from them, check for drift."""

import argparse
import json
from pathlib import Path
from typing import Any

from neonblue.cli.progress import progress_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The four actions."""
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
    events = actions.add_parser(
        "events", help="what each event type is taken for: a conversion, a view, …; and why"
    )
    events.add_argument("--json", action="store_true", help="as JSON instead of a table")
    actions.add_parser("drift", help="whether recent events still look like the training ones")


def run(arguments: argparse.Namespace) -> int:
    """Run the action and print its result as JSON."""
    if arguments.action == "predict":
        result = _predict(arguments)
    else:
        with progress_bar(arguments.action) as report:
            result = _work(arguments, report)
    if arguments.action == "events" and not arguments.json:
        print(_table(result))
    else:
        print(json.dumps(result, indent=2))
    return 0


def _table(result: dict[str, Any]) -> str:
    """The event types as text, and what to ask about."""
    rows = result["events"]
    if not rows:
        return "there are no events: load some with neonblue load"
    cells = [("event type", "events", "users", "taken for", "who says", "why")]
    cells += [
        (
            str(one["event_type"]),
            f"{one['events']:,}",
            f"{one['users']:,}",
            str(one["taken_for"]) + (" ?" if one["ask"] else ""),
            str(one["source"]),
            str(one["reason"]),
        )
        for one in rows
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(5)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]])
        for row in cells
    ]
    asked = [one["event_type"] for one in rows if one["ask"]]
    if asked:
        lines.append(
            f"\n? is for you to answer ({', '.join(asked)}): NEONBLUE_CONVERSION_EVENTS=a,b names "
            "all event types that are conversions, and then nothing is guessed"
        )
    elif not any(one["taken_for"] == "convert" for one in rows):
        lines.append("\nnothing counts as a conversion: name it in NEONBLUE_CONVERSION_EVENTS=a,b")
    if result["not_seen"]:
        lines.append(f"\nnamed, but no event has it: {', '.join(result['not_seen'])}")
    return "\n".join(lines)


def _work(arguments: argparse.Namespace, report: Any) -> dict[str, Any]:
    """Train on a file here, for it needs nothing from the store; the rest where the data is."""
    if arguments.action == "train" and arguments.file is not None:
        from neonblue.behavior.sequence_files import train_on_file

        return train_on_file(arguments.file, _model_files(), report).as_dict()
    from neonblue.owner.embedded import run_job

    return run_job(f"behavior-{arguments.action}", {}, report)


def _predict(arguments: argparse.Namespace) -> dict[str, Any]:
    from neonblue.behavior.sequence_files import predict_file

    return predict_file(arguments.file, arguments.out, _model_files(), top=arguments.top)


def _model_files() -> Any:
    from neonblue.workspace import Workspace

    return Workspace().model_files
