"""``neonblue load FILE``: experiment data from a CSV, Parquet or JSONL file."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from neonblue.cli.progress import progress_bar
from neonblue.models.lifecycle import FINISHED_STATUSES

EPILOG = """
one row a unit:     neonblue load ab.csv --experiment checkout --unit user_id --variant group
                    --control control --metric bought:proportion=converted --metric revenue=spend
rows of events:     neonblue load events.jsonl (the event contract; see docs/data.md)
one row a variant:  neonblue load totals.csv --aggregated --experiment checkout --variant group
                    --control control --n users --metric bought=conversions
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``neonblue load`` can be told."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("path", metavar="FILE", type=Path, help=".csv, .csv.gz, .parquet, .jsonl")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="show what the columns are taken for and the command that would load them; write "
        "nothing",
    )
    _columns(parser.add_argument_group("what the columns mean"))
    _rows(parser.add_argument_group("which rows"))
    _definition(parser.add_argument_group("how the experiment is defined"))


def _columns(options: argparse._ArgumentGroup) -> None:
    options.add_argument("--experiment", dest="experiment_id", metavar="ID", default="")
    options.add_argument("--unit", metavar="COL", help="what was randomised; else each row is one")
    options.add_argument("--variant", metavar="COL")
    options.add_argument(
        "--metric",
        dest="metrics",
        metavar="NAME[:KIND]=COL",
        action="append",
        default=[],
        help="KIND proportion, mean or ratio (=NUMERATOR/DENOMINATOR); in event files COL is an "
        "event type; with --aggregated SUCCESSES or MEAN/VARIANCE columns",
    )
    options.add_argument(
        "--covariate",
        dest="covariates",
        metavar="NAME=COL",
        action="append",
        default=[],
        help="a number known before exposure; NAME of a metric ties it to that metric",
    )
    options.add_argument("--timestamp", metavar="COL", help="ISO 8601 (UTC unless said) or epoch")
    options.add_argument(
        "--time-format",
        metavar="FORMAT",
        help="how times are written, as in %%d/%%m/%%Y %%H:%%M, or excel for its serial days",
    )
    options.add_argument(
        "--decimal", choices=(".", ","), help="the sign before decimals, where it cannot be told"
    )
    options.add_argument(
        "--null",
        dest="null_words",
        metavar="WORD",
        action="append",
        default=[],
        help="a word that means that there is no value, as in NA; may be repeated",
    )
    options.add_argument(
        "--segment",
        dest="segments",
        metavar="COL",
        action="append",
        default=[],
        help="break down by this",
    )
    options.add_argument(
        "--long",
        metavar="NAME_COL=VALUE_COL",
        help="one row a unit and metric: --metric names what stands in NAME_COL",
    )
    options.add_argument("--event-type", metavar="COL", help="rows are events of this type")
    options.add_argument("--value", metavar="COL", help="an event's value")
    options.add_argument("--event-id", metavar="COL", help="what makes an event unique")
    options.add_argument("--aggregated", action="store_true", help="one row a variant and time")
    options.add_argument("--n", metavar="COL", default="n", help="units, with --aggregated")


def _rows(options: argparse._ArgumentGroup) -> None:
    options.add_argument(
        "--exclude",
        dest="excludes",
        metavar="EXPRESSION",
        action="append",
        default=[],
        help="leave rows out, as in \"group = 'control' and page = 'new'\"; may be repeated",
    )
    options.add_argument(
        "--missing-as-zero", action="store_true", help="an empty metric is 0; else it is missing"
    )
    options.add_argument(
        "--keep-missing",
        action="store_true",
        help="more than half of a metric may be missing: it is about the units that have it",
    )
    options.add_argument(
        "--aggregate",
        choices=("sum", "mean", "max", "min", "first"),
        help="what becomes of several rows of a unit, as in a row an order",
    )
    options.add_argument(
        "--replace", action="store_true", help="remove what the experiment had before"
    )
    options.add_argument(
        "--allow-rejects",
        type=float,
        metavar="SHARE",
        help="load although up to this share of rows is bad, as in 0.05 (0.01 unless said)",
    )
    options.add_argument(
        "--rejects", metavar="FILE", type=Path, help="where bad rows go (FILE.rejects.csv here)"
    )


