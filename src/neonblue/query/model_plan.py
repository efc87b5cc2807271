"""A plan that a language model fills in, and what has to hold before it is believed.

The model sees names of events, properties and experiments, never outcomes or users. Its plan may
name only what there is, use only fields that its kind reads, and leave out nothing that the
question names: figures, times, events, values. Anything else is refused; nothing is repaired.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from neonblue.llm.prompts import read_prompt
from neonblue.models.written_text import fenced, raw_name, shown_name
from neonblue.query.lexicon import OF_VALUES
from neonblue.query.plan import Plan
from neonblue.query.question_words import Words
from neonblue.query.sql_functions import words as listed
from neonblue.query.time_range import find_time_range
from neonblue.query.vocabulary import SEPARATORS, Vocabulary, stem, words_of
from neonblue.stores.question_query import TOTALLED

if TYPE_CHECKING:
    from neonblue.llm.language_model import LanguageModel
    from neonblue.models import Experiment
    from neonblue.query.catalog import CatalogFacts

MAX_EVENT_TYPES = 80
MAX_PROPERTIES = 40
MAX_EXPERIMENTS = 150
MAX_TOPIC = 200
MAX_STEPS = 10
MAX_READINGS = 4
GREATEST_LIFT = 10.0
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
CONFIDENCE = 0.7
"""Of a plan that passed: what it cannot show is whether the question meant that."""
BEYOND = listed(
    """
    isn't aren't wasn't unless twice thrice repeatedly consecutive tomorrow will forecast predict
    predicted expect expected percentile percentiles variance deviation correlation correlate cause
    caused causes because delete remove drop update insert alter truncate grant minus plus divided
    multiplied cumulative rolling session sessions duration distinct-values individual individually
    email emails ids
    """
)
"""No plan says these; a model that is asked all the same may leave them out."""
USED: Mapping[str, frozenset[str]] = {
    "measure": listed(
        "measure event_type of_event experiments filters breakdown then_by values of_total each "
        "grain ranked since until compare compare_since compare_until ascending limit"
    ),
    "retention": listed("day experiments filters breakdown grain since until limit"),
    "steps": listed("event_type step experiments filters since until limit"),
    "moved": listed(
        "measure event_type experiments filters since until compare compare_since compare_until"
    ),
    "learnt": listed("topic since until limit"),
    "segments": listed("topic experiments since until ascending limit"),
    "funnel": listed("steps experiments since until"),
    "experiments": listed("experiments standing since until counted limit"),
    "outcomes": listed("standing at_least counted ascending since until limit"),
    "validity": listed("experiments"),
    "effect": listed("experiments"),
    "similar": listed("topic experiments standing metric at_least since until limit"),
    "recommend": listed("topic experiments"),
}
STANDINGS: Mapping[str, frozenset[str]] = {
    "experiments": frozenset({"", "running", "finished", "started", "ended"}),
    "outcomes": frozenset({"", "won", "lost"}),
    "similar": frozenset({"", "won", "lost"}),
}
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class ModelPlan(BaseModel):
    """What the model is asked to fill in."""

    model_config = ConfigDict(extra="forbid")

    plan: Plan | None = Field(description="null if it cannot be asked or can be meant in two ways")
    readings: list[Plan] = Field(description="up to four plans, if it can be meant in several ways")
    not_expressible: list[str] = Field(description="words of the question that no field is for")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a plan may name: events with whether they carry values, properties with theirs."""

    events: Mapping[str, bool]
    properties: Mapping[str, tuple[str, ...]]
    experiments: frozenset[str]
    vocabulary: Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOfModel:
    """``plan``, or ``readings`` to choose from, or ``fault``: why there is neither."""

    plan: Plan | None = None
    readings: tuple[Plan, ...] = ()
    fault: str = ""


def beyond_plans(question: str) -> str:
    """The first word of the question that no plan can express; empty if there is none."""
    return next((word for word in words_of(question) if word in BEYOND), "")


def names_of(
    catalog: CatalogFacts, experiments: Iterable[Experiment], vocabulary: Vocabulary
) -> Names:
    """What there is to name."""
    return Names(
        events={one.name: bool(one.with_value) for one in catalog.event_types},
        properties={one.name: one.values for one in catalog.properties},
        experiments=frozenset(one.experiment_id for one in experiments),
        vocabulary=vocabulary,
    )


def catalogue_text(
    catalog: CatalogFacts, experiments: Iterable[Experiment], hidden: Callable[[str], bool]
) -> str:
    """The names for the prompt, without those that are ``hidden`` because they name users."""
    events = [one for one in catalog.event_types if not hidden(one.name)][:MAX_EVENT_TYPES]
    properties = [one for one in catalog.properties if not hidden(one.name)][:MAX_PROPERTIES]
    plans = sorted(experiments, key=lambda one: one.experiment_id)[:MAX_EXPERIMENTS]
    listing = {
        "event_types": [
            {"name": shown_name(one.name), "has_values": bool(one.with_value)} for one in events
        ],
        "properties": {
            shown_name(one.name): [shown_name(value) for value in one.values if not hidden(value)]
            for one in properties
        },
        "experiments": [
            {"id": shown_name(one.experiment_id), "name": shown_name(one.name), "is": one.status}
            for one in plans
            if not hidden(one.experiment_id)
        ],
    }
    return f"The catalogue:\n{json.dumps(listing, ensure_ascii=False)}"


