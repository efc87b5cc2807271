"""Shapes of cells: what is left when all digits are alike.

A column of a million amounts has a few dozen shapes, so that a rule can look at every one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

MAX_SHAPES = 5_000
# Of the private use area, so that no cell holds them.
ZERO, ONE = "\ue000", "\ue001"


def shapes_of(text: pa.Array) -> pa.Array:
    """Digits become 9, a leading zero ``ZERO``; the whole numbers 0 and 1 are ``ZERO``, ``ONE``."""
    import pyarrow.compute as pc

    shapes = pc.replace_substring_regex(text, r"^([^0-9]*)0", rf"\1{ZERO}")
    shapes = pc.replace_substring_regex(shapes, r"^1$", ONE)
    return pc.replace_substring_regex(shapes, "[0-9]", "9")


@dataclass(slots=True)
class ShapeCounts:
    """How many cells have each shape, and one cell of each; ``others`` had too many shapes."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    others: int = 0

    def add(self, text: pa.Array) -> None:
        """Count the cells of a column of text; null is no cell."""
        import numpy as np

        text = text.drop_null()
        if len(text) == 0:
            return
        encoded = shapes_of(text).dictionary_encode()
        places = encoded.indices.to_numpy(zero_copy_only=False)
        found, first, counts = np.unique(places, return_index=True, return_counts=True)
        names = encoded.dictionary.take(found).to_pylist()
        for name, where, count in zip(names, first.tolist(), counts.tolist(), strict=True):
            if name not in self.counts and len(self.counts) >= MAX_SHAPES:
                self.others += count
                continue
            self.counts[name] = self.counts.get(name, 0) + count
            self.examples.setdefault(name, text[where].as_py())

    @property
    def total(self) -> int:
        """How many cells there are."""
        return sum(self.counts.values()) + self.others
