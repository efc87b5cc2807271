"""The vectors of kept sessions in memory, for a search that takes milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A session found: whose, when it began (ms, UTC), how it ended, its cosine similarity."""

    user_id: str
    started_ms: int
    converted: bool
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionVectors:
    """Parallel columns of sessions; ``unit`` (sessions, values) has rows of length one."""

    user_ids: NDArray[Any]
    started_ms: NDArray[np.int64]
    converted: NDArray[np.bool_]
    unit: NDArray[np.float32]

    def nearest(
        self, vector: ArrayLike, *, limit: int, without_user: str, at_least: float = -1.0
    ) -> list[Neighbour]:
        """The nearest sessions, one a user, nearest first, of at least that similarity."""
        if len(self.unit) == 0:
            return []
        similarity = self.unit @ _unit(np.asarray(vector, dtype=np.float32)[None, :])[0]
        found: dict[str, Neighbour] = {}
        for place in _best(similarity, 4 * limit + 20).tolist():
            user = str(self.user_ids[place])
            alike = similarity[place] >= at_least
            if alike and user != without_user and user not in found:
                found[user] = Neighbour(
                    user_id=user,
                    started_ms=int(self.started_ms[place]),
                    converted=bool(self.converted[place]),
                    similarity=float(similarity[place]),
                )
        return list(found.values())[:limit]


def session_vectors(table: pa.Table) -> SessionVectors:
    """From rows of ``user_id``, ``started_ms``, ``converted`` and ``vector``."""
    values = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return SessionVectors(
        user_ids=np.array(table["user_id"].to_pylist(), dtype=object),
        started_ms=np.asarray(table["started_ms"], dtype=np.int64),
        converted=np.asarray(table["converted"]).astype(bool),
        unit=_unit(values.reshape(table.num_rows, -1).astype(np.float32))
        if table.num_rows
        else np.zeros((0, 0), dtype=np.float32),
    )


def _best(similarity: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """The places of the ``count`` largest values, largest first, ties by place."""
    if count < len(similarity):
        places = np.sort(np.argpartition(-similarity, count)[:count])
    else:
        places = np.arange(len(similarity))
    best: NDArray[np.int64] = places[np.argsort(-similarity[places], kind="stable")]
    return best


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), dtype=np.float32)
