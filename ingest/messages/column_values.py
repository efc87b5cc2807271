"""Values as change capture writes them: times in several units, decimals as bytes, numbers as ids.

What a schema says is taken; without one only what can be read in one way, else the message is
refused with the setting that makes it readable. Nothing is guessed.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from neonblue.ingest.messages.connect_schema import DECIMAL, TIME_UNITS, Field
from neonblue.ingest.messages.event import RefusedError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What Debezium writes for a large column that an update left as it was.
UNAVAILABLE = "__debezium_unavailable_value"
UNAVAILABLE_SPELT = (
    UNAVAILABLE,
    b64encode(UNAVAILABLE.encode()).decode(),
    UNAVAILABLE.encode().hex(),
    "\\x" + UNAVAILABLE.encode().hex(),
)
# Base64 has no point and no minus; a whole number may be either ("0001" is three bytes).
POINTED = re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
NUMERIC = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")
LONGEST_DECIMAL = 4096
# Microseconds in one unit, for whole numbers that lie between 1990 and 2100 in this unit alone.
EARLIEST_SECONDS, LATEST_SECONDS = 631_152_000, 4_102_444_800
UNITS_BY_SIZE = ((10**3, 1_000), (10**6, 1), (10**9, 0))
SETTING = (
    "set decimal.handling.mode=double in the connector (or =string for columns with decimals), or "
    "send the schema along (value.converter.schemas.enable=true)"
)


def as_time(value: Any, field: Field | None = None) -> Any:
    """A time from a whole number by its schema, else by its size; other values as they are."""
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    unit = TIME_UNITS.get(field.name) if field is not None else None
    if unit is None:
        unit = _unit_by_size(value)
    try:
        return EPOCH + timedelta(microseconds=value * unit if unit else value // 1_000)
    except OverflowError as error:
        raise RefusedError("bad_timestamp", f"{value!r} is no time - at `$.timestamp`") from error


def _unit_by_size(value: int) -> int:
    for scale, microseconds in UNITS_BY_SIZE:
        if EARLIEST_SECONDS * scale <= abs(value) < LATEST_SECONDS * scale:
            return microseconds
    raise RefusedError(
        "bad_timestamp",
        f"{value!r} is no time in milli-, micro- or nanoseconds between 1990 and 2100 - at "
        "`$.timestamp`: send RFC 3339 text with its offset, or the schema along",
    )


def as_key(value: Any) -> Any:
    """An id as text, digit by digit; a truth value or a fraction is none."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def as_number(value: Any, field: Field | None = None, *, column: str = "value") -> Any:
    """A number from whatever Debezium made of a decimal column; other values as they are."""
    if isinstance(value, dict):
        return _variable_scale(value, column)
    if not isinstance(value, str):
        return value
    if field is not None and (field.name == DECIMAL or field.type == "bytes"):
        return _by_scale(value, field.scale, column)
    if POINTED.match(value) or (field is not None and NUMERIC.match(value)):
        return _finite(value)
    raise _unreadable(value, column)


def is_unavailable(value: Any) -> bool:
    """Whether Debezium says that it does not know the value; also deep in JSON."""
    if isinstance(value, str):
        return value in UNAVAILABLE_SPELT
    if isinstance(value, dict):
        return any(is_unavailable(each) for each in value.values())
    return (
        isinstance(value, list)
        and bool(value)
        and (any(is_unavailable(each) for each in value) or _is_bytes_of_it(value))
    )


def _is_bytes_of_it(value: list[Any]) -> bool:
    return value == list(UNAVAILABLE.encode())


def _variable_scale(value: dict[str, Any], column: str) -> Any:
    scale, digits = value.get("scale"), value.get("value")
    if isinstance(scale, int) and isinstance(digits, str):
        return _by_scale(digits, scale, column)
    return value


def _by_scale(value: str, scale: int | None, column: str) -> float:
    """Big-endian two's complement, as Java's ``BigInteger`` writes it, over 10 to the scale."""
    if scale is None or abs(scale) > LONGEST_DECIMAL or not value or len(value) > LONGEST_DECIMAL:
        raise _unreadable(value, column)
    try:
        whole = int.from_bytes(b64decode(value, validate=True), "big", signed=True)
    except (binascii.Error, ValueError) as error:
        raise _unreadable(value, column) from error
    return _finite(Decimal(whole).scaleb(-scale))


def _finite(value: str | Decimal) -> float:
    """The nearest float; what is too large for one is infinite, and refused by the rules."""
    try:
        return float(Decimal(value))
    except (InvalidOperation, OverflowError):
        return float("inf")


def _unreadable(value: str, column: str) -> RefusedError:
    shown, where = value[:40], f"- at `$.{column}`"
    if not value or not (BASE64.match(value) or NUMERIC.match(value)):
        return RefusedError("wrong_type", f"{shown!r} is no number {where}")
    return RefusedError(
        "wrong_type",
        f"{shown!r} is no number for certain, it may be a base64 decimal: {SETTING} {where}",
    )
