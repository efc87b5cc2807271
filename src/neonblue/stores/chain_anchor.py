"""Where each chain ended when it was last seen, kept outside the database that holds the chains.

A chain alone does not show that its end was cut off. So a small file keeps each writer's count and
newest hash: readable by this user alone, replaced in one step, locked while an entry is added. It
belongs to one data directory, whose processes share it and write one chain.
"""

from __future__ import annotations

import hashlib
import os
import platform
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from neonblue.errors import UnavailableError

LOCK_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of one writer's chain.

    ``count`` entries, the newest with the hash ``digest`` and logged ``at`` (microseconds since
    1970). ``maybe`` is the hash of an entry that was being added: it may or may not be there.
    """

    count: int = 0
    digest: str = ""
    at: int = 0
    maybe: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What one data directory knows: its own ``writer``, and every writer's head by name.

    ``since`` says when it was begun, ``instead_of`` why, when one must have been there before.
    ``place`` tells a copied directory from the one it was copied from. ``ours`` are the writers
    that this directory has been: nobody else may continue their chains.
    """

    since: datetime
    writer: str
    ours: tuple[str, ...]
    heads: Mapping[str, Head]
    instead_of: str = ""
    place: str = ""
    version: int = 1

    @property
    def own(self) -> Head:
        """The head of the chain that this directory writes."""
        return self.heads.get(self.writer, Head())

    def with_own(self, head: Head) -> Anchor:
        """The same with another head of this directory's chain."""
        return replace(self, heads={**self.heads, self.writer: head})

    def with_new_writer(self) -> Anchor:
        """The same, to go on in a new chain."""
        writer = new_writer()
        return replace(self, writer=writer, ours=(*self.ours, writer))

    def moved(self, place: str) -> Anchor:
        """The same in another place: the chains so far may be continued where it was before."""
        writer = new_writer()
        return replace(self, place=place, writer=writer, ours=(writer,))


def new_writer() -> str:
    """A name that no other writer has."""
    return f"w_{uuid4().hex[:12]}"


def begun(heads: Mapping[str, Head], *, instead_of: str = "", place: str = "") -> Anchor:
    """An anchor that takes the chains as they are found."""
    writer = new_writer()
    return Anchor(
        since=datetime.now(UTC),
        instead_of=instead_of,
        place=place,
        writer=writer,
        ours=(writer,),
        heads=heads,
    )


class AnchorFile:
    """The file of an anchor; without a path it is kept in memory, for this process alone.

    ``sole`` says that nobody else can write to the database, as with the embedded engine.
    """

    def __init__(self, path: Path | None = None, *, sole: bool = False) -> None:
        self.path = path
        self.sole = sole
        self.damaged = False
        self._memory: Anchor | None = None
        self._thread = threading.RLock()

    @property
    def place(self) -> str:
        """Changes when the directory is copied or moved, even to another machine."""
        if self.path is None:
            return ""
        folder = self.path.parent
        inode = folder.stat().st_ino if folder.is_dir() else 0
        found = f"{platform.node()}\0{folder}\0{inode}"
        return hashlib.sha256(found.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the file among all processes that share the data directory.

        Raises ``UnavailableError`` when the folder cannot be written, or another process holds
        the lock for more than half a minute.
        """
        if self.path is None:
            with self._thread:
                yield
            return
        from filelock import FileLock, Timeout

        lock = FileLock(self.path.with_suffix(".lock"), mode=0o600, timeout=LOCK_SECONDS)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock.acquire()
        except Timeout as error:
            raise UnavailableError(
                f"another process holds {lock.lock_file!r}: try again, or end that process"
            ) from error
        except OSError as error:
            raise self._unusable(error) from error
        try:
            yield
        finally:
            lock.release()

    def read(self) -> Anchor | None:
        """The anchor as last written, or None; ``damaged`` says whether it could not be read."""
        if self.path is None:
            return self._memory
        import msgspec

        self.damaged = False
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Anchor)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError:
            self.damaged = True
            return None
        except OSError as error:
            raise self._unusable(error) from error

    def write(self, anchor: Anchor) -> None:
        """Replace the file in one step; returns when the disk has it."""
        if self.path is None:
            self._memory = anchor
            return
        import msgspec

        draft = self.path.with_suffix(f".{os.getpid()}")
        try:
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(anchor)))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> UnavailableError:
        return UnavailableError(
            f"{str(self.path)!r}, which keeps where a log ends, cannot be used "
            f"({error.strerror}): let this user write its folder (NEONBLUE_DATA_DIR, or where "
            "NEONBLUE_POLICY is)"
        )


def anchor_path(folder: Path, database: str | None, *, log: str = "forecast-log") -> Path:
    """The file of one log's anchor in a folder: of the engine there, or of a server by its name."""
    if database is None:
        return folder / f"{log}.json"
    digest = hashlib.sha256(database.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return folder / f"{log}-{digest}.json"
