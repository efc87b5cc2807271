"""Shapes hits in the memory for the wire."""

from neonblue.intelligence.recollection.discovery import Discoveries, Discovery
from neonblue.llm.narration import RULES, Narration
from neonblue.models import Experiment
from neonblue.models.written_text import fenced
from neonblue.stores.documents import MetadataValue
from neonblue.tools.results.memory import MemoryHit, MemorySearch

EXCERPT = 600
# What is shown unless everything is asked for; the texts were typed by people.
CONCISE = frozenset(
    {
        *("type", "industry", "outcome", "decision", "metric", "improvement", "sample_size"),
        *("revenue_impact", "optimization_type", "tests", "successes", "failures"),
        *("user_segment", "conversion_outcome", "journey_length", "value"),
    }
)
WIRE_NAMES = {"improvement": "relative_lift", "sample_size": "units"}
"""What the memory's fields are called in answers."""
OURS = frozenset({"outcome", "decision", "status", "implementation_effort"})


STILL_LEARNING = (
    "finished experiments are still being read into the memory, so some may be missing: ask again "
    "in a minute"
)


def memory_search(
    found: Discoveries, told: Narration, *, full: bool, behind: bool = False
) -> MemorySearch:
    """Shape a page of discoveries; ``behind`` when the memory is not complete yet."""
    learning = STILL_LEARNING if behind else ""
    notes = [part for part in (learning, found.note, told.note) if part]
    return MemorySearch(
        status="available" if found.found else "insufficient_data",
        summary=told.text if told.narrated_by == RULES else fenced(told.text),
        narrated_by=told.narrated_by,
        hits=[_hit(item, full) for item in found.found],
        next_cursor=found.next_cursor,
        answered_by=found.answered_by,
        detail="; ".join(notes),
    )


def _hit(item: Discovery, full: bool) -> MemoryHit:
    hit, document = item.hit, item.hit.document
    return MemoryHit(
        document_id=document.document_id,
        similarity=hit.similarity,
        keyword_score=hit.keyword_score,
        detail=hit.reason,
        facts={
            WIRE_NAMES.get(field, field): _fact(field, value)
            for field, value in document.metadata.items()
            if full or field in CONCISE
        }
        | _ended(item.experiment),
        current_status=item.experiment.status if item.experiment is not None else None,
        text=document.text if full else document.text[:EXCERPT],
    )


def _ended(plan: Experiment | None) -> dict[str, str]:
    """The day on which an experiment ended, where it has times."""
    if plan is None or plan.ended_at is None:
        return {}
    return {"ended_at": plan.ended_at.date().isoformat()}


def _fact(field: str, value: MetadataValue) -> float | str | list[str]:
    if isinstance(value, tuple):
        return [fenced(item) for item in value]
    if isinstance(value, str):
        return value if field in OURS else fenced(value)
    return value
