"""OpenAI's embedding models over their API."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError, UnavailableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from openai import OpenAI

DIMENSIONS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
BATCH = 256
# The API refuses 8,192 tokens; four characters a token is its own rule of thumb, halved.
MAX_CHARACTERS = 16_000


class OpenAIEmbedder:
    """Vectors from ``text-embedding-3-small`` (1,536 numbers) or one of its siblings."""

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None,
        base_url: str | None = None,
        timeout_seconds: float = 30.0,
    ) -> None:
        if model not in DIMENSIONS:
            raise InvalidInputError(
                f"unknown embedding model {model!r}: set NEONBLUE_EMBEDDING_OPENAI_MODEL to one of "
                f"{', '.join(sorted(DIMENSIONS))}"
            )
        if not api_key:
            raise UnavailableError(
                "the embedding provider is 'openai' but there is no key: set OPENAI_API_KEY, "
                "or NEONBLUE_EMBEDDING_PROVIDER=minilm for the model on this machine"
            )
        self._model, self._api_key, self._base_url = model, api_key, base_url
        self._timeout_seconds = timeout_seconds

    @property
    def fingerprint(self) -> str:
        """The provider's name for the model; the provider promises not to change it."""
        return f"openai:{self._model}:{self.dimension}"

    @property
    def dimension(self) -> int:
        """1,536 for ``text-embedding-3-small``."""
        return DIMENSIONS[self._model]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit row a text; very long texts are cut at 16,000 characters."""
        import numpy as np

        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), BATCH):
            batch = [text[:MAX_CHARACTERS] or " " for text in texts[start : start + BATCH]]
            rows[start : start + len(batch)] = self._request(batch)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        unit: NDArray[np.float32] = rows / np.maximum(norms, 1e-12)
        return unit

    def _request(self, batch: list[str]) -> list[list[float]]:
        import openai

        try:
            answer = self._client.embeddings.create(
                model=self._model, input=batch, encoding_format="float"
            )
        except openai.OpenAIError as error:
            raise UnavailableError(
                f"the embedding model {self._model!r} did not answer ({type(error).__name__}): "
                "check OPENAI_API_KEY and the network, or set NEONBLUE_EMBEDDING_PROVIDER=minilm "
                "and run `neonblue migrate --reembed`"
            ) from error
        ordered = sorted(answer.data, key=lambda item: item.index)
        if len(ordered) != len(batch) or any(len(i.embedding) != self.dimension for i in ordered):
            raise UnavailableError(
                f"the embedding model {self._model!r} answered {len(ordered)} vectors for "
                f"{len(batch)} texts, or of another size than {self.dimension}: check its base URL"
            )
        return [item.embedding for item in ordered]

    @cached_property
    def _client(self) -> OpenAI:
        from openai import OpenAI

        return OpenAI(
            api_key=self._api_key,
            base_url=self._base_url,
            timeout=self._timeout_seconds,
            max_retries=2,
        )
