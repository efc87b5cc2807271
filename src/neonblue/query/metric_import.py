"""Metrics of other tools, as far as they map; the rest is refused by name with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from neonblue.errors import InvalidInputError
from neonblue.models import MetricDefinition
from neonblue.query.metric_layer import LayerMetric

Found = LayerMetric | str
Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What maps, and what does not: name and why."""

    metrics: tuple[LayerMetric, ...]
    refused: tuple[tuple[str, str], ...]


def import_metrics(text: str, form: str) -> Imported:
    """Read definitions of ``eppo`` (YAML), ``growthbook`` (JSON) or ``dbt`` (YAML)."""
    content = _parsed(text, form)
    metrics, refused = [], []
    for name, read in FORMS[form](content):
        try:
            metrics.append(LayerMetric(definition=read(), from_catalogue=True))
        except (_NotMappedError, KeyError, TypeError) as error:
            why = str(error) if isinstance(error, _NotMappedError) else f"it has no {error}"
            refused.append((name, why))
    return Imported(metrics=tuple(metrics), refused=tuple(refused))


class _NotMappedError(Exception):
    """Why one metric has no counterpart."""


def _parsed(text: str, form: str) -> Any:
    if form not in FORMS:
        raise InvalidInputError(f"{form!r} is not known: use {', '.join(FORMS)}")
    try:
        if form == "growthbook":
            return json.loads(text)
        import yaml

        return yaml.safe_load(text)
    except ValueError as error:
        raise InvalidInputError(f"the file cannot be read ({error}): is it {form}?") from error
    except Exception as error:
        raise InvalidInputError(f"the file is no YAML ({error}): is it {form}?") from error


Read = Callable[[], MetricDefinition]


def _eppo(content: Any) -> Iterator[tuple[str, Read]]:
    """Fact sources with facts, metrics with numerator, denominator or percentile."""
    if not isinstance(content, Mapping):
        raise InvalidInputError("an Eppo file is a mapping with fact_sources and metrics")
    facts = {
        fact["name"]: source["name"]
        for source in content.get("fact_sources", [])
        for fact in source.get("facts", [])
    }
    for metric in content.get("metrics", []):
        yield str(metric.get("name")), partial(_eppo_metric, metric, facts)


EPPO_OPERATIONS = {
    "sum": ("mean", "sum"),
    "count": ("mean", "count"),
    "conversion": ("proportion", "any"),
    "distinct_entity": ("proportion", "any"),
}


def _eppo_metric(metric: Table, facts: Mapping[str, str]) -> MetricDefinition:
    if metric.get("percentile"):
        raise _NotMappedError("percentile metrics have no counterpart in the layer")
    numerator, denominator = metric["numerator"], metric.get("denominator")
    kind, aggregation = _operation(numerator)
    _no_filters(numerator)
    values: dict[str, Any] = {}
    if denominator:
        _no_filters(denominator)
        _, below = _operation(denominator)
        kind = "ratio"
        values = {
            "denominator_event_type": _fact(denominator, facts),
            "denominator_aggregation": below,
        }
    return MetricDefinition(
        name=metric["name"],
        kind=kind,
        event_type=_fact(numerator, facts),
        aggregation=aggregation,
        description=metric.get("description", ""),
        **values,
    )


def _operation(part: Table) -> tuple[Any, Any]:
    operation = part.get("operation")
    if operation not in EPPO_OPERATIONS:
        raise _NotMappedError(f"the operation {operation!r} has no counterpart")
    return EPPO_OPERATIONS[str(operation)]


def _no_filters(part: Table) -> None:
    if part.get("filters"):
        raise _NotMappedError("filters of facts have no counterpart")


def _fact(part: Table, facts: Mapping[str, str]) -> str:
    name = part["fact_name"]
    if name not in facts:
        raise _NotMappedError(f"the fact {name!r} is in none of the fact sources")
    return str(name)