def _definition(options: argparse._ArgumentGroup) -> None:
    options.add_argument("--control", metavar="VALUE", help="the variant to compare with")
    options.add_argument("--name", default="")
    options.add_argument("--description", metavar="TEXT", default="")
    options.add_argument("--hypothesis", metavar="TEXT", default="")
    options.add_argument(
        "--finished",
        action="store_true",
        help="it has ended and no more data come: one look may decide. Say so before anybody reads "
        "results; without it the experiment is watched",
    )
    options.add_argument("--status", default="running", help="running (default) or draft")
    options.add_argument("--alpha", type=float, default=0.05)
    options.add_argument(
        "--planned-n", dest="planned_sample_size", type=int, metavar="N", help="planned total units"
    )
    options.add_argument(
        "--weight",
        dest="weights",
        metavar="VARIANT=SHARE",
        action="append",
        default=[],
        help="planned share of a variant, equal unless said",
    )
    options.add_argument(
        "--guardrail",
        dest="guardrails",
        metavar="METRIC",
        action="append",
        default=[],
        help="a metric that must not get worse",
    )
    options.add_argument(
        "--decrease",
        dest="decreases",
        metavar="METRIC",
        action="append",
        default=[],
        help="a metric of which less is better",
    )
    options.add_argument(
        "--winsorize",
        metavar="METRIC=QUANTILE",
        action="append",
        default=[],
        help="cut a metric at this quantile of all units, as in revenue=0.99",
    )
    options.add_argument(
        "--attribution-window",
        dest="attribution_windows",
        metavar="METRIC=DAYS",
        action="append",
        default=[],
        help="count a metric only so many days after a unit's exposure, as in bought=7",
    )


def run(arguments: argparse.Namespace) -> int:
    """Load, with a progress bar, and print what was done; or say what would be."""
    if arguments.dry_run:
        print("\n".join(suggestion_lines(arguments.path.expanduser())))
        return 0
    from neonblue.owner.embedded import run_job

    request = job_arguments(arguments)
    try:
        with progress_bar(f"loading {arguments.path.name}") as report:
            summary = run_job("load", request, report)
    except KeyboardInterrupt:
        print(
            "neonblue: stopped; a file is stored whole or not at all, so nothing was loaded unless "
            "it was done already: load it again",
            file=sys.stderr,
        )
        raise
    print("\n".join(summary_lines(summary)))
    return 0


def suggestion_lines(path: Path) -> list[str]:
    """What a file seems to hold, for a person; nothing is read into the store."""
    from neonblue.cli.terminal import shown
    from neonblue.ingest.files.suggestion import suggest

    found = suggest(path)
    lines = [f"{shown(path.name)} looks like {found.source}; nothing was loaded"]
    lines += [
        f"  {shown(one.name)}: {one.taken_for or 'not used'} ({shown(', '.join(one.values))})"
        for one in found.columns
    ]
    lines += [f"not known: {what}" for what in found.missing]
    return [*lines, "load it with:", f"  {shown(found.command)}"]


def job_arguments(arguments: argparse.Namespace) -> dict[str, Any]:
    """The job's arguments; paths are made absolute, as another process may read them."""
    request = {
        name: value for name, value in vars(arguments).items() if name not in ("command", "dry_run")
    }
    request["path"] = str(arguments.path.expanduser().resolve())
    rejects = arguments.rejects or Path(f"{arguments.path.name}.rejects.csv")
    request["rejects"] = str(rejects.expanduser().absolute())
    return request


def summary_lines(summary: dict[str, Any]) -> list[str]:
    """What a load did, for a person."""
    kept = summary["rows_read"] - summary["rows_excluded"] - summary["rows_rejected"]
    lines = [
        f"{summary['rows_read']:,} rows read: {kept:,} kept, "
        f"{summary['rows_excluded']:,} excluded, {summary['rows_rejected']:,} rejected, "
        f"{summary['repeated_rows']:,} repeated ({summary['seconds']:.1f} s)"
    ]
    lines += [f"  rejected: {count:,} {reason}" for reason, count in summary["reasons"].items()]
    if summary["rejects_file"]:
        lines.append(f"  rejected rows are in {summary['rejects_file']}")
    lines += [f"  {units:,} units in {name!r}" for name, units in summary["variants"].items()]
    lines += [f"  metric {name!r}: {kind}" for name, kind in summary["metrics"].items()]
    lines += [f"  warning: {warning}" for warning in summary["warnings"]]
    if summary["version"]:
        name = summary["experiment_id"]
        lines.append(f"experiment {name!r}, version {summary['version']}, {_ending(summary)}")
        lines.append("look at it with:")
        argument = shlex.quote(f"experiment_id={name}")
        lines.append(f"  neonblue call analyze_experiment_performance {argument}")
    elif summary["events"]:
        lines.append("events stored; define their experiment with `neonblue define FILE`")
    return lines


def _ending(summary: dict[str, Any]) -> str:
    """Whether its end was declared, and how to declare it."""
    if summary["status"] in FINISHED_STATUSES:
        return "its end is declared: if results were not read before, one look decides"
    return (
        f"{summary['status']}: watched, it may be read at any time. If it has ended and no more "
        "data come, load it again with --finished before anybody reads results"
    )
