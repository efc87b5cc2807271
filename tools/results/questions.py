"""The answer of natural_language_query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neonblue.tools.results.analytics_sql import plain
from neonblue.tools.results.figure import Answer

if TYPE_CHECKING:
    from neonblue.query.answering import Answered


class QuestionAnswer(Answer):
    """``status``: ok, withheld, ambiguous (see readings) or unsupported (related_insights)."""

    status: str
    ai_interpretation: str
    narrated_by: str
    confidence_score: float
    recommendations: list[str]
    related_insights: list[str]
    assumed: list[str]
    plan: dict[str, Any] | None
    readings: list[dict[str, Any]]
    sql: str
    results: list[dict[str, Any]]


def question_answer(answered: Answered) -> QuestionAnswer:
    """What was found, as an answer."""
    return QuestionAnswer(
        status=answered.status,
        ai_interpretation=answered.sentence,
        narrated_by="rules",
        confidence_score=answered.confidence,
        recommendations=list(answered.recommendations),
        related_insights=list(answered.related),
        assumed=list(answered.assumed),
        plan=None if answered.plan is None else _shown(answered.plan),
        readings=[_shown(plan) for plan in answered.readings],
        sql=answered.sql,
        results=[{name: plain(value) for name, value in row.items()} for row in answered.rows],
    )


def _shown(plan: Any) -> dict[str, Any]:
    shown: dict[str, Any] = plan.model_dump(mode="json", exclude_defaults=True)
    return shown
