"""An experiment defined in a small TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from neonblue.errors import InvalidInputError
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.models.lifecycle import STATE_FIELDS
from neonblue.models.plan_rules import check_plan

# Words that people write, and ours.
SYNONYMS: dict[type, dict[str, str]] = {
    Experiment: {"id": "experiment_id", "variant": "variants", "metric": "metrics"},
    Variant: {"id": "variant_id", "control": "is_control"},
    MetricDefinition: {
        "event": "event_type",
        "denominator": "denominator_event_type",
    },
}
BOOKKEEPING = {"version", "created_at", "counted_from", *STATE_FIELDS} - {"status"}


def read_definition(text: str) -> Experiment:
    """The experiment that a TOML text defines; ``InvalidInputError`` names what is wrong.

    ``control = "name"`` may stand at the top instead of in the variant; ``[variants]`` may be a
    table of weights; a metric's kind and aggregation follow from each other when one is missing.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"the definition is no TOML ({error}): mend that line") from error
    content = _renamed(content, Experiment, "the experiment", extra=frozenset({"control"}))
    control = content.pop("control", None)
    content["variants"] = [
        _variant(row, control) for row in _rows(content.get("variants"), "weight", "variant_id")
    ]
    content["metrics"] = [
        _metric(row) for row in _rows(content.get("metrics"), "event_type", "name")
    ]
    try:
        experiment = msgspec.convert(content, Experiment)
    except msgspec.ValidationError as error:
        raise InvalidInputError(
            f"the definition cannot be used ({error}): see docs/data.md for an example"
        ) from error
    experiment = replace(
        experiment, started_at=_utc(experiment.started_at), ended_at=_utc(experiment.ended_at)
    )
    check_plan(experiment)
    return experiment


def _utc(moment: datetime | None) -> datetime | None:
    """A time without an offset is UTC."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


def _rows(value: Any, scalar: str, key: str) -> list[dict[str, Any]]:
    """Array of tables, table of tables, or table of scalars, as a list of tables."""
    if isinstance(value, Mapping):
        return [
            {key: name, **(row if isinstance(row, Mapping) else {scalar: row})}
            for name, row in value.items()
        ]
    if not isinstance(value, list | None):
        raise InvalidInputError(
            f"{key} rows are {value!r}, not tables: see docs/data.md for an example"
        )
    return list(value or [])


def _variant(row: Mapping[str, Any], control: str | None) -> dict[str, Any]:
    renamed = _renamed(row, Variant, "a variant")
    if control is not None:
        renamed["is_control"] = renamed.get("variant_id") == control
    return renamed


def _metric(row: Mapping[str, Any]) -> dict[str, Any]:
    """Kind and aggregation follow from each other when only one is given."""
    renamed = _renamed(row, MetricDefinition, "a metric")
    if "kind" not in renamed:
        counted = renamed.get("aggregation", "any") != "any"
        renamed["kind"] = "mean" if counted else "proportion"
    default = "any" if renamed["kind"] == "proportion" else "sum"
    renamed.setdefault("aggregation", default)
    return renamed


def _renamed(
    row: Any, kind: type, where: str, extra: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The row under our names; a name that we do not know is refused, it may be a slip."""
    if not isinstance(row, Mapping):
        raise InvalidInputError(f"{where} is {row!r}, not a table: see docs/data.md for an example")
    known = {field.name for field in fields(kind)} - BOOKKEEPING | extra
    ours = SYNONYMS[kind]
    renamed: dict[str, Any] = {
        ours[name] if name in ours else str(name): value for name, value in row.items()
    }
    unknown = sorted(set(renamed) - known)
    if unknown:
        raise InvalidInputError(
            f"{where} has {unknown[0]!r}, which is not known: use {', '.join(sorted(known))}"
        )
    return renamed
