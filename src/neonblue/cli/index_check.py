"""What ``neonblue doctor`` sees in the files of the embedded index, without opening them."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path

from neonblue.cli.checks import Finding
from neonblue.memory.index_files import DamagedError, check_files
from neonblue.memory.index_folder import current_folder, is_left_opening, last_damage

LOOKS = 3
SECONDS_BETWEEN_LOOKS = 0.5


def check_embedded_index(place: Path) -> Finding:
    """Whether the files of the index are whole, and whether one was thrown away before."""
    detail = f"{version('chromadb')} in {place}"
    folder = current_folder(place)
    if folder is None or not folder.is_dir():
        return Finding(part="chroma", status="ok", detail=f"{detail}, not built yet")
    damage, vectors = _damage(folder)
    if damage:
        return Finding(
            part="chroma",
            status="warning",
            detail=f"the index in {folder} is damaged: {damage}",
            remedy="nothing to do: the next server or worker throws it away and builds it again "
            "from ClickHouse, which answers meanwhile; check the disk if it comes back",
        )
    before = f"; the one before was thrown away {found}" if (found := last_damage(place)) else ""
    detail = f"{detail}, graphs of {vectors:,} vectors are whole{before}"
    return Finding(part="chroma", status="ok", detail=detail)


def _damage(folder: Path) -> tuple[str, int]:
    """What is wrong with the files, if something is; they may be being written just now."""
    damage = ""
    for _ in range(LOOKS):
        try:
            vectors = check_files(folder)
        except (DamagedError, OSError) as error:
            damage = str(error)
            time.sleep(SECONDS_BETWEEN_LOOKS)
        else:
            left = "a process ended while it opened the index" if is_left_opening(folder) else ""
            return left, vectors
    return damage, 0
