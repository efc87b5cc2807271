"""The folder of the embedded index: which one is in use, and beginning a new one.

``CURRENT`` names the folder in use below the place of the index. A folder whose writer was killed
can stay broken for good, so a new one is begun rather than an old one emptied. While a folder is
being opened it holds ``OPENING``: found there later, opening it ended a process.
"""

from __future__ import annotations

import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path

from neonblue.models.private_file import replace_private

POINTER = "CURRENT"
OPENING = "OPENING"
LOCK = "LOCK"
LAST_DAMAGE = "LAST_DAMAGE"
LOG = "worker.log"


def current_folder(place: Path) -> Path | None:
    """The folder in use, if the index was ever begun."""
    try:
        return place / (place / POINTER).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


def own_folder(place: Path) -> Path:
    """The folder in use, made if need be; others that were left behind are removed."""
    folder = current_folder(place)
    if folder is None or folder.parent != place or not folder.name.startswith("index-"):
        folder = _point_at_new(place)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for other in place.glob("index-*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def begin_anew(place: Path, reason: str) -> None:
    """Use another, empty folder from now on, and keep why for ``neonblue doctor``."""
    _point_at_new(place)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    replace_private(place / LAST_DAMAGE, f"{when}: {reason}\n".encode())


def is_left_opening(folder: Path) -> bool:
    """Whether a process ended while it opened the folder: it has the mark and no owner."""
    if not (folder / OPENING).exists():
        return False
    import fcntl

    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    return (folder / OPENING).exists()


def last_damage(place: Path) -> str:
    """When an index was thrown away here last, and why; empty if none ever was."""
    try:
        return (place / LAST_DAMAGE).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _point_at_new(place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = f"index-{uuid.uuid4().hex[:12]}"
    replace_private(place / POINTER, f"{name}\n".encode())
    return place / name
