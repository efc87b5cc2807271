"""Kept sessions with their vectors in memory, for a search that takes milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A session found: its place, whose it is, how it ended, its cosine similarity."""

    place: int
    user_id: str
    converted: bool
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarSession:
    """A kept session and its cosine similarity to the one that was asked for."""

    pseudonym: str
    started_at: datetime
    steps: int
    duration_seconds: float
    path: tuple[str, ...]
    value: float
    device_type: str
    traffic_source: str
    outcome: str
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionVectors:
    """Parallel columns of sessions; ``unit`` (sessions, values) has rows of length one.

    ``facts`` has the columns of ``SimilarSession``, all but the similarity.
    """

    facts: pa.Table
    user_ids: NDArray[Any]
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
                    place=place,
                    user_id=user,
                    converted=bool(self.converted[place]),
                    similarity=float(similarity[place]),
                )
        return list(found.values())[:limit]

    def described(self, found: Sequence[Neighbour]) -> tuple[SimilarSession, ...]:
        """What is known of the sessions that ``nearest`` found."""
        rows = self.facts.take([one.place for one in found]).to_pylist() if found else []
        return tuple(
            SimilarSession(**{**row, "path": tuple(row["path"])}, similarity=one.similarity)
            for row, one in zip(rows, found, strict=True)
        )


def session_vectors(table: pa.Table) -> SessionVectors:
    """From rows of ``user_id``, ``vector`` and the facts."""
    values = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return SessionVectors(
        facts=table.drop_columns(["user_id", "vector"]).combine_chunks(),
        user_ids=np.array(table["user_id"].to_pylist(), dtype=object),
        converted=np.array([one == "converted" for one in table["outcome"].to_pylist()], bool),
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