def plan_by_model(
    model: LanguageModel, question: str, catalogue: str, names: Names, now: datetime
) -> PlanOfModel:
    """Ask the model once.

    Raises ``ModelFailedError`` when it gives nothing that has the shape of a plan.
    """
    content = f"It is {now:%Y-%m-%d %H:%M} UTC, a {now:%A}.\nThe question: {fenced(question)}"
    reply = model.answer(
        ModelPlan, prompt=read_prompt("plan"), context=catalogue, content=content, strength="strong"
    )
    return believed(reply.value, question, names, now)


def believed(answer: ModelPlan, question: str, names: Names, now: datetime) -> PlanOfModel:
    """The plan, or the readings, if they can be believed."""
    if answer.not_expressible:
        return PlanOfModel(fault="the question asks for more than a plan can say")
    plans = [answer.plan] if answer.plan is not None else answer.readings[:MAX_READINGS]
    believed_plans = []
    for plan in plans:
        settled = with_times(plan, question, now)
        fault = fault_of_plan(settled, names) or left_out(settled, question, names, now)
        if fault:
            return PlanOfModel(fault=fault)
        believed_plans.append(settled)
    if not believed_plans:
        return PlanOfModel(fault="the language model found no plan for it")
    if answer.plan is not None:
        return PlanOfModel(plan=believed_plans[0])
    return PlanOfModel(readings=tuple(believed_plans))


def with_times(plan: Plan, question: str, now: datetime) -> Plan:
    """Names without fences, times in UTC; a time that rules can read is as rules read it."""
    values: dict[str, Any] = {
        "event_type": raw_name(plan.event_type),
        "of_event": raw_name(plan.of_event),
        "steps": tuple(raw_name(one) for one in plan.steps),
        "experiments": tuple(raw_name(one) for one in plan.experiments),
        "breakdown": raw_name(plan.breakdown),
        "then_by": raw_name(plan.then_by),
        "filters": tuple(
            one.model_copy(
                update={
                    "name": raw_name(one.name),
                    "value": raw_name(one.value),
                    "or_values": tuple(raw_name(value) for value in one.or_values),
                }
            )
            for one in plan.filters
        ),
        "since": _utc(plan.since),
        "until": _utc(plan.until),
    }
    found, _ = find_time_range(" ".join(question.casefold().split()).rstrip("?!. "), now)
    if found is not None:
        values |= {"since": found.since, "until": found.until}
    return plan.model_copy(update=values)


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def fault_of_plan(plan: Plan, names: Names) -> str:
    """Why a plan cannot be run as it stands; empty if it can."""
    unused = _fields_without_use(plan)
    if unused:
        return f"a plan of kind {plan.kind!r} has no {unused[0]!r}"
    return _unknown(plan, names) or _times(plan) or _incomplete(plan, names)


def _fields_without_use(plan: Plan) -> list[str]:
    used = USED.get(plan.kind, frozenset()) | {"kind"}
    if plan.kind not in USED:
        return ["place yet"]
    return [
        name
        for name, field in type(plan).model_fields.items()
        if name not in used and getattr(plan, name) != field.default
    ]


def _unknown(plan: Plan, names: Names) -> str:
    for name in (plan.event_type, plan.of_event, *plan.steps):
        if name and name not in names.events:
            return _there_is_no("event", name)
    for name in plan.experiments:
        if name not in names.experiments:
            return _there_is_no("experiment", name)
    for one in plan.filters:
        if one.name not in names.properties:
            return _there_is_no("property", one.name)
        for value in (one.value, *one.or_values):
            if value not in names.properties[one.name]:
                return _there_is_no(f"value of {one.name!r}", value)
    if plan.breakdown not in ("", "experiment", "event_type", *names.properties):
        return _there_is_no("property", plan.breakdown)
    if plan.then_by not in ("", *names.properties):
        return _there_is_no("property", plan.then_by)
    return ""


def _there_is_no(what: str, name: str) -> str:
    return f"the language model named an unknown {what} ({shown_name(name[:40])})"


def _times(plan: Plan) -> str:
    fields = (plan.since, plan.until, plan.compare_since, plan.compare_until)
    times = [moment for moment in fields if moment is not None]
    if any(not EARLIEST <= moment <= LATEST for moment in times):
        return "its times are out of reach"
    if plan.since is not None and plan.until is not None and plan.since >= plan.until:
        return "its time ends before it begins"
    return "it compares with the time before no time" if plan.compare and not plan.since else ""


