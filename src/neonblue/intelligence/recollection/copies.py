"""The same data under several ids is one experiment."""

from __future__ import annotations

from collections.abc import Iterable

from neonblue.stores.documents import Document

FIGURES = ("sample_size", "conversion_rate", "improvement", "improvement_standard_error")


def without_copies(documents: Iterable[Document]) -> list[Document]:
    """One document for each set of figures, the first of them."""
    kept: dict[object, Document] = {}
    for document in documents:
        kept.setdefault(figures_of(document) or document.document_id, document)
    return list(kept.values())


def figures_of(document: Document) -> tuple[float, ...] | None:
    """Units, rate, lift and error, which no two experiments have in common; None without them."""
    found = [document.metadata.get(name) for name in FIGURES]
    if found[0] is None or found[2] is None or found[3] is None:
        return None
    return tuple(float(f"{float(str(value or 0.0)):.9g}") for value in found)
