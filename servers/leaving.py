"""Ends the process in time: after SIGTERM nothing may hang in a query or a write."""

from __future__ import annotations

import os
import threading
import time

LAST_SECONDS = 8.0


def leave_within(seconds: float) -> None:
    """End the process by then, even if a thread is stuck."""

    def leave() -> None:
        time.sleep(seconds)
        os._exit(0)

    threading.Thread(target=leave, name="last-exit", daemon=True).start()
