"""Train on a file of pairs as a background process: ``python -m neonblue.jobs.retrain FILE``.

Prints one JSON object: what ``training_summary`` gives, or ``error`` and whether another training
was ``busy``. Ends when its stdin does, that is, with the process that started it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from neonblue.errors import ConflictError, NeonBlueError
from neonblue.intelligence.text_model.arms import read_pairs
from neonblue.intelligence.text_model.report import training_summary
from neonblue.intelligence.text_model.training import train
from neonblue.workspace import Workspace

LOWEST_PRIORITY = 19


def main(path: Path) -> None:
    """Train, and print what came of it."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(LOWEST_PRIORITY)
    sys.stdout.write(json.dumps(_trained(path)))


def _trained(path: Path) -> dict[str, Any]:
    workspace = Workspace()
    try:
        return training_summary(
            train(
                read_pairs(path),
                workspace.embedder,
                workspace.text_models,
                source=path.name,
                report=lambda done, total, message: None,
            )
        )
    except NeonBlueError as error:
        return {"error": str(error), "busy": isinstance(error, ConflictError)}
    finally:
        workspace.close()


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
