"""Filters of a search: as callers write them, and the columns in this process that answer them.

``{"outcome": "success"}`` is equality, ``{"sample_size": {"gte": 1000}}`` an operator,
``{"industry": {"in": ["retail", "travel"]}}`` a choice, ``{"segments": {"contains": "mobile"}}``
asks whether a list has a value. All conditions must hold.

Chroma's own filter takes some 100 ms among 100,000 documents, whatever it leaves. In ``FactTable``
a filter is a comparison of columns, and what it leaves, if it is little, is compared with the query
one by one: vectors of bytes are exact to about .005 of cosine, enough to choose whose exact ones
are asked for.
"""

from __future__ import annotations

import math
import threading
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from neonblue.errors import InvalidInputError
from neonblue.memory.collections import Collection
from neonblue.stores.document_filter import Condition, FieldKind, Operator
from neonblue.stores.documents import MetadataValue

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

OPERATORS: dict[FieldKind, tuple[Operator, ...]] = {
    "text": ("eq", "ne", "in"),
    "number": ("eq", "ne", "gt", "gte", "lt", "lte", "in"),
    "list": ("contains",),
}
MAX_CONDITIONS = 20
MAX_CHOICES = 200
MIN_TABLE = 256
BYTE = 127.0
BLOCK = 4096
TIME_FIELDS = frozenset({"timestamp", "started_at"})
"""Fields in seconds since 1970, which may be given as dates."""
CHOICES = {("experiments", "outcome"): ("success", "failure", "neutral")}


def parse_filters(
    collection: Collection, filters: Mapping[str, Any] | None
) -> tuple[Condition, ...]:
    """Typed conditions; ``InvalidInputError`` names the fields or operators that there are."""
    conditions = tuple(
        condition
        for field, wanted in (filters or {}).items()
        for condition in _conditions(collection, field, wanted)
    )
    if len(conditions) > MAX_CONDITIONS:
        raise InvalidInputError(
            f"{len(conditions)} filter conditions: give {MAX_CONDITIONS} or fewer"
        )
    return conditions


def meets(metadata: Mapping[str, MetadataValue], conditions: Iterable[Condition]) -> bool:
    """Whether a document meets all conditions; a missing field meets none."""
    return all(_meets_one(metadata.get(item.field), item) for item in conditions)


def _conditions(collection: Collection, field: str, wanted: Any) -> list[Condition]:
    kind = collection.fields.get(field)
    if kind is None:
        raise InvalidInputError(
            f"{collection.name} have no field {field!r}: filter by one of "
            f"{', '.join(sorted(collection.fields))}"
        )
    if not isinstance(wanted, Mapping):
        wanted = {"contains" if kind == "list" else "eq": wanted}
    if not wanted:
        raise InvalidInputError(
            f"the filter on {field!r} is empty: give a value or {{operator: value}} "
            f"with one of {', '.join(OPERATORS[kind])}"
        )
    conditions = [_condition(field, kind, operator, value) for operator, value in wanted.items()]
    for condition in conditions:
        _refuse_unknown_choice(collection, condition)
    return conditions


def _refuse_unknown_choice(collection: Collection, condition: Condition) -> None:
    """A word that no document can have would find nothing, and be taken for an answer."""
    known = CHOICES.get((collection.name, condition.field))
    asked = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    if known and (unknown := [one for one in asked if one not in known]):
        raise InvalidInputError(
            f"no {condition.field} is {unknown[0]!r}: it is one of {', '.join(known)}"
        )


def _condition(field: str, kind: FieldKind, operator: str, value: Any) -> Condition:
    if operator not in OPERATORS[kind]:
        raise InvalidInputError(
            f"{operator!r} is not an operator for the {kind} field {field!r}: "
            f"use one of {', '.join(OPERATORS[kind])}"
        )
    if operator != "in":
        return Condition(
            field=field, kind=kind, operator=operator, value=_value(field, kind, value)
        )
    if not isinstance(value, list | tuple) or len(value) > MAX_CHOICES:
        raise InvalidInputError(
            f"the filter {field!r} in {value!r} needs a list of at most {MAX_CHOICES} values"
        )
    choices = tuple(_value(field, kind, choice) for choice in value)
    return Condition(field=field, kind=kind, operator="in", value=choices)


