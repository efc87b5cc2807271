"""Vectors of texts that are put together from parts: the weighted mean of the parts' vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from neonblue.memory.collections import PART

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Embed: TypeAlias = "Callable[[Sequence[str]], NDArray[np.float32]]"


def split_parts(text: str, weights: Sequence[float]) -> list[str]:
    """The parts that are embedded: as many as there are weights at most, at least one."""
    return text.split(PART, max(0, len(weights) - 1))


def embed_parts(
    texts: Sequence[str], weights: Sequence[float], embed: Embed
) -> NDArray[np.float32]:
    """One unit row a text. Without weights, or for a text of one part, the text's own vector; a
    text of more parts than there are weights keeps the rest in the last one."""
    import numpy as np

    if not weights or not texts:
        return embed(texts)
    split = [split_parts(text, weights) for text in texts]
    known = list(dict.fromkeys(part for parts in split for part in parts))
    vectors = embed(known)
    place = {part: number for number, part in enumerate(known)}
    total = np.zeros((len(texts), vectors.shape[1]), dtype=np.float32)
    for number, weight in enumerate(weights):
        rows = [row for row, parts in enumerate(split) if len(parts) > number]
        total[rows] += weight * vectors[[place[split[row][number]] for row in rows]]
    unit: NDArray[np.float32] = total / np.linalg.norm(total, axis=1, keepdims=True)
    return unit
