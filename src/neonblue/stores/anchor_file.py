"""The files of an anchor: in the folder of the authority and, once more, in the data directory.

The one outside sees that an old copy of the whole data directory was put back, the one inside that
the other was removed. They are readable by this user alone, replaced in one step, and locked while
an entry is added.
"""

from __future__ import annotations

import hashlib
import platform
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from neonblue.errors import UnavailableError
from neonblue.models.private_file import replace_private
from neonblue.stores.chain_anchor import Anchor, put_together

LOCK_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorFolder:
    """A folder for anchors; ``shared`` says that several data directories may keep theirs there."""

    path: Path
    shared: bool = False


class AnchorFile:
    """The files of an anchor; without a path it is kept in memory, for this process alone.

    ``sole`` says that nobody else can write to the database, as with the embedded engine.
    """

    def __init__(self, *paths: Path, sole: bool = False) -> None:
        self.paths = paths
        self.sole = sole
        self.damaged = False
        self._memory: Anchor | None = None
        self._thread = threading.RLock()

    @property
    def place(self) -> str:
        """Changes when the first folder is copied or moved, even to another machine."""
        if not self.paths:
            return ""
        folder = self.paths[0].parent
        inode = folder.stat().st_ino if folder.is_dir() else 0
        found = f"{platform.node()}\0{folder}\0{inode}"
        return hashlib.sha256(found.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the file among all processes that share the data directory.

        Raises ``UnavailableError`` when the folder cannot be written, or another process holds
        the lock for more than half a minute.
        """
        if not self.paths:
            with self._thread:
                yield
            return
        from filelock import FileLock, Timeout

        first = self.paths[0]
        lock = FileLock(first.with_suffix(".lock"), mode=0o600, timeout=LOCK_SECONDS)
        try:
            first.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock.acquire()
        except Timeout as error:
            raise UnavailableError(
                f"another process holds {lock.lock_file!r}: try again, or end that process"
            ) from error
        except OSError as error:
            raise _unusable(first, error) from error
        try:
            yield
        finally:
            lock.release()

    def read(self) -> Anchor | None:
        """The anchor as last written, or None; ``damaged`` says whether it could not be read."""
        if not self.paths:
            return self._memory
        self.damaged = False
        found = [copy for path in self.paths if (copy := self._copy(path)) is not None]
        if not found:
            return None
        anchor = put_together(found)
        if len(found) < min(anchor.copies, len(self.paths)) and not anchor.instead_of:
            gone = "could not be read" if self.damaged else "was gone"
            return replace(anchor, instead_of=f"one of these files {gone}")
        return anchor

    def write(self, anchor: Anchor) -> None:
        """Replace each file in one step; returns when the disk has them."""
        if not self.paths:
            self._memory = anchor
            return
        import msgspec

        content = msgspec.json.format(msgspec.json.encode(replace(anchor, copies=len(self.paths))))
        for path in self.paths:
            try:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                replace_private(path, content)
            except OSError as error:
                raise _unusable(path, error) from error

    def _copy(self, path: Path) -> Anchor | None:
        import msgspec

        try:
            return msgspec.json.decode(path.read_bytes(), type=Anchor)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError:
            self.damaged = True
            return None
        except OSError as error:
            raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> UnavailableError:
    return UnavailableError(
        f"{str(path)!r}, which keeps where a log ends, cannot be used ({error.strerror}): let "
        "this user write its folder (NEONBLUE_DATA_DIR, or where NEONBLUE_POLICY is)"
    )


def anchor_paths(
    folders: Sequence[AnchorFolder], log: str, *, data: str, embedded: bool
) -> tuple[Path, ...]:
    """The files of one log's anchor, with a mark of the ``data`` where others may have theirs."""
    mark = hashlib.sha256(data.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return tuple(
        folder.path / (f"{log}-{mark}.json" if folder.shared or not embedded else f"{log}.json")
        for folder in folders
    )
