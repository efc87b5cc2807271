"""``neonblue models``: which language models are asked, and what they cost by day."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How far back."""
    parser.add_argument(
        "--days", type=_days, default=7, metavar="N", help="days to show, today among them"
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask the process that owns the data, and print what it says."""
    from neonblue.owner.embedded import run_job

    found = run_job("models", {"days": arguments.days}, lambda *_: None)
    names = list(dict.fromkeys(found["models"]))
    print(f"asked: {', '.join(names)}" if names else "no language model is configured: rules write")
    for row in found["days"]:
        print(_line(row))
    if not found["days"]:
        print(f"no calls in the last {arguments.days} days")
    print(
        f"today: {found['spent_today_usd']:.4f} of {found['daily_budget_usd']:g} USD spent, "
        f"{found['left_today_usd']:.4f} left until midnight UTC"
    )
    return 0


def _line(row: Mapping[str, Any]) -> str:
    most = "" if row["exact"] == row["calls"] else " at most"
    return (
        f"{row['day']} {row['model']}: {row['calls']} calls, {row['answered']} answered, "
        f"{row['input_tokens']:,} tokens read ({row['cached_tokens']:,} from the cache), "
        f"{row['output_tokens']:,} generated, {row['cost_usd']:.4f} USD{most}"
    )


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= 366:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and 366")
    return days
