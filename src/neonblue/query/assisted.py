"""Questions with a language model: rules first; the model reads, or phrases, in one round trip.

A question that rules read is run at once and its rows may be phrased by the model; one that they
do not read goes to the model for a plan, and its rows are phrased by rule. Either way the model is
asked once, runs nothing and decides nothing, and whatever it does not do, rules do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from neonblue.behavior.user_words import users_named
from neonblue.llm.narration import RULES, Narration, narrate
from neonblue.llm.provider import ModelFailedError
from neonblue.query.model_plan import (
    CONFIDENCE,
    PlanOfModel,
    beyond_plans,
    catalogue_text,
    names_of,
    plan_by_model,
)
from neonblue.query.reading import Reading
from neonblue.query.verified import check_plan, plan_given, strings_in
from neonblue.query.vocabulary import vocabulary_of

if TYPE_CHECKING:
    from neonblue.llm.language_model import LanguageModel
    from neonblue.query.answering import Answered, Answerer
    from neonblue.query.catalog import CatalogFacts
    from neonblue.query.metric_layer import LayerMetric
    from neonblue.stores import Store

MAX_ROWS = 20
PLAN_ID = "plan"
VERDICTS = frozenset({"effect", "validity"})
"""What decides, or withholds, is said by rules: nothing waits for a model there."""
TASK = (
    "Say what these results show. The evidence `plan` is what was asked for and what rules say of "
    "it; the others are rows of the result."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assisted:
    """An answer, who planned it (``rules`` or ``provider:model``), and its text."""

    answered: Answered
    planned_by: str
    told: Narration


def answer_question(
    answerer: Answerer,
    model: LanguageModel | None,
    store: Store,
    question: str,
    catalogue: Sequence[LayerMetric],
    *,
    now: datetime,
    context: str = "",
) -> Assisted:
    """The answer of rules, with the model's help where there is one and it is any."""
    answered = answerer.answer(question, catalogue, now=now, context=context)
    by_rule = Narration(text=answered.sentence, narrated_by=RULES)
    if model is None:
        return Assisted(answered=answered, planned_by=RULES, told=by_rule)
    if answered.status == "ok":
        return Assisted(answered=answered, planned_by=RULES, told=_told(model, store, answered))
    if answered.status != "unsupported":
        return Assisted(answered=answered, planned_by=RULES, told=by_rule)
    asked = f"{question} {context}".strip()
    return _planned(answerer, model, store, asked, catalogue, answered, now)


def answer_plan(
    answerer: Answerer,
    content: Mapping[str, Any],
    catalogue: Sequence[LayerMetric],
    *,
    now: datetime,
) -> Assisted:
    """The answer to a plan from outside; ``InvalidInputError`` for one that cannot be run."""
    plan = plan_given(content)
    check_plan(answerer, plan, catalogue)
    reading = Reading(plan=plan, confidence=1.0, assumed=("the plan was given",))
    answered = answerer.run(plan, reading, (), now=now)
    told = Narration(text=answered.sentence, narrated_by=RULES)
    return Assisted(answered=answered, planned_by="given", told=told)


def _planned(
    answerer: Answerer,
    model: LanguageModel,
    store: Store,
    question: str,
    catalogue: Sequence[LayerMetric],
    unread: Answered,
    now: datetime,
) -> Assisted:
    note = _not_for_a_model(store, question)
    found = PlanOfModel(fault=note)
    reading, catalog = answerer.read(question, catalogue, now)
    if not note:
        try:
            found = _ask(model, store, question, catalog, now)
        except ModelFailedError as error:
            found = PlanOfModel(fault=str(error))
    if found.fault:
        told = Narration(text=unread.sentence, narrated_by=RULES, note=found.fault)
        return Assisted(answered=unread, planned_by=RULES, told=told)
    name = model.name("strong")
    if found.plan is None:
        sentence = "the question can be read in several ways: say which of the readings is meant"
        answered = replace(unread, status="ambiguous", sentence=sentence, readings=found.readings)
    else:
        assumed = (f"{name} read the question as this plan: see whether it is what you meant",)
        sure = replace(
            reading, plan=found.plan, confidence=CONFIDENCE, unknown=(), others=(), assumed=assumed
        )
        answered = answerer.run(found.plan, sure, unread.related, now=now)
    told = Narration(text=answered.sentence, narrated_by=RULES)
    return Assisted(answered=answered, planned_by=name, told=told)


def _not_for_a_model(store: Store, question: str) -> str:
    """Why the question is not sent to a model; empty if it may be."""
    word = beyond_plans(question)
    if word:
        return f"no language model was asked: no plan can say {word!r}"
    if not question.strip():
        return "no language model was asked: there is no question"
    if users_named(store, question):
        return "no language model was asked: the question names a user"
    return ""


def _ask(
    model: LanguageModel, store: Store, question: str, catalog: CatalogFacts, now: datetime
) -> PlanOfModel:
    experiments = list(store.experiments.defined().values())
    vocabulary = vocabulary_of(catalog, experiments)
    texts = [one.name for one in catalog.event_types]
    for one in catalog.properties:
        texts += [one.name, *one.values]
    texts += [one.experiment_id for one in experiments]
    users = users_named(store, *texts)

    def hidden(text: str) -> bool:
        return any(user in text for user in users)

    listed = catalogue_text(catalog, experiments, hidden)
    names = names_of(catalog, experiments, vocabulary)
    return plan_by_model(model, question, listed, names, now)


def _told(model: LanguageModel, store: Store, answered: Answered) -> Narration:
    """The rows phrased by the model; by rule where there are none, many, or they name users."""
    by_rule = Narration(text=answered.sentence, narrated_by=RULES)
    if answered.plan is None or answered.plan.kind in VERDICTS:
        return by_rule
    if not answered.rows or len(answered.rows) > MAX_ROWS:
        return by_rule
    evidence = _evidence(answered)
    if users_named(store, *strings_in(evidence)):
        return replace(by_rule, note="no language model was asked: the results name users")
    return narrate(
        model,
        task=TASK,
        evidence=evidence,
        by_rule=lambda: answered.sentence,
        known_names=store.experiments.defined().keys(),
        shared=(PLAN_ID,),
    )


def _evidence(answered: Answered) -> dict[str, Mapping[str, Any]]:
    assert answered.plan is not None
    plan = answered.plan.model_dump(mode="json", exclude_defaults=True, exclude={"topic", "limit"})
    evidence: dict[str, Mapping[str, Any]] = {PLAN_ID: {**plan, "said": answered.sentence}}
    for number, row in enumerate(answered.rows, 1):
        evidence[f"r{number}"] = {name: _plain(value) for name, value in row.items()}
    return evidence


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)
