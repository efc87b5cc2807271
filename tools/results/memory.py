"""The answer of ``semantic_experiment_search``."""

from typing import Literal

from pydantic import Field

from neonblue.tools.results.figure import Answer, Fenced, Figure


class MemoryHit(Answer):
    """One remembered document and why it was found."""

    document_id: str
    similarity: Figure = Field(description="cosine of query and document, at most 1")
    keyword_score: Figure = Field(description="BM25, 0 to 1")
    detail: str
    facts: dict[str, Figure | str | list[str]]
    current_status: str | None = Field(description="of an experiment in ClickHouse now")
    text: Fenced = Field(description="written from facts and from what people typed")


class MemorySearch(Answer):
    """What the memory knows about a question."""

    status: Literal["available", "insufficient_data"]
    summary: str
    narrated_by: str
    hits: list[MemoryHit]
    next_cursor: str | None
    answered_by: str = Field(description="index, or clickhouse while the index is rebuilt")
    detail: str
