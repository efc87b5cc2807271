"""Ends the process in time: after SIGTERM nothing may hang in a query or a write."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

LAST_SECONDS = 8.0
TERMINATED = 128 + signal.SIGTERM


def exit_within(seconds: float) -> None:
    """End the process by then, even if a thread is stuck."""

    def leave() -> None:
        time.sleep(seconds)
        os._exit(0)

    threading.Thread(target=leave, name="last-exit", daemon=True).start()


@contextmanager
def unwinding_on_sigterm(status: int = TERMINATED) -> Iterator[None]:
    """Make SIGTERM leave the block as an exception, so that what is open gets closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(*_: object) -> NoReturn:
        exit_within(LAST_SECONDS)
        raise SystemExit(status)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