def _growthbook(content: Any) -> Iterator[tuple[str, Read]]:
    """Fact metrics as the API lists them, or legacy metrics with a type."""
    if isinstance(content, Mapping):
        content = content.get("factMetrics") or content.get("metrics") or [content]
    for metric in content:
        yield str(metric.get("name")), partial(_growthbook_metric, metric)


def _growthbook_metric(metric: Table) -> MetricDefinition:
    kinds = {
        "proportion": ("proportion", "any"),
        "mean": ("mean", "sum"),
        "ratio": ("ratio", "sum"),
    }
    kind = str(metric.get("metricType"))
    if kind not in kinds:
        raise _NotMappedError(f"the type {kind!r} has no counterpart")
    numerator = metric["numerator"]
    values: dict[str, Any] = {}
    if kind == "ratio":
        below = metric["denominator"]
        values = {
            "denominator_event_type": str(below["factTableId"]),
            "denominator_aggregation": _column(below, kind),
        }
    if numerator.get("filters") or numerator.get("rowFilters") or numerator.get("inlineFilters"):
        raise _NotMappedError("filters of fact tables have no counterpart")
    return MetricDefinition(
        name=metric["name"],
        kind=kind,  # type: ignore[arg-type]
        event_type=str(numerator["factTableId"]),
        aggregation=_column(numerator, kind),  # type: ignore[arg-type]
        direction="decrease" if metric.get("inverse") else "increase",
        description=metric.get("description", ""),
        **values,
    )


def _column(part: Table, kind: str) -> str:
    if kind == "proportion":
        return "any"
    column = part.get("column", "$$count")
    if column == "$$distinctUsers":
        return "any"
    return "count" if column == "$$count" else "sum"


def _dbt(content: Any) -> Iterator[tuple[str, Read]]:
    """Semantic models with measures, and simple or ratio metrics over them."""
    if not isinstance(content, Mapping):
        raise InvalidInputError("a dbt file is a mapping with semantic_models and metrics")
    measures = {
        measure["name"]: (model["name"], measure)
        for model in content.get("semantic_models", [])
        for measure in model.get("measures", [])
    }
    for metric in content.get("metrics", []):
        yield str(metric.get("name")), partial(_dbt_metric, metric, measures)


DBT_AGGREGATIONS = {"sum": "sum", "count": "count", "sum_boolean": "count"}


def _dbt_metric(metric: Table, measures: Mapping[str, Any]) -> MetricDefinition:
    kind, parameters = metric.get("type"), metric.get("type_params", {})
    if metric.get("filter"):
        raise _NotMappedError("filters have no counterpart")
    if kind == "simple":
        event, aggregation = _measure(parameters["measure"], measures)
        values: dict[str, Any] = {"kind": "mean"}
    elif kind == "ratio":
        event, aggregation = _measure(parameters["numerator"], measures)
        below, below_aggregation = _measure(parameters["denominator"], measures)
        values = {
            "kind": "ratio",
            "denominator_event_type": below,
            "denominator_aggregation": below_aggregation,
        }
    else:
        raise _NotMappedError(f"metrics of type {kind!r} have no counterpart")
    return MetricDefinition(
        name=metric["name"],
        event_type=event,
        aggregation=aggregation,
        description=metric.get("description", ""),
        **values,
    )


def _measure(reference: Any, measures: Mapping[str, Any]) -> tuple[str, Any]:
    name = reference["name"] if isinstance(reference, Mapping) else reference
    if name not in measures:
        raise _NotMappedError(f"the measure {name!r} is in none of the semantic models")
    model, measure = measures[name]
    if measure.get("agg") not in DBT_AGGREGATIONS:
        raise _NotMappedError(f"the aggregation {measure.get('agg')!r} has no counterpart")
    return model, DBT_AGGREGATIONS[measure["agg"]]


FORMS: Mapping[str, Callable[[Any], Iterator[tuple[str, Read]]]] = {
    "eppo": _eppo,
    "growthbook": _growthbook,
    "dbt": _dbt,
}
