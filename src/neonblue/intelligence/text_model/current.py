"""The text model in use: read from its files once, and again only when they are other files."""

from __future__ import annotations

import threading
from pathlib import Path

from neonblue.intelligence.text_model.model import (
    MODEL_FILES,
    TextModel,
    current_version,
    usable_model,
)

Identity = tuple[str, tuple[tuple[int, int, int], ...]]


class CurrentTextModel:
    """One model at a time is held. Safe between threads: while one reads it, the others wait."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._identity: Identity | None = None
        self._model: TextModel | None = None

    def get(self) -> TextModel | None:
        """The model that the folder names now; None before the first training, and while its files
        are damaged or gone, which is logged once."""
        with self._lock:
            identity = _identity(self._folder)
            if identity is None or identity != self._identity:
                # Let go of the old one first, so that there are never two.
                self._model = self._identity = None
            if identity is not None and identity != self._identity:
                self._model = usable_model(self._folder, identity[0])
                self._identity = identity
            return self._model


def _identity(folder: Path) -> Identity | None:
    """The version in use and which files those are: a folder may be restored from elsewhere."""
    version = current_version(folder)
    if version is None:
        return None
    paths = [path for name in MODEL_FILES if (path := folder / version / name).is_file()]
    stats = [path.stat() for path in paths]
    return version, tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in stats)
