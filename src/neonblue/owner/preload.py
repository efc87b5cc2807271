"""Imports and builds servers, from whichever thread needs one first."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastmcp import FastMCP

# Two threads that import the same circular packages at once can see half of a module.
_importing = threading.Lock()
_built: dict[tuple[str, bool], FastMCP] = {}
_warm = threading.Event()


def build_imported(name: str, read_only: bool) -> FastMCP:
    """The server of that name; the first call imports fastmcp, which takes most of a second."""
    with _importing, _no_collection():
        return _built.pop((name, read_only), None) or _build(name, read_only)


def warm_up(name: str, read_only: bool) -> None:
    """Import and build in advance what an owner needs, so that taking over is quick."""
    with _importing:
        _built[name, read_only] = _build(name, read_only)
    from neonblue.stores.fatal_signals import kept_signal_handlers

    with kept_signal_handlers():
        import chdb.state  # noqa: F401
    import clickhouse_connect  # noqa: F401

    import neonblue.servers.session
    import neonblue.stores.migrations  # noqa: F401

    _warm.set()


def is_warm() -> bool:
    """Whether ``warm_up`` has run: the engine can be opened without importing it first."""
    return _warm.is_set()


def _build(name: str, read_only: bool) -> FastMCP:
    from neonblue.servers.hub import build

    return build(name, read_only=read_only)


class _no_collection:  # noqa: N801 - read as a statement
    """Garbage collection waits while thousands of modules and schemas come to stay."""

    def __enter__(self) -> None:
        gc.disable()

    def __exit__(self, *error: object) -> None:
        gc.freeze()
        gc.enable()
