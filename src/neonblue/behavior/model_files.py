"""Versioned model files: arrays in ``.npz``, everything else in ``.json``, nothing that can run.

A kind of model is a folder; ``CURRENT`` names the version in use. Arrays are read with
``allow_pickle=False`` and checked against the hash in the description.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neonblue.errors import InvalidInputError, UnavailableError
from neonblue.models.private_file import replace_private

FORMAT = 1
KEPT_VERSIONS = 5
KIND = re.compile(r"[a-z][a-z0-9_]{0,40}\Z")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """One version of a model as it lies in its files."""

    kind: str
    version: int
    arrays: Mapping[str, NDArray[Any]]
    description: Mapping[str, Any]

    @property
    def name(self) -> str:
        """How answers name the model: kind and version."""
        return f"{self.kind}-v{self.version}"


class ModelFiles:
    """The models of one data directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._loaded: dict[str, StoredModel] = {}
        self._guard = threading.Lock()

    def current(self, kind: str) -> StoredModel | None:
        """The version in use, or None when nothing has been trained; read once a version."""
        version = self._current_version(kind)
        if version is None:
            return None
        with self._guard:
            loaded = self._loaded.get(kind)
            if loaded is None or loaded.version != version:
                loaded = self._read(kind, version)
                self._loaded[kind] = loaded
            return loaded

    def usable(self, kind: str) -> StoredModel | None:
        """The newest version; None without one, or where its files are damaged, which is logged."""
        try:
            return self.current(kind)
        except UnavailableError as error:
            logger.warning("the %s model is left out: %s", kind, error)
            return None

    def publish(
        self, kind: str, arrays: Mapping[str, NDArray[Any]], description: Mapping[str, Any]
    ) -> StoredModel:
        """Write a new version and make it the one in use."""
        folder = self._folder(kind)
        folder.mkdir(parents=True, exist_ok=True)
        version = max(self.versions(kind), default=0) + 1
        packed = _packed(arrays)
        written = {
            **description,
            "format": FORMAT,
            "kind": kind,
            "version": version,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "sha256": hashlib.sha256(packed).hexdigest(),
        }
        _write(folder / f"{version:04d}.npz", packed)
        _write(folder / f"{version:04d}.json", json.dumps(written, indent=1).encode())
        _write(folder / "CURRENT", f"{version}\n".encode())
        self._prune(kind)
        return StoredModel(kind=kind, version=version, arrays=dict(arrays), description=written)

    def versions(self, kind: str) -> list[int]:
        """The versions that are there, oldest first."""
        return sorted(int(path.stem) for path in self._folder(kind).glob("[0-9]*.npz"))

    def _current_version(self, kind: str) -> int | None:
        try:
            return int((self._folder(kind) / "CURRENT").read_text())
        except FileNotFoundError:
            return None
        except (ValueError, OSError):
            raise _damaged(self._folder(kind) / "CURRENT", "it names no version") from None

    def _folder(self, kind: str) -> Path:
        if not KIND.match(kind):
            raise InvalidInputError(
                f"{kind!r} cannot name a model: use small letters, digits and underscores"
            )
        return self.directory / kind

    def _read(self, kind: str, version: int) -> StoredModel:
        path = self._folder(kind) / f"{version:04d}.npz"
        try:
            packed = path.read_bytes()
            description = json.loads(path.with_suffix(".json").read_text())
        except (OSError, ValueError, RecursionError) as error:
            raise _damaged(path, str(error)) from error
        if not isinstance(description, dict):
            raise _damaged(path, "its description is no object")
        if hashlib.sha256(packed).hexdigest() != description.get("sha256"):
            raise _damaged(path, "its hash is not the one in its description")
        if description.get("format") != FORMAT:
            raise _damaged(path, f"its format is {description.get('format')!r}, not {FORMAT}")
        return StoredModel(
            kind=kind, version=version, arrays=_unpacked(path, packed), description=description
        )

    def _prune(self, kind: str) -> None:
        for version in self.versions(kind)[:-KEPT_VERSIONS]:
            for suffix in ("npz", "json"):
                (self._folder(kind) / f"{version:04d}.{suffix}").unlink(missing_ok=True)


def _packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpacked(path: Path, packed: bytes) -> dict[str, NDArray[Any]]:
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except MemoryError:
        raise
    except Exception as error:  # whatever is in a file
        raise _damaged(path, str(error)) from error


def _write(path: Path, content: bytes) -> None:
    replace_private(path, content)


def _damaged(path: Path, why: str) -> UnavailableError:
    return UnavailableError(
        f"the model file {str(path)!r} cannot be used ({why}): "
        "delete it and run neonblue behavior train"
    )