def _value(field: str, kind: FieldKind, value: Any) -> str | float:
    if kind == "number":
        if isinstance(value, str) and field in TIME_FIELDS:
            return _epoch_seconds(field, value)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        raise InvalidInputError(f"the filter on {field!r} needs a number, not {value!r}")
    if isinstance(value, str):
        return value
    raise InvalidInputError(f"the filter on {field!r} needs a text, not {value!r}")


def _epoch_seconds(field: str, text: str) -> float:
    """A date or a moment as seconds since 1970, UTC where it has no zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(
            f"the filter on {field!r} needs a date like 2025-01-31, not {text!r}"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _meets_one(value: MetadataValue | None, condition: Condition) -> bool:
    wanted: Any = condition.value
    if value is None:
        return False
    if condition.operator == "contains":
        return isinstance(value, tuple) and wanted in value
    if condition.operator == "in":
        return value in wanted
    if condition.operator == "eq":
        return bool(value == wanted)
    if condition.operator == "ne":
        return bool(value != wanted)
    return _ordered(cast(float, value), condition.operator, wanted)


def _ordered(value: float, operator: Operator, wanted: float) -> bool:
    if operator == "gt":
        return value > wanted
    if operator == "gte":
        return value >= wanted
    return value < wanted if operator == "lt" else value <= wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One document's id, metadata and unit vector."""

    document_id: str
    metadata: Mapping[str, MetadataValue]
    vector: NDArray[np.float32]


class FactTable:
    """One row a document, found by id; a removed one's row is used again."""

    def __init__(self, fields: Mapping[str, FieldKind], dimension: int) -> None:
        import numpy as np

        self._lock = threading.Lock()
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._free: list[int] = []
        self._columns = {field: _Column(kind) for field, kind in fields.items()}
        self._vectors = np.zeros((MIN_TABLE, dimension), dtype=np.int8)
        self._scales = np.zeros(MIN_TABLE, dtype=np.float32)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, documents: Sequence[Facts]) -> None:
        """Add or replace documents, each id once."""
        import numpy as np

        if not documents:
            return
        vectors = np.array([document.vector for document in documents])
        scales = np.abs(vectors).max(axis=1) / BYTE
        with self._lock:
            rows = [self._put(document) for document in documents]
            self._vectors[rows] = np.rint(vectors / scales[:, None])
            self._scales[rows] = scales

    def remove(self, document_ids: Iterable[str]) -> None:
        """Forget documents."""
        with self._lock:
            for document_id in document_ids:
                if (row := self._rows.pop(document_id, None)) is not None:
                    self._free.append(row)

    def select(self, conditions: Sequence[Condition]) -> Selection:
        """The documents that meet all conditions; a missing field meets none."""
        import numpy as np

        with self._lock:
            kept: Mask = np.ones(len(self._ids), dtype=bool)
            kept[self._free] = False
            for condition in conditions:
                kept &= self._columns[condition.field].meets(condition, len(self._ids))
        return Selection(table=self, kept=kept, count=int(kept.sum()), of=len(self._rows))

    def rows(self, document_ids: Iterable[str]) -> list[tuple[str, int]]:
        """The row of each document that there is."""
        with self._lock:
            return [(name, self._rows[name]) for name in document_ids if name in self._rows]

    def nearest(self, vector: NDArray[np.float32], rows: NDArray[np.intp], limit: int) -> list[str]:
        """The ids in the nearest of some rows, nearly in order."""
        import numpy as np

        with self._lock:
            near = np.zeros(len(rows), dtype=np.float32)
            for start in range(0, len(rows), BLOCK):
                some = rows[start : start + BLOCK]
                close = self._vectors[some].astype(np.float32) @ vector
                near[start : start + BLOCK] = close * self._scales[some]
            return [self._ids[row] for row in rows[np.argsort(-near)[:limit]].tolist()]

    def _put(self, document: Facts) -> int:
        row = self._rows.get(document.document_id)
        if row is None:
            row = self._new_row(document.document_id)
        else:
            self._clear(row)
        for field, value in document.metadata.items():
            if field in self._columns:
                self._columns[field].put(row, value)
        return row

    def _clear(self, row: int) -> None:
        for column in self._columns.values():
            column.put(row, None)

    def _new_row(self, document_id: str) -> int:
        import numpy as np

        row = self._free.pop() if self._free else len(self._ids)
        if row < len(self._ids):
            self._clear(row)
        else:
            self._ids.append(document_id)
            if row == len(self._vectors):
                self._vectors = np.vstack([self._vectors, np.zeros_like(self._vectors)])
                self._scales = np.concatenate([self._scales, np.zeros_like(self._scales)])
        self._ids[row] = document_id
        self._rows[document_id] = row
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """``count`` documents ``of`` all, as of when they were selected."""

    table: FactTable
    kept: Mask
    count: int
    of: int

    def among(self, document_ids: Iterable[str]) -> list[str]:
        """Those of some documents that are in the selection, in their order."""
        return [
            name
            for name, row in self.table.rows(document_ids)
            if row < len(self.kept) and self.kept[row]
        ]

    def nearest(self, vector: NDArray[np.float32], limit: int) -> list[str]:
        """The nearest documents of the selection, nearly in order."""
        import numpy as np

        return self.table.nearest(vector, np.flatnonzero(self.kept), limit)


