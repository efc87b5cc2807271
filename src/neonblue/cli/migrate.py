"""``neonblue migrate``: bring the stored data up to this version, and to the configured model."""

from __future__ import annotations

import argparse

from neonblue.cli.progress import progress_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``neonblue migrate`` can be told."""
    parser.add_argument(
        "--reembed",
        action="store_true",
        help="embed every document of another embedding model again; can be stopped and resumed",
    )
    parser.add_argument(
        "--no-journeys", action="store_true", help="leave the journeys of units as they are"
    )


def run(arguments: argparse.Namespace) -> int:
    """Migrate and print what was done."""
    from neonblue.owner.embedded import run_job

    request = {"reembed": arguments.reembed, "journeys": not arguments.no_journeys}
    with progress_bar("migrating") as report:
        result = run_job("migrate", request, report)
    print(f"the schema of {result['database']} is up to date")
    for collection, count in result["documents"].items():
        print(f"  {collection}: {count:,} documents")
    print(f"journeys made searchable: {result['journeys_indexed']:,}")
    if arguments.reembed:
        print(f"{result['embedded_again']:,} documents embedded again by {result['embedding']}")
    elif result["of_another_model"]:
        print(
            f"{result['of_another_model']:,} documents are not of {result['embedding']}: "
            "run `neonblue migrate --reembed`"
        )
    return 0
