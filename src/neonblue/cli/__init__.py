"""The ``neonblue`` command. A command's module is imported only when it is the one called."""

import argparse
import os
import sys
from importlib import import_module

from neonblue import __version__

# name: one line for --help. Each is a module of this package with add_arguments(parser) and
# run(arguments) -> exit status.
COMMANDS = {
    "serve": "start the MCP servers on stdio, or over HTTP with --http HOST:PORT",
    "load": "load experiment data from a CSV, Parquet or JSONL file",
    "define": "define an experiment in a small TOML file",
    "metrics": "check a catalogue of metrics, or import another tool's",
    "questions": "list, check or forget questions whose plans somebody checked",
    "models": "show which language models are asked and what they cost by day",
    "changes": "show what happened to experiments, and follow it",
    "ingest": "read events from Kafka, a file or stdin into the store",
    "dead-letters": "list, export or replay messages that could not be read",
    "call": "call one tool and print its answer as JSON",
    "forget": "remove a user from ClickHouse and the memory for good",
    "behavior": "train models of user behaviour and predict from them",
    "forecast": "train the text model, predict with it, see how forecasts came true",
    "calibrate": "false alarms and power of the rules on your own past data",
    "loop": "take the next step towards a goal, once or with --interval again and again",
    "migrate": "bring the stored data up to this version and embedding model",
    "demo": "build a demo world and show what an agent sees",
    "approve": "show an act that waits for a person, and approve it with a key",
    "approver": "add, list and remove approvers, and make one-time codes",
    "policy": "show, check and sign the policy of what may be done without asking",
    "audit": "list, verify and replay the log of acts, approvals and refusals",
    "stop-all": "the kill switch: nothing begins until a key lifts it",
    "doctor": "show what is configured and reachable, and how to mend what is not",
}


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and run the command; errors become one line on stderr."""
    words = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="neonblue", description="NeonBlue Intelligence")
    parser.add_argument("--version", action="version", version=f"neonblue {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in words if word in COMMANDS), None)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == chosen:
            _module(name).add_arguments(command)
    arguments = parser.parse_args(words)
    return _run(arguments)


def _module(name: str):  # type: ignore[no-untyped-def]
    return import_module(f"neonblue.cli.{name.replace('-', '_')}")


def _run(arguments: argparse.Namespace) -> int:
    from neonblue.errors import NeonBlueError
    from neonblue.models.private_file import for_owner_alone

    try:
        with for_owner_alone():
            status: int = _module(arguments.command).run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except NeonBlueError as error:
        print(f"neonblue: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status
