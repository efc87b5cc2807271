"""Files that hold what users did are for the user alone who had them written.

Where they lie can often be guessed, and a folder may be open to others: who puts a link, a pipe or
a file there first must neither choose what is overwritten nor read along.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

from neonblue.errors import InvalidInputError

FOR_OWNER = 0o600
NOT_THROUGH_LINKS = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def open_private(path: Path, *, newline: str | None = None) -> IO[str]:
    """Open a text file to be written from the start; others may not read it, even if it was there.

    Raises ``InvalidInputError`` when it cannot be written, or is a link, a pipe or somebody
    else's file.
    """
    try:
        descriptor = os.open(path, NOT_THROUGH_LINKS | os.O_CREAT, FOR_OWNER)
    except OSError as error:
        linked = error.errno == errno.ELOOP
        raise _refused(path, "it is a link" if linked else str(error.strerror)) from error
    try:
        _empty_if_ours(descriptor, path)
        return os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline=newline)
    except BaseException:
        os.close(descriptor)
        raise


def replace_private(path: Path, content: bytes) -> None:
    """Put a file with this content in the place of whatever is there, links too, in one step.

    Others may not read it. Returns when the disk has it; raises ``OSError``.
    """
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FOR_OWNER)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


@contextmanager
def for_owner_alone() -> Iterator[None]:
    """Whatever is made meanwhile, by libraries too, only its owner may read."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _empty_if_ours(descriptor: int, path: Path) -> None:
    found = os.fstat(descriptor)
    if stat.S_ISCHR(found.st_mode):
        return
    if not stat.S_ISREG(found.st_mode):
        raise _refused(path, "it is no file")
    if found.st_uid != os.geteuid():
        raise _refused(path, "it belongs to somebody else")
    if found.st_nlink > 1:
        raise _refused(path, "the file has another name as well")
    os.fchmod(descriptor, FOR_OWNER)
    os.ftruncate(descriptor, 0)


def _refused(path: Path, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"{str(path)!r} cannot be written ({why}): remove what is there, or name another file"
    )
