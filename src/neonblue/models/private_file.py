"""Files that hold what users did are for the user alone who had them written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

FOR_OWNER = 0o600


def open_private(path: Path, *, newline: str | None = None) -> IO[str]:
    """Open a text file to be written from the start; others may not read it, even if it was there.

    Raises ``OSError`` as ``open`` does.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FOR_OWNER)
    try:
        if os.fstat(descriptor).st_uid == os.geteuid() and path.is_file():
            os.fchmod(descriptor, FOR_OWNER)
        return os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline=newline)
    except BaseException:
        os.close(descriptor)
        raise


@contextmanager
def for_owner_alone() -> Iterator[None]:
    """Whatever is made meanwhile, by libraries too, only its owner may read."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
