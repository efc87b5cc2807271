"""chDB: ClickHouse's engine in this process, opened on a folder."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from neonblue.errors import StoreBusyError
from neonblue.stores.fatal_signals import kept_signal_handlers

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

SMALLEST_MEMORY_BYTES = 512 << 20
ENGINE_LOCK_SECONDS = 3.0
ENGINE_FAILED = "initializing EmbeddedServer"


def open_embedded(dsn: str, memory_bytes: int) -> Client:
    """A client of the engine in this process.

    A killed owner of the data directory lets go of one lock after the other: ours may be free
    already while the engine's is still held. So the engine is given a moment.
    """
    from clickhouse_connect.driver.exceptions import ProgrammingError

    path = Path(unquote(urlparse(dsn).path))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _embedded_client(path, memory_bytes)
    except ProgrammingError as error:
        if ENGINE_FAILED not in str(error):
            raise
        if not _let_go_of(path):
            raise StoreBusyError(
                f"another process holds the data in {str(path)!r}: let it finish or stop it; "
                "`neonblue doctor` shows who it is"
            ) from error
    # Also when nobody held it any more: its holder may have died since the refusal.
    return _embedded_client(path, memory_bytes)


def memory_limit(fraction: float) -> int:
    """Bytes that the engine may use: a share of what this machine or container has."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (text := limit.read_text().strip()).isdigit():
        total = min(total, int(text))
    return max(SMALLEST_MEMORY_BYTES, int(total * fraction))


def _let_go_of(path: Path) -> bool:
    """Wait until no process has the engine open there; False when one keeps it."""
    deadline = time.monotonic() + ENGINE_LOCK_SECONDS
    while _engine_locked(path):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _embedded_client(path: Path, memory_bytes: int) -> Client:
    import clickhouse_connect

    with kept_signal_handlers():
        return clickhouse_connect.get_client(
            interface="chdb",
            path=str(path),
            chdb_options={"max_server_memory_usage": str(memory_bytes), **_small_engine()},
            settings=_spilling(memory_bytes),
        )


def _engine_locked(path: Path) -> bool:
    """Whether a process has the engine open there; it runs only where there is ``fcntl``."""
    import fcntl

    try:
        with (path / "status").open("rb") as status:
            fcntl.flock(status, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # not there, or not to be read: then no lock is what is wrong
        return False
    return False


def _small_engine() -> dict[str, str]:
    """Sizes for an engine inside another process. Its defaults are a server's: 16 merges at once
    with buffers for each, and caches that grow to gigabytes over a long stream."""
    return {
        "background_pool_size": str(max(2, os.cpu_count() or 2)),
        "mark_cache_size": str(128 << 20),
        "index_mark_cache_size": str(64 << 20),
        "primary_index_cache_size": str(128 << 20),
    }


def _spilling(memory_bytes: int) -> dict[str, str]:
    """Large groupings and sorts go to disk instead of failing."""
    half = str(memory_bytes // 2)
    return {"max_bytes_before_external_group_by": half, "max_bytes_before_external_sort": half}
