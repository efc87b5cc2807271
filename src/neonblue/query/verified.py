"""Verified queries: a question with a plan that somebody checked is answered by that plan again.

A question is the same if its words are, but for case, grammar's endings and words that only ask
("show me", "how many … were there"). Times in words are read anew whenever it is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from neonblue.behavior.user_words import users_named
from neonblue.errors import ConflictError, InvalidInputError, NeonBlueError, NotFoundError
from neonblue.query.model_plan import fault_of_plan, names_of
from neonblue.query.parser import coded, read_times
from neonblue.query.plan import Plan
from neonblue.query.reading import Reading
from neonblue.query.sql_functions import words as listed
from neonblue.query.vocabulary import stem, vocabulary_of, words_of
from neonblue.stores.verified_questions import VerifiedRow

if TYPE_CHECKING:
    from neonblue.query.answering import Answered, Answerer
    from neonblue.query.metric_layer import LayerMetric
    from neonblue.stores import Store

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}\Z")
ASKING = listed(
    "a an the please can could would you me us show tell give list display get find what is are was"
    " were there do does did have has been our we i want need know see in on during of for"
)
TIMES = ("since", "until", "compare_since", "compare_until")
KEPT_ROWS = 50
LOOKS = frozenset({"effect", "validity", "segments"})
"""Kinds whose answer records a look, which a check must not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """``outcome`` is ``same``, ``changed``, ``broken`` or ``not_run``; ``detail`` says how."""

    name: str
    question: str
    outcome: str
    detail: str


def question_key(question: str, codes: Sequence[str]) -> str:
    """What makes a question the one it is: its words in their order, without what only asks."""
    said = words_of(" ".join(coded(question, codes).casefold().split()))
    return " ".join(stem(word).removesuffix("e") for word in said if word not in ASKING)


def plan_of(row: VerifiedRow, now: datetime) -> Plan:
    """The stored plan with the times that the question's words mean now."""
    content = json.loads(row.plan)
    relative = content.pop("times_in_words")
    plan = Plan.model_validate(content)
    if not relative:
        return plan
    return plan.model_copy(update=_times(row.question, now))


def verified_reading(
    question: str, rows: Sequence[VerifiedRow], codes: Sequence[str], now: datetime
) -> Reading | None:
    """The verified plan of this question; None where it is none of them."""
    key = question_key(question, codes)
    found = next((row for row in reversed(rows) if key and row.question_key == key), None)
    if found is None:
        return None
    said = f"it is the verified question {found.name!r}"
    return Reading(plan=plan_of(found, now), confidence=1.0, assumed=(said,))


def plan_given(content: Mapping[str, Any]) -> Plan:
    """A plan from outside; ``InvalidInputError`` says which field is wrong."""
    try:
        return Plan.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInputError(
            f"plan.{where} is wrong: {first['msg']}. Take the plan of an answer, or one of its "
            "readings, and change that"
        ) from error


def check_plan(answerer: Answerer, plan: Plan, catalogue: Sequence[LayerMetric]) -> None:
    """``InvalidInputError`` for a plan that names what is not there, or cannot be run."""
    if fault := _fault(answerer, plan, catalogue):
        raise InvalidInputError(f"the plan is not run: {fault}; list_catalog shows what there is")


def remember(
    store: Store, answerer: Answerer, name: str, question: str, answered: Answered, now: datetime
) -> None:
    """Store a question with the plan that answered it; the same name again corrects it.

    Raises:
        InvalidInputError: the name is none, or the question or its answer names a user.
        ConflictError: the question was not answered, so nothing was checked.
    """
    if not NAME.fullmatch(name):
        raise InvalidInputError(
            f"save_as {name!r} is no name: use a-z, 0-9, - and _, at most 60, as in weekly_orders"
        )
    if answered.status != "ok" or answered.plan is None:
        raise ConflictError(
            f"nothing is saved as {name!r}: the question has no answer ({answered.status}). "
            "Give the plan to be saved"
        )
    times = _times(question, now)
    own = {field: getattr(answered.plan, field) for field in TIMES}
    relative = times == own and any(value is not None for value in own.values())
    plan = answered.plan.model_dump(mode="json", exclude_defaults=True)
    row = VerifiedRow(
        name=name,
        question=question,
        question_key=question_key(question, answerer.codes()),
        plan=json.dumps({**plan, "times_in_words": relative}),
        answered=_told(answered),
    )
    if users_named(store, question, *strings_in(json.loads(row.plan)), *strings_in(answered.rows)):
        raise InvalidInputError(
            f"nothing is saved as {name!r}: the question or its answer names a user, who could "
            "not be forgotten then"
        )
    store.verified_questions.add(row)
    answerer.forget_known()


def forget(store: Store, answerer: Answerer, name: str) -> None:
    """Take a name out; ``NotFoundError`` when no question has it."""
    names = [row.name for row in store.verified_questions.all()]
    if name not in names:
        raise NotFoundError(
            f"no verified question is called {name!r}: there are {', '.join(names) or 'none'}"
        )
    store.verified_questions.forget(name)
    answerer.forget_known()


def check(
    store: Store, answerer: Answerer, catalogue: Sequence[LayerMetric], now: datetime
) -> tuple[Checked, ...]:
    """Run every verified question and say what changed; those that would be looks are not run."""
    return tuple(_checked(answerer, row, catalogue, now) for row in store.verified_questions.all())


def _checked(
    answerer: Answerer, row: VerifiedRow, catalogue: Sequence[LayerMetric], now: datetime
) -> Checked:
    outcome, detail = _compared(answerer, row, catalogue, now)
    return Checked(name=row.name, question=row.question, outcome=outcome, detail=detail)


def _compared(
    answerer: Answerer, row: VerifiedRow, catalogue: Sequence[LayerMetric], now: datetime
) -> tuple[str, str]:
    try:
        plan = plan_of(row, now)
    except ValueError as error:
        return "broken", f"its plan cannot be read any more: {str(error).splitlines()[0]}"
    if plan.kind in LOOKS:
        return "not_run", f"the answer of a plan of kind {plan.kind!r} is a look"
    if fault := _fault(answerer, plan, catalogue):
        return "broken", fault
    try:
        answered = answerer.run(plan, Reading(plan=plan, confidence=1.0), (), now=now)
    except NeonBlueError as error:
        return "broken", str(error)
    before = json.loads(row.answered)
    if answered.status != before["status"]:
        return "broken", answered.sentence
    if _told(answered) == row.answered:
        return "same", answered.sentence
    return "changed", f"was: {before['sentence']}; is: {answered.sentence}"


def _fault(answerer: Answerer, plan: Plan, catalogue: Sequence[LayerMetric]) -> str:
    catalog, experiments = answerer.named(catalogue)
    names = names_of(catalog, experiments, vocabulary_of(catalog, experiments))
    return fault_of_plan(plan, names)


def _times(question: str, now: datetime) -> dict[str, Any]:
    found = read_times(question, now)
    return {field: found.get(field) for field in TIMES}


def _told(answered: Answered) -> str:
    rows = [dict(row) for row in answered.rows[:KEPT_ROWS]]
    told = {"status": answered.status, "sentence": answered.sentence, "rows": rows}
    return json.dumps(told, default=str, sort_keys=True)


def strings_in(value: Any) -> list[str]:
    """Every text in a JSON value, but for keys."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in strings_in(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in strings_in(each)]
    return []
