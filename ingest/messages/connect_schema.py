"""Kafka Connect's own schemas, as JsonConverter sends them beside the row: what a value means.

``{"schema": {"type": "struct", "fields": [...]}, "payload": ...}``. A field's ``name`` is its
logical type (a decimal, a day, microseconds), ``parameters`` hold a decimal's scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

DECIMAL = "org.apache.kafka.connect.data.Decimal"
VARIABLE_DECIMAL = "io.debezium.data.VariableScaleDecimal"
# Microseconds in one unit of a whole number, by the logical type; nanoseconds are a part of one.
TIME_UNITS: Mapping[str, int] = MappingProxyType(
    {
        "org.apache.kafka.connect.data.Date": 86_400_000_000,
        "org.apache.kafka.connect.data.Timestamp": 1_000,
        "io.debezium.time.Date": 86_400_000_000,
        "io.debezium.time.Timestamp": 1_000,
        "io.debezium.time.MicroTimestamp": 1,
        "io.debezium.time.NanoTimestamp": 0,
    }
)


class Field(NamedTuple):
    """How a column is written: its plain type, its logical type ('' for none), a scale."""

    type: str
    name: str
    scale: int | None


Fields = Mapping[str, Field]
NO_FIELDS: Fields = MappingProxyType({})


@lru_cache(maxsize=256)
def row_fields(schema: bytes) -> Fields:
    """The columns of the row that a schema describes, of an envelope's or of a flat one's.

    Without a schema, or with one that is none, nothing is known of any column.
    """
    try:
        content = msgspec.json.decode(schema) if schema else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NO_FIELDS
    columns = _named(content)
    row = columns.get("after", columns.get("before"))
    if row is not None and row.get("type") == "struct":
        columns = _named(row)
    return MappingProxyType({name: _field(column) for name, column in columns.items()})


def _named(schema: Any) -> dict[str, dict[str, Any]]:
    fields = schema.get("fields") if isinstance(schema, dict) else None
    if not isinstance(fields, list):
        return {}
    return {
        str(each["field"]): each for each in fields if isinstance(each, dict) and "field" in each
    }


def _field(column: Mapping[str, Any]) -> Field:
    parameters = column.get("parameters")
    scale = parameters.get("scale") if isinstance(parameters, dict) else None
    try:
        whole = None if scale is None else int(scale)
    except (TypeError, ValueError):
        whole = None
    kind = column.get("type")
    return Field(kind if isinstance(kind, str) else "", str(column.get("name") or ""), whole)
