"""The answer of natural_language_query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neonblue.llm.narration import RULES
from neonblue.models.written_text import fenced
from neonblue.tools.results.analytics_sql import plain
from neonblue.tools.results.figure import Answer

if TYPE_CHECKING:
    from neonblue.query.assisted import Assisted


class QuestionAnswer(Answer):
    """``status``: ok, withheld, ambiguous (see readings) or unsupported (related_insights).

    ``planned_by`` and ``narrated_by`` are rules or provider:model; ``cited`` is what a model's text
    rests on: plan, or r1 for the first of results.
    """

    status: str
    ai_interpretation: str
    narrated_by: str
    planned_by: str
    confidence_score: float
    recommendations: list[str]
    related_insights: list[str]
    assumed: list[str]
    plan: dict[str, Any] | None
    readings: list[dict[str, Any]]
    sql: str
    results: list[dict[str, Any]]
    cited: list[str]
    detail: str


def question_answer(assisted: Assisted) -> QuestionAnswer:
    """What was found, as an answer."""
    answered, told = assisted.answered, assisted.told
    return QuestionAnswer(
        status=answered.status,
        ai_interpretation=told.text if told.narrated_by == RULES else fenced(told.text),
        narrated_by=told.narrated_by,
        planned_by=assisted.planned_by,
        confidence_score=answered.confidence,
        recommendations=list(answered.recommendations),
        related_insights=list(answered.related),
        assumed=list(answered.assumed),
        plan=None if answered.plan is None else _shown(answered.plan),
        readings=[_shown(plan) for plan in answered.readings],
        sql=answered.sql,
        results=[{name: plain(value) for name, value in row.items()} for row in answered.rows],
        cited=list(told.evidence),
        detail=told.note,
    )


def _shown(plan: Any) -> dict[str, Any]:
    shown: dict[str, Any] = plan.model_dump(mode="json", exclude_defaults=True)
    return shown
