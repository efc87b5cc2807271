"""Metrics that questions may name: those of experiments, and a catalogue in TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from neonblue.errors import InvalidInputError, NeonBlueError
from neonblue.models import Experiment, MetricDefinition
from neonblue.models.plan_rules import check_metric

KINDS = ("proportion", "mean", "ratio")
FIELDS = frozenset(
    {
        "name",
        "kind",
        "event_type",
        "aggregation",
        "denominator_event_type",
        "denominator_aggregation",
        "direction",
        "description",
        "synonyms",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerMetric:
    """A metric of the layer; ``experiments`` use it, ``synonyms`` are other names for it."""

    definition: MetricDefinition
    synonyms: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    from_catalogue: bool = False

    @property
    def name(self) -> str:
        """Its name."""
        return self.definition.name


def metrics_of(
    experiments: Iterable[Experiment], catalogue: Iterable[LayerMetric] = ()
) -> tuple[LayerMetric, ...]:
    """Every metric once by name: the catalogue's definition wins, experiments say who uses it.

    Experiments that define one name differently keep the commonest definition.
    """
    found: dict[str, dict[MetricDefinition, list[str]]] = {}
    for experiment in experiments:
        for metric in experiment.metrics:
            key = _asked(metric)
            found.setdefault(metric.name, {}).setdefault(key, []).append(experiment.experiment_id)
    given = {metric.name: metric for metric in catalogue}
    layer = []
    for name in sorted({*found, *given}):
        uses = found.get(name, {})
        users = tuple(sorted(one for ids in uses.values() for one in ids))
        if name in given:
            chosen = given[name]
            layer.append(
                LayerMetric(
                    definition=chosen.definition,
                    synonyms=chosen.synonyms,
                    experiments=users,
                    from_catalogue=True,
                )
            )
        else:
            commonest = max(uses, key=lambda key: (len(uses[key]), key.description))
            layer.append(LayerMetric(definition=commonest, experiments=users))
    return tuple(layer)


def _asked(metric: MetricDefinition) -> MetricDefinition:
    """What a question needs of a metric, without the role it has in one experiment."""
    return MetricDefinition(
        name=metric.name,
        kind=metric.kind,
        event_type=metric.event_type,
        aggregation=metric.aggregation,
        direction=metric.direction,
        denominator_event_type=metric.denominator_event_type,
        denominator_aggregation=metric.denominator_aggregation,
        quantile=metric.quantile,
        description=metric.description,
    )


def read_catalogue(text: str) -> tuple[LayerMetric, ...]:
    """The metrics of a TOML catalogue; ``InvalidInputError`` names the first that is wrong.

    [metrics.checkout_rate]
    kind = "proportion"
    event_type = "purchase"
    description = "Visitors who buy."
    synonyms = ["conversion"]
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"the catalogue is no TOML ({error}): mend that line") from error
    strange = content.keys() - {"metrics"}
    if strange:
        raise InvalidInputError(
            f"the catalogue has {sorted(strange)[0]!r}: it holds tables [metrics.NAME] alone"
        )
    return tuple(_metric(name, table) for name, table in content.get("metrics", {}).items())


def _metric(name: str, table: object) -> LayerMetric:
    if not isinstance(table, Mapping):
        raise InvalidInputError(f"metric {name!r} is no table: write [metrics.{name}]")
    strange = table.keys() - FIELDS
    if strange:
        raise InvalidInputError(
            f"metric {name!r} has {sorted(strange)[0]!r}: use {', '.join(sorted(FIELDS))}"
        )
    values: dict[str, Any] = {key: table[key] for key in table if key != "synonyms"}
    try:
        import msgspec

        definition = msgspec.convert({"name": name, **_completed(values)}, MetricDefinition)
        check_metric(definition)
    except (msgspec.ValidationError, NeonBlueError) as error:
        raise InvalidInputError(f"metric {name!r} cannot be used: {error}") from error
    synonyms = table.get("synonyms", [])
    if not isinstance(synonyms, list) or not all(isinstance(one, str) for one in synonyms):
        raise InvalidInputError(f'synonyms of metric {name!r} are a list: ["conversion"]')
    return LayerMetric(definition=definition, synonyms=tuple(synonyms), from_catalogue=True)


def _completed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Kind and aggregation follow from each other where one is missing."""
    completed = dict(values)
    if "kind" not in completed:
        has_denominator = "denominator_event_type" in completed
        counted = completed.get("aggregation", "any") != "any"
        completed["kind"] = "ratio" if has_denominator else "mean" if counted else "proportion"
    if "aggregation" not in completed:
        completed["aggregation"] = "any" if completed["kind"] == "proportion" else "sum"
    return completed


def written(metrics: Iterable[LayerMetric]) -> str:
    """A catalogue as TOML text, readable again."""
    blocks = []
    for metric in metrics:
        definition = metric.definition
        lines = [f"[metrics.{_quoted(definition.name)}]"]
        for field in (
            "kind",
            "event_type",
            "aggregation",
            "denominator_event_type",
            "denominator_aggregation",
            "direction",
            "description",
        ):
            value = getattr(definition, field)
            if value and not (field.startswith("denominator") and definition.kind != "ratio"):
                lines.append(f"{field} = {_quoted(value)}")
        if metric.synonyms:
            lines.append(f"synonyms = [{', '.join(map(_quoted, metric.synonyms))}]")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)
