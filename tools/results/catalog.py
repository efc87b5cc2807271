"""The answer of list_catalog."""

from __future__ import annotations

from datetime import datetime

from neonblue.query.catalog import CatalogFacts
from neonblue.query.metric_layer import LayerMetric
from neonblue.stores.catalog import EventTypeFacts, PropertyFacts
from neonblue.tools.results.figure import Answer, Fenced, Figure

MAX_ROWS = 60


class MetricRow(Answer):
    """A metric and how many experiments use it; ``source`` is experiments or catalogue."""

    name: Fenced
    kind: str
    event_type: Fenced
    direction: str
    description: Fenced
    synonyms: list[Fenced]
    experiments: int
    source: str


class EventTypeRow(Answer):
    """An event type: how often, from how many users, since and until when (UTC)."""

    name: Fenced
    events: int
    users: int
    first_at: datetime | None
    last_at: datetime | None
    mean_value: Figure | None


class PropertyRow(Answer):
    """A property of events with its commonest values."""

    name: Fenced
    events: int
    distinct_values: int
    values: list[Fenced]
    event_types: list[Fenced]


class CatalogAnswer(Answer):
    """What there is to ask about; ``left_out`` counts entries beyond the first 60 of each."""

    detail: str
    left_out: int
    metrics: list[MetricRow]
    event_types: list[EventTypeRow]
    properties: list[PropertyRow]


def catalog_answer(facts: CatalogFacts, text: str | None) -> CatalogAnswer:
    """The entries that contain the text, at most 60 of each kind."""
    wanted = (text or "").casefold()
    metrics = [one for one in facts.metrics if wanted in _of_metric(one)]
    types = [one for one in facts.event_types if wanted in one.name.casefold()]
    properties = [one for one in facts.properties if wanted in _of_property(one)]
    left = sum(max(0, len(one) - MAX_ROWS) for one in (metrics, types, properties))
    return CatalogAnswer(
        detail=_hint(bool(metrics or types or properties), text),
        left_out=left,
        metrics=[_metric(one) for one in metrics[:MAX_ROWS]],
        event_types=[_event_type(one) for one in types[:MAX_ROWS]],
        properties=[_property(one) for one in properties[:MAX_ROWS]],
    )


def _hint(found: bool, text: str | None) -> str:
    if found:
        return "analyze_funnel takes event types, and breakdown takes a property"
    if text:
        return f"nothing contains {text!r}: call list_catalog without text to see all"
    return "there are no events yet: load data with `neonblue load` or `neonblue ingest`"


def _of_metric(metric: LayerMetric) -> str:
    parts = (metric.name, metric.definition.description, *metric.synonyms)
    return "\n".join((*parts, metric.definition.event_type)).casefold()


def _of_property(one: PropertyFacts) -> str:
    return "\n".join((one.name, *one.values)).casefold()


def _metric(metric: LayerMetric) -> MetricRow:
    definition = metric.definition
    return MetricRow(
        name=definition.name,
        kind=definition.kind,
        event_type=definition.event_type,
        direction=definition.direction,
        description=definition.description,
        synonyms=list(metric.synonyms),
        experiments=len(metric.experiments),
        source="catalogue" if metric.from_catalogue else "experiments",
    )


def _event_type(one: EventTypeFacts) -> EventTypeRow:
    return EventTypeRow(
        name=one.name,
        events=one.events,
        users=one.users,
        first_at=one.first_at,
        last_at=one.last_at,
        mean_value=one.mean_value,
    )


def _property(one: PropertyFacts) -> PropertyRow:
    return PropertyRow(
        name=one.name,
        events=one.events,
        distinct_values=one.distinct_values,
        values=list(one.values),
        event_types=list(one.event_types),
    )