class _Column:
    """One field: numbers as they are, texts by number, lists where there are any."""

    def __init__(self, kind: FieldKind) -> None:
        self._kind = kind
        self._numbers = array("d")
        self._codes: dict[str, int] = {}
        self._lists: dict[int, tuple[str, ...]] = {}

    def put(self, row: int, value: MetadataValue | None) -> None:
        if self._kind == "list":
            self._lists.pop(row, None)
            if isinstance(value, tuple):
                self._lists[row] = value
            return
        number = float("nan") if value is None else self._number(value)
        if row < len(self._numbers):
            self._numbers[row] = number
            return
        self._numbers.extend([float("nan")] * (row - len(self._numbers)))
        self._numbers.append(number)

    def meets(self, condition: Condition, rows: int) -> Mask:
        import numpy as np

        if self._kind == "list":
            kept = np.zeros(rows, dtype=bool)
            kept[[row for row, values in self._lists.items() if condition.value in values]] = True
            return kept
        values = np.full(rows, np.nan)
        values[: len(self._numbers)] = np.frombuffer(self._numbers, dtype=np.float64)
        return _compared(values, condition.operator, self._wanted(condition.value))

    def _number(self, value: MetadataValue) -> float:
        if isinstance(value, str):
            return float(self._codes.setdefault(value, len(self._codes)))
        assert not isinstance(value, tuple)
        return float(value)

    def _wanted(self, value: Any) -> Any:
        """A text's number, -1 for one that no document has."""
        if isinstance(value, tuple):
            return [self._wanted(choice) for choice in value]
        return self._codes.get(value, -1) if isinstance(value, str) else value


def _compared(values: NDArray[np.float64], operator: str, wanted: Any) -> Mask:
    import numpy as np

    if operator == "in":
        return np.isin(values, wanted)
    comparison = {
        "eq": np.equal,
        "ne": np.not_equal,
        "gt": np.greater,
        "gte": np.greater_equal,
        "lt": np.less,
        "lte": np.less_equal,
    }[operator]
    met: Mask = comparison(values, wanted) & ~np.isnan(values)
    return met
