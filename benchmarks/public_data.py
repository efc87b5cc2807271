"""Where the public data sets lie: ``NEONBLUE_SHARED`` or ``shared`` beside the checkout."""

import os
from pathlib import Path


def public_data(name: str) -> Path:
    """The folder of one data set."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("NEONBLUE_SHARED", beside)) / "data" / name
    if not folder.is_dir():
        raise SystemExit(f"{str(folder)!r} is not there: set NEONBLUE_SHARED")
    return folder
