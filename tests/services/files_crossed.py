"""Which files of the project do work in a stretch of a test: what somebody reads to follow it."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import neonblue

ROOT = Path(neonblue.__file__).parents[2]


class FilesCrossed:
    """Files below ``rooms`` in which a function was entered."""

    def __init__(self, *rooms: str) -> None:
        self._rooms = rooms
        self.files: set[str] = set()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        entered = event == "call" and frame.f_lineno == code.co_firstlineno
        if entered and code.co_filename.startswith(str(ROOT)):
            path = Path(os.path.realpath(code.co_filename)).relative_to(ROOT).as_posix()
            if path.startswith(self._rooms):
                self.files.add(path)


@contextmanager
def watched(*rooms: str) -> Iterator[FilesCrossed]:
    """Watches this thread, and those that begin in here."""
    crossed = FilesCrossed(*rooms)
    threading.setprofile(crossed)
    sys.setprofile(crossed)
    try:
        yield crossed
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