def _incomplete(plan: Plan, names: Names) -> str:
    if plan.standing not in STANDINGS.get(plan.kind, frozenset({""})):
        return f"a plan of kind {plan.kind!r} has no standing {plan.standing!r}"
    if plan.at_least is not None and not (
        math.isfinite(plan.at_least) and 0 <= plan.at_least <= GREATEST_LIFT
    ):
        return "its lift is none"
    if len(plan.topic) > MAX_TOPIC:
        return "its topic is too long"
    checks: Mapping[str, Callable[[Plan, Names], str]] = {
        "measure": _measure,
        "funnel": _funnel,
        "moved": _moved,
        "steps": lambda one, _: "" if one.event_type else "it needs an event",
        "effect": lambda one, _: "" if len(one.experiments) == 1 else "it needs one experiment",
        "similar": lambda one, _: "" if len(one.experiments) <= 1 else "it is like several",
        "recommend": lambda one, _: "" if len(one.experiments) <= 1 else "it is about several",
    }
    check = checks.get(plan.kind)
    return check(plan, names) if check is not None else ""


def _measure(plan: Plan, names: Names) -> str:
    of_values = plan.measure in OF_VALUES or plan.values
    if of_values and not names.events.get(plan.event_type):
        return f"{plan.measure!r} needs an event that carries values"
    if plan.measure == "rate" and not plan.event_type:
        return "a rate needs an event"
    if plan.measure in ("per_event", "without") and not (plan.event_type and plan.of_event):
        return f"{plan.measure!r} needs two events"
    if len({one.name for one in plan.filters}) < len(plan.filters):
        return "it narrows one property twice"
    if plan.then_by and plan.then_by == plan.breakdown:
        return "it breaks down twice by the same"
    return _parts(plan)


def _parts(plan: Plan) -> str:
    """What is wrong with a share of the whole, a mean a day or a ranking of periods."""
    if (plan.of_total or plan.each) and plan.measure not in TOTALLED:
        return "a share of the whole, or a mean a day, is known of counts, users and sums"
    if plan.of_total and (plan.then_by or plan.grain or plan.each):
        return "a share of the whole has one division"
    if plan.of_total and not plan.breakdown and len(plan.filters) != 1:
        return "a share of the whole needs a breakdown or one filter"
    if plan.each and (plan.grain or plan.since is None):
        return "a mean a day needs a time and no grain"
    return "only periods are ranked by themselves" if plan.ranked and not plan.grain else ""


def _moved(plan: Plan, names: Names) -> str:
    if not plan.event_type or plan.since is None:
        return "what moved needs an event and a time"
    if plan.measure not in ("count", "users", "sum"):
        return "what moved is known of counts, users and sums"
    return _measure(plan, names)


def _funnel(plan: Plan, _: Names) -> str:
    if not 2 <= len(plan.steps) <= MAX_STEPS:
        return f"a funnel has 2 to {MAX_STEPS} steps"
    return "it is of several experiments" if len(plan.experiments) > 1 else ""


def left_out(plan: Plan, question: str, names: Names, now: datetime) -> str:
    """What the question names and the plan does not use; empty if there is nothing."""
    _, rest = find_time_range(" ".join(question.casefold().split()).rstrip("?!. "), now)
    numbers = {one.replace(",", "") for one in NUMBER.findall(rest)}
    if unused := numbers - _numbers(plan):
        return f"the plan leaves out {sorted(unused)[0]!r}"
    return _names_left_out(plan, rest, names)


def _numbers(plan: Plan) -> set[str]:
    found = {str(plan.limit), str(plan.day), *(f"{one.value:g}" for one in plan.values)}
    if plan.at_least is not None:
        found |= {f"{plan.at_least * 100:g}", f"{plan.at_least:g}"}
    for moment in (plan.since, plan.until, plan.compare_since, plan.compare_until):
        if moment is not None:
            found |= {str(moment.year), str(moment.month), str(moment.day), str(moment.hour)}
    for name in (plan.event_type, *plan.steps, *plan.experiments, plan.topic):
        found |= set(NUMBER.findall(name))
    for one in plan.filters:
        found |= set(NUMBER.findall(" ".join((one.value, *one.or_values))))
    return found


def _names_left_out(plan: Plan, question: str, names: Names) -> str:
    """By their own names, in any form; by other words the model may read them as it does."""
    vocabulary = names.vocabulary
    phrases = {phrase for _, _, phrase in Words(words_of(question)).phrases()}
    named = {name.casefold(): name for name in vocabulary.experiments}
    for phrase in phrases & named.keys():
        if named[phrase] not in plan.experiments:
            return f"the plan leaves out the experiment {named[phrase]!r}"
    if plan.kind not in ("measure", "funnel"):
        return ""
    used = {plan.event_type, plan.of_event, *plan.steps}
    said = phrases | {stem(phrase) for phrase in phrases}
    for name in names.events.keys() - used:
        spaced = SEPARATORS.sub(" ", name.casefold())
        if said & {name.casefold(), spaced, stem(spaced)}:
            return f"the plan leaves out {shown_name(name)}"
    filtered = {(one.name, value) for one in plan.filters for value in (one.value, *one.or_values)}
    for phrase in phrases & vocabulary.values.keys():
        if vocabulary.values[phrase] not in filtered:
            return f"the plan leaves out {shown_name(vocabulary.values[phrase][1])}"
    return ""
