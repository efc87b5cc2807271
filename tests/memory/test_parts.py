"""Texts of parts: each distinct part is embedded once, and the vector is their weighted mean."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neonblue.memory.embedding import Embedder
from neonblue.memory.parts import embed_parts


def test_the_vector_is_the_weighted_mean_and_parts_are_embedded_once(embedder: Embedder) -> None:
    asked: list[str] = []

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        asked.extend(texts)
        return embedder.embed(texts)

    texts = ["bought a bicycle | mobile", "bought a bicycle | desktop", "bought a bicycle"]
    vectors = embed_parts(texts, (0.6, 0.4), embed)
    assert asked == ["bought a bicycle", "mobile", "desktop"]
    bought, mobile, _ = embedder.embed(asked)
    mean = 0.6 * bought + 0.4 * mobile
    np.testing.assert_allclose(vectors[0], mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_allclose(vectors[2], bought, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_text_keeps_what_goes_beyond_the_weights(embedder: Embedder) -> None:
    (whole,) = embed_parts(["a | b | c"], (0.5, 0.5), embedder.embed)
    first, rest = embedder.embed(["a", "b | c"])
    assert float(whole @ (first + rest)) > 0.99 * float(np.linalg.norm(first + rest))
    assert embed_parts(["a | b"], (), embedder.embed)[0] @ embedder.embed(["a | b"])[0] > 0.999
    assert embed_parts([], (0.5, 0.5), embedder.embed).shape == (0, embedder.dimension)
