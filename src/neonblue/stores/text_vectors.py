"""Vectors of texts by hash, so that a text is embedded once whatever process meets it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from neonblue.stores.database import Database


class TextVectors:
    """One vector a text and model; the text itself is not kept here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, fingerprint: str, hashes: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The vectors that are known."""
        import numpy as np

        rows = self._database.rows(
            """
            SELECT text_hash, vector FROM text_vectors FINAL
            WHERE fingerprint = {model:String} AND text_hash IN {hashes:Array(UInt64)}
            """,
            {"model": fingerprint, "hashes": list(hashes)},
        )
        return {text_hash: np.asarray(vector, dtype=np.float32) for text_hash, vector in rows}

    def save(
        self, fingerprint: str, hashes: Sequence[int], vectors: Sequence[NDArray[np.float32]]
    ) -> None:
        """Keep vectors; acknowledged when it returns."""
        import pyarrow as pa

        table = pa.table(
            {
                "fingerprint": [fingerprint] * len(hashes),
                "text_hash": pa.array(hashes, pa.uint64()),
                "vector": pa.array(list(vectors), pa.list_(pa.float32())),
            }
        )
        self._database.insert("text_vectors", table)

    def count(self, fingerprint: str) -> int:
        """How many texts a model has embedded."""
        row = self._database.row(
            "SELECT count() FROM text_vectors FINAL WHERE fingerprint = {model:String}",
            {"model": fingerprint},
        )
        return int(row[0]) if row else 0
