"""The composition root: settings in, opened parts out, each opened when first needed.

Tools take it as ``workspace: Workspace = Shared(open_workspace)``: one a process, shared by every
mounted server, closed with the app.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from neonblue.settings import StoreSettings

if TYPE_CHECKING:
    from neonblue.stores import Store


class Workspace:
    """Everything a service may need, opened lazily and closed once."""

    def __init__(self, settings: StoreSettings | None = None) -> None:
        self.settings = settings or StoreSettings()

    @cached_property
    def store(self) -> Store:
        """ClickHouse, migrated to the newest schema."""
        from neonblue.stores import open_store

        return open_store(
            self.settings.dsn, max_memory_fraction=self.settings.max_memory_fraction
        )

    def close(self) -> None:
        """Close what was opened."""
        if "store" in self.__dict__:
            self.store.close()


@contextmanager
def open_workspace() -> Iterator[Workspace]:
    """A workspace from the environment's settings, closed on the way out."""
    workspace = Workspace()
    try:
        yield workspace
    finally:
        workspace.close()
