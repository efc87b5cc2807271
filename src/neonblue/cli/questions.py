"""``neonblue questions list|check|forget NAME``: questions with plans that somebody checked."""

from __future__ import annotations

import argparse
from collections import Counter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be done with verified questions."""
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    acts.add_parser("list", help="names, questions and plans")
    acts.add_parser("check", help="run them all and say what changed; 1 when one is broken")
    forget = acts.add_parser("forget", help="answer the question by rules again")
    forget.add_argument("name", metavar="NAME")


def run(arguments: argparse.Namespace) -> int:
    """Ask the process that owns the data, and print what it says."""
    from neonblue.owner.embedded import run_job

    request = {"act": arguments.act, "name": getattr(arguments, "name", "")}
    found = run_job("questions", request, lambda *_: None)["questions"]
    if arguments.act == "check":
        for one in found:
            print(f"{one['outcome']}: {one['name']}: {one['question']!r}\n    {one['detail']}")
        counts = Counter(one["outcome"] for one in found)
        print(", ".join(f"{counts[name]} {name}" for name in sorted(counts)) or "no questions")
        return 1 if counts["broken"] else 0
    for one in found:
        print(f"{one['name']}: {one['question']!r}\n    {one['plan']}")
    print(f"{len(found)} verified questions")
    return 0
