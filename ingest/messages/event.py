"""The event contract: one JSON object an event, and why a message may be refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

Reason = Literal[
    "not_utf8",
    "not_json",
    "not_an_object",
    "missing_field",
    "wrong_type",
    "duplicate_key",
    "too_large",
    "too_deep",
    "bad_timestamp",
    "timestamp_out_of_range",
    "empty_field",
    "too_long",
    "nul_byte",
    "no_id",
    "rounded_id",
    "invisible_character",
    "value_not_finite",
    "value_too_large",
    "exposure_without_variant",
    "unsupported_operation",
    "missing_value",
    "not_a_proportion",
    "bad_row",
    "schema_registry_framing",
    "truncate_not_applied",
    "unavailable_value",
]

EXPOSURE = "exposure"
MAX_MESSAGE_BYTES = 256 * 1024
MAX_ID_LENGTH = 256
MAX_PROPERTIES = 100
MAX_PROPERTY_LENGTH = 8192
MAX_PROPERTY_DEPTH = 8
# Squares of larger values would not fit a float.
MAX_VALUE = 1e100
TOO_LARGE = "is over 1e100 in size, whose square is no number: send it in a larger unit"
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
# Clocks differ; what is further ahead than this is a mistake.
CLOCK_SKEW = timedelta(days=1)


class RefusedError(ValueError):
    """A message cannot be used; becomes a ``Rejection`` and never leaves ingestion."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event as it comes over the wire; ``timestamp`` is RFC 3339 with its offset.

    ``experiment_id`` is '' for behaviour outside any experiment. An ``exposure`` puts the unit
    into ``variant_id``. ``properties`` are flat; a nested value is kept as JSON text.
    """

    event_id: str
    user_id: str
    experiment_id: str | None
    event_type: str
    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]
    variant_id: str | UnsetType | None = UNSET
    value: float | UnsetType | None = UNSET
    session_id: str | UnsetType | None = UNSET
    properties: dict[str, Any] | UnsetType | None = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A message that is no event: its place in the batch, why, and its original bytes."""

    index: int
    reason: Reason
    detail: str
    payload: bytes
