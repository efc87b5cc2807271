"""The composition root: settings in, opened parts out, each opened when first needed.

Tools take it as ``workspace: Workspace = Shared(open_workspace)``. However many servers and jobs a
process runs, they share one workspace for one place of data, because the engine can be opened only
once there; the last one to leave closes it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from neonblue.settings import StoreSettings

if TYPE_CHECKING:
    from neonblue.stores import Store

Value = TypeVar("Value")


class part(Generic[Value]):  # noqa: N801 - a descriptor, read like cached_property
    """A part that is opened when first read, by one thread, and closed with the workspace."""

    def __init__(self, open_it: Callable[[Any], Value]) -> None:
        self._open = open_it
        self.__doc__ = open_it.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, workspace: None, owner: type) -> part[Value]: ...
    @overload
    def __get__(self, workspace: Workspace, owner: type) -> Value: ...
    def __get__(self, workspace: Workspace | None, owner: type) -> part[Value] | Value:
        if workspace is None:
            return self
        with workspace.guard:
            if self._name not in workspace.opened:
                workspace.opened[self._name] = self._open(workspace)
            value: Value = workspace.opened[self._name]
            return value


class Workspace:
    """Everything a service may need, opened lazily and closed once."""

    def __init__(self, settings: StoreSettings | None = None) -> None:
        self.settings = settings or StoreSettings()
        self.guard = threading.RLock()
        self.opened: dict[str, Any] = {}

    @part
    def store(self) -> Store:
        """ClickHouse, migrated to the newest schema."""
        from neonblue.stores import open_store

        return open_store(self.settings.dsn, max_memory_fraction=self.settings.max_memory_fraction)

    def close(self) -> None:
        """Close what was opened and can be closed, the last one first."""
        with self.guard:
            while self.opened:
                _, value = self.opened.popitem()
                if callable(close := getattr(value, "close", None)):
                    close()


_guard = threading.Lock()
_shared: dict[str, tuple[Workspace, int]] = {}


@contextmanager
def open_workspace() -> Iterator[Workspace]:
    """The process's workspace for the environment's settings; the last user closes it."""
    settings = StoreSettings()
    with _guard:
        workspace, users = _shared.get(settings.dsn) or (Workspace(settings), 0)
        _shared[settings.dsn] = (workspace, users + 1)
    try:
        yield workspace
    finally:
        _leave(settings.dsn)


def _leave(dsn: str) -> None:
    with _guard:
        workspace, users = _shared.pop(dsn)
        if users > 1:
            _shared[dsn] = (workspace, users - 1)
            return
        workspace.close()
