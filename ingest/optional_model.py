"""A trained model that the stream uses when it can: what is damaged never stops the stream."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from neonblue.behavior.model_files import ModelFiles, StoredModel

logger = logging.getLogger(__name__)

Model = TypeVar("Model")
# A file that could not be used is tried again after so long: it may be mended under its name.
RETRY_SECONDS = 30.0


class OptionalModel(Generic[Model]):
    """The newest model of a kind, ready to use; used by one thread.

    ``build`` makes it from its files and tries it out: whatever it raises is the files' fault.
    """

    def __init__(
        self,
        files: ModelFiles,
        kind: str,
        build: Callable[[StoredModel], Model],
        *,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._files = files
        self._kind = kind
        self._build = build
        self._retry_seconds = retry_seconds
        self._version = 0
        self._model: Model | None = None
        self._rest_until = 0.0

    def current(self) -> tuple[str, Model] | None:
        """The model's name and the model; None without one, or with one that cannot be used."""
        if time.monotonic() < self._rest_until:
            return None
        try:
            return self._newest()
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is in a file
            self._rest_until = time.monotonic() + self._retry_seconds
            logger.warning(
                "the %s model cannot be used, the rules take its place: %s", self._kind, error
            )
            return None

    def _newest(self) -> tuple[str, Model] | None:
        stored = self._files.current(self._kind)
        if stored is None:
            return None
        if self._model is None or stored.version != self._version:
            self._model, self._version = self._build(stored), stored.version
        return stored.name, self._model
