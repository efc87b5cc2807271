"""What ideas quote of remembered experiments."""

from __future__ import annotations

from neonblue.intelligence.recollection.description import percent
from neonblue.intelligence.recollection.insights import told_change
from neonblue.intelligence.recommendation.idea import Evidence
from neonblue.stores.documents import Document

LONGEST_CHANGE = 300


def change_told(document: Document) -> str:
    """What an experiment changed, in its own words."""
    known = document.metadata
    applied = str(known.get("optimization_applied", ""))
    return told_change(str(known.get("name", "")), applied)[:LONGEST_CHANGE] or document.document_id


def improvement_of(document: Document) -> float:
    """The relative improvement, positive for the better; 0 where it is not known."""
    return number(document.metadata.get("improvement"))


def experiment_link(document: Document) -> Evidence:
    """The experiment as evidence: how it ended and by how much."""
    outcome = document.metadata.get("outcome", "no outcome")
    return Evidence(
        kind="experiment",
        reference=document.document_id,
        detail=f"{outcome}, {percent(improvement_of(document))}",
    )


def number(value: object) -> float:
    """A number of the metadata; 0 where there is none."""
    return float(value) if isinstance(value, int | float) else 0.0
