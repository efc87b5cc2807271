"""A fatal error ends the process, so that another one takes over the data.

The engine in this process installs handlers of its own for SIGSEGV and its like. They write a
report and then keep the thread that failed for ever: the process goes on living with its locks,
answers every query with code 236, or nothing at all if that thread held the interpreter lock.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

FATAL_SIGNALS = (
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGABRT,
    signal.SIGILL,
    signal.SIGFPE,
    signal.SIGSYS,
    signal.SIGTRAP,
)
ABORTED = 236
FATAL = "due to a fatal error"
# EX_SOFTWARE of sysexits.h.
EXIT_STATUS = 70
# Larger than any system's struct sigaction.
SIGACTION_BYTES = 512

_guard = threading.Lock()


@contextmanager
def kept_signal_handlers() -> Iterator[None]:
    """Put the handlers of fatal signals back as they were before, by default those that end the
    process. Works in every thread and for handlers that are not Python's, as faulthandler's."""
    libc = ctypes.CDLL(None)
    with _guard:
        before = {number: ctypes.create_string_buffer(SIGACTION_BYTES) for number in FATAL_SIGNALS}
        for number, action in before.items():
            libc.sigaction(number, None, action)
        try:
            yield
        finally:
            for number, action in before.items():
                libc.sigaction(number, action, None)


def end_if_engine_died(code: int | None, message: str) -> None:
    """End the process at once when the engine says that it had a fatal error: nothing that is open
    can be closed any more, and only the end of the process frees its locks."""
    if code == ABORTED and FATAL in message:
        sys.stderr.write(
            "neonblue: the ClickHouse engine in this process had a fatal error; this process ends "
            "so that another one can take over. Nothing acknowledged is lost: run the command "
            "again, and `neonblue doctor` if it happens again\n"
        )
        sys.stderr.flush()
        os._exit(EXIT_STATUS)
