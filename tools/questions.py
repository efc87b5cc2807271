"""natural_language_query."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastmcp.dependencies import Shared
from pydantic import Field

from neonblue.tools.effect import records
from neonblue.tools.results.questions import QuestionAnswer, question_answer
from neonblue.workspace import Workspace, open_workspace


@records(title="Answer a question in words", open_world=True)
def natural_language_query(
    question: Annotated[str, Field(min_length=1, max_length=1000)],
    context: str | None = None,
    plan: dict[str, Any] | None = None,
    save_as: str | None = None,
    workspace: Workspace = Shared(open_workspace),
) -> QuestionAnswer:
    """Answer a question about events, users and experiments in plain words.

    Counts, users, rates, sums, averages, by property or time; two periods; funnels, retention,
    next steps; what moved, and where; experiments by status or result, lessons, advice.
    Nothing is guessed: unsupported comes with questions that work, ambiguous with readings.
    Results of a running experiment are recorded looks. UTC; rates are of exposed users.

    Args:
        question: e.g. purchases by country in the last 7 days.
        context: The question before, for one that continues it.
        plan: One of readings, or a corrected plan, to run instead.
        save_as: Keep the plan for this question as e.g. weekly_orders.
    """
    from neonblue.query.assisted import answer_plan, answer_question
    from neonblue.query.verified import remember

    before = context or ""
    workspace.learner.catch_up()
    store, answerer, now = workspace.store, workspace.answerer, datetime.now(UTC)
    catalogue = workspace.metric_catalogue
    if plan is None:
        model = workspace.language_model
        assisted = answer_question(
            answerer, model, store, question, catalogue, now=now, context=before
        )
    else:
        assisted = answer_plan(answerer, plan, catalogue, now=now)
    if save_as is not None:
        asked = f"{before} {question}".strip()
        remember(store, answerer, save_as, asked, assisted.answered, now)
    return question_answer(assisted)


TOOLS = (natural_language_query,)
