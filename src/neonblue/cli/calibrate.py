"""``neonblue calibrate``: false alarms and power of the present rules on one's own past data."""

import argparse
from typing import Any

from neonblue.cli.progress import progress_bar

EPILOG = """
neonblue calibrate checkout                       A/A, and lifts of 5, 10 and 20 %
neonblue calibrate checkout --lift 0.02 --lift -0.02 --resplits 1000 --looks 20
"""
COLUMNS = ("ship", "rollback", "invalid", "covered", "naive", "one_look")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``neonblue calibrate`` can be told."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("experiment_id", help="an ended experiment: its control units are resplit")
    parser.add_argument("--metric", help="a proportion or a mean; default: the primary one")
    parser.add_argument(
        "--lift", type=float, action="append", help="a true relative lift, a fraction; repeatable"
    )
    parser.add_argument("--resplits", type=int, default=400, help="how often; default: 400")
    parser.add_argument("--looks", type=int, default=10, help="looks at each; default: 10")
    parser.add_argument("--seed", type=int, default=1)


def run(arguments: argparse.Namespace) -> int:
    """Print one line a lift."""
    from neonblue.owner.embedded import run_job

    asked = {
        "experiment_id": arguments.experiment_id,
        "metric": arguments.metric,
        "lifts": arguments.lift,
        "resplits": arguments.resplits,
        "looks": arguments.looks,
        "seed": arguments.seed,
    }
    with progress_bar("resplitting") as report:
        found = run_job("calibrate", asked, report)
    print(
        f"{found['units']:,} control units of {found['experiment_id']}, {found['metric']} "
        f"{found['baseline_mean']:.4g}; {found['resplits']} resplits, {found['looks']} looks each, "
        f"alpha {found['alpha']:g}"
    )
    print("  ".join(f"{name:>16}" for name in ("lift", *COLUMNS)))
    for one in found["results"]:
        print(
            "  ".join([f"{one['relative_lift']:>+16.1%}", *(_cell(one[name]) for name in COLUMNS)])
        )
    return 0


def _cell(rate: dict[str, Any]) -> str:
    return f"{rate['share']:>5.3f} {rate['ci_lower']:.2f}–{rate['ci_upper']:.2f}".rjust(16)
