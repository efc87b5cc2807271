"""``neonblue forecast``: train the text model, predict with it, see how forecasts came true."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from neonblue.cli.progress import progress_bar
from neonblue.errors import InvalidInputError

EPILOG = """
neonblue forecast train pairs.csv.gz         learn from a file of tested pairs of texts
neonblue forecast train                      learn from the finished experiments in the store
neonblue forecast predict new.csv --out p.csv
neonblue forecast calibration                how past forecasts of experiments came true
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``neonblue forecast`` can be told."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    train = actions.add_parser("train", help="learn which texts do better")
    train.add_argument(
        "path",
        metavar="FILE",
        type=Path,
        nargs="?",
        help="CSV or CSV.gz with headline_a, headline_b, clicks_a, impr_a, clicks_b, impr_b, "
        "test_id and, if known, week (201425), image_id, bad_randomisation; without it, the "
        "finished experiments in the store",
    )
    predict = actions.add_parser("predict", help="which text of each pair will do better")
    predict.add_argument(
        "path", metavar="FILE", type=Path, help="CSV or CSV.gz with headline_a, headline_b"
    )
    predict.add_argument(
        "--out",
        metavar="OUT.csv",
        type=Path,
        required=True,
        help="gets headline_a, headline_b, probability_a_wins in the order of FILE",
    )
    actions.add_parser("calibration", help="how past forecasts of experiments came true")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and print what came of it."""
    if arguments.action == "train":
        print("\n".join(_train(arguments.path)))
    elif arguments.action == "predict":
        print(_predict(arguments.path, arguments.out))
    else:
        print("\n".join(_calibration()))
    return 0


def _train(path: Path | None) -> list[str]:
    from neonblue.intelligence.text_model.report import summary_lines

    with progress_bar("training") as report:
        if path is not None:
            return summary_lines(_train_on_file(path, report))
        from neonblue.owner.embedded import run_job

        return summary_lines(run_job("forecast-train", {}, report))


def _train_on_file(path: Path, report: Any) -> dict[str, Any]:
    """In this process, for a file needs nothing from the store."""
    from neonblue.intelligence.text_model.arms import read_pairs
    from neonblue.intelligence.text_model.report import training_summary
    from neonblue.intelligence.text_model.training import train
    from neonblue.workspace import Workspace

    workspace = Workspace()
    try:
        pairs = read_pairs(path)
        return training_summary(
            train(pairs, workspace.embedder, workspace.text_models, source=path.name, report=report)
        )
    finally:
        workspace.close()


def _predict(path: Path, out: Path) -> str:
    import csv

    from neonblue.intelligence.text_model.arms import TEXT_COLUMNS, read_texts
    from neonblue.intelligence.text_model.model import load_model
    from neonblue.models.private_file import open_private
    from neonblue.workspace import Workspace

    if not out.parent.is_dir():
        raise InvalidInputError(f"there is no folder {str(out.parent)!r}: make it, or change --out")
    pairs = read_texts(path)
    workspace = Workspace()
    try:
        model = load_model(workspace.text_models)
        probabilities = model.probabilities(pairs, workspace.embedder)
    finally:
        workspace.close()
    with open_private(out, newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*TEXT_COLUMNS, "probability_a_wins"])
        for (a, b), probability in zip(pairs, probabilities, strict=True):
            writer.writerow([a, b, f"{probability:.6f}"])
    return f"{len(pairs):,} pairs predicted by {model.version}: {out}"


def _calibration() -> list[str]:
    from neonblue.owner.embedded import run_job

    with progress_bar("reading forecasts") as report:
        lines: list[str] = run_job("forecast-calibration", {}, report)["lines"]
    return lines
