"""Who owns a data directory: one process, decided by a lock, found by the others through a file.

The engine lets one process open a directory. That process holds ``owner.lock`` for as long as it
lives (the system frees it even after SIGKILL) and writes ``owner.json``, readable by this user
alone: the port of its loopback endpoint and the token that a client must show.
"""

from __future__ import annotations

import errno
import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from neonblue.errors import UnavailableError
from neonblue.models.private_file import replace_private

LOCK_FILE = "owner.lock"
ADDRESS_FILE = "owner.json"


class Address(NamedTuple):
    """Where the owner listens on 127.0.0.1, and what proves that a client may talk to it."""

    port: int
    token: str
    pid: int


class Ownership:
    """The lock on a data directory, held by this process until ``release``."""

    def __init__(self, directory: Path, lock: FileLock) -> None:
        self._directory = directory
        self._lock = lock

    def publish(self, address: Address) -> None:
        """Tell the others, in one step, where this process listens."""
        target = self._directory / ADDRESS_FILE
        try:
            replace_private(target, json.dumps(address._asdict()).encode())
        except OSError as error:
            raise UnavailableError(
                f"the file {str(target)!r}, by which other processes find this one, cannot be "
                f"written ({error.strerror}): {_remedy(error, target)}"
            ) from error

    def release(self) -> None:
        """Let another process own the directory."""
        with suppress(OSError):  # an address that nobody answers at misleads nobody
            (self._directory / ADDRESS_FILE).unlink(missing_ok=True)
        self._lock.release()


def claim(directory: Path) -> Ownership | None:
    """Own the directory, or None when another process does.

    Raises ``UnavailableError`` when the directory cannot be made or written.
    """
    lock = FileLock(directory / LOCK_FILE, thread_local=False, mode=0o600)
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock.acquire(blocking=False)
    except Timeout:
        return None
    except OSError as error:
        raise UnavailableError(
            f"the data directory {str(directory)!r} cannot be used ({error.strerror}): "
            "set NEONBLUE_DATA_DIR to a folder that this user may write"
        ) from error
    return Ownership(directory, lock)


def find_address(directory: Path) -> Address | None:
    """Where the owner said it listens; it may have died since."""
    try:
        address = Address(**json.loads((directory / ADDRESS_FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):  # not there, or written by another version
        return None
    numbers = isinstance(address.port, int) and isinstance(address.pid, int)
    usable = numbers and isinstance(address.token, str) and 0 < address.port < 1 << 16
    return address if usable else None


def _remedy(error: OSError, target: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; make room and start again"
    if target.is_dir():
        return "a folder lies there; remove it and start again"
    return "set NEONBLUE_DATA_DIR to a folder that this user may write"
