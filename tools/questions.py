"""natural_language_query."""

from datetime import UTC, datetime
from typing import Annotated

from fastmcp.dependencies import Shared
from pydantic import Field

from neonblue.tools.effect import records
from neonblue.tools.results.questions import QuestionAnswer, question_answer
from neonblue.workspace import Workspace, open_workspace


@records(title="Answer a question in words", open_world=True)
def natural_language_query(
    question: Annotated[str, Field(min_length=1, max_length=1000)],
    context: str | None = None,
    workspace: Workspace = Shared(open_workspace),
) -> QuestionAnswer:
    """Answer a question about events, users and experiments in plain words.

    Counts, users, rates, sums, averages, by a property or over time, against the period before;
    funnels; experiments by status; which are broken; past outcomes; similar experiments; advice.
    What is not understood is not guessed: status is unsupported, with questions that work, or
    ambiguous, with the readings. Questions about results of a running experiment are recorded
    looks. Times are UTC; rates are shares of exposed users.

    Args:
        question: e.g. purchases by country in the last 7 days.
        context: The question before, for one that continues it.
    """
    from neonblue.query.assisted import answer_question

    asked = f"{question} {context}" if context and len(question.split()) <= 3 else question
    workspace.learner.catch_up()
    assisted = answer_question(
        workspace.answerer,
        workspace.language_model,
        workspace.store,
        asked,
        workspace.metric_catalogue,
        now=datetime.now(UTC),
    )
    return question_answer(assisted)


TOOLS = (natural_language_query,)
