"""Text to vectors: what every embedding model offers, and which ones there are.

    MiniLM (default)   on this machine, from files that came with a package, or from a folder
    OpenAI             over its API, 1,536 numbers a text

A vector is a float32 row of length 1. Two models are the same when their fingerprints are; vectors
of different fingerprints never meet in one index.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EmbeddingProvider = Literal["minilm", "openai"]


class Embedder(Protocol):
    """Turns texts into vectors of one fixed space."""

    @property
    def fingerprint(self) -> str:
        """Names the space: model, and the digest of its files where we have them."""

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text, in order: shape (len(texts), dimension), each of length 1."""


def open_embedder(
    provider: EmbeddingProvider = "minilm",
    *,
    model_path: Path | None = None,
    openai_model: str = "text-embedding-3-small",
    openai_api_key: str | None = None,
    openai_base_url: str | None = None,
    timeout_seconds: float = 30.0,
) -> Embedder:
    """The configured model; its files are read when the first text is embedded."""
    if provider == "openai":
        from neonblue.memory.openai_embedding import OpenAIEmbedder

        return OpenAIEmbedder(
            openai_model,
            api_key=openai_api_key,
            base_url=openai_base_url,
            timeout_seconds=timeout_seconds,
        )
    from neonblue.memory.minilm import MiniLM, find_model

    return MiniLM(find_model(model_path))
