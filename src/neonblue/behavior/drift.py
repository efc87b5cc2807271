"""Whether users still look like those a model was trained on: the population stability index.

PSI = Σ (p - q) ln(p / q) over bins (Siddiqi 2006, chapter 5); by custom below 0.1 is stable, above
0.25 has shifted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
BINS = 10
SOME, MUCH = 0.1, 0.25
MIN_SHARE = 1e-4

DriftVerdict = Literal["stable", "some_drift", "drifted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Quantile edges of each feature and the share of rows between them, (features, bins)."""

    edges: Float
    shares: Float

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The snapshot as named arrays, for a file."""
        return {"snapshot_edges": self.edges, "snapshot_shares": self.shares}


def snapshot(rows: Float, edges: Float | None = None) -> Snapshot:
    """How rows are spread, over their own deciles or over given edges."""
    if edges is None:
        edges = np.quantile(rows, np.linspace(0, 1, BINS + 1)[1:-1], axis=0).T
    shares = [
        np.bincount(np.searchsorted(edge, column, side="left"), minlength=BINS) / len(rows)
        for edge, column in zip(edges, rows.T, strict=True)
    ]
    return Snapshot(edges=edges, shares=np.array(shares))


def snapshot_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Snapshot:
    """The snapshot that ``Snapshot.arrays`` wrote."""
    return Snapshot(edges=arrays["snapshot_edges"], shares=arrays["snapshot_shares"])


def stability_index(before: Float, now: Float) -> float:
    """The index between two rows of shares (any positive scale)."""
    p = np.maximum(before / max(before.sum(), 1e-300), MIN_SHARE)
    q = np.maximum(now / max(now.sum(), 1e-300), MIN_SHARE)
    return float(((q - p) * np.log(q / p)).sum())


def drift_verdict(largest: float) -> DriftVerdict:
    """What an index means."""
    if largest < SOME:
        return "stable"
    return "some_drift" if largest < MUCH else "drifted"
