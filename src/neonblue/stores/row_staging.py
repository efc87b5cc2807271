"""Staging for files with one row a unit: rows first, events from them, all in the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from neonblue.stores.database import identifier
from neonblue.stores.events import FROM_ROWS
from neonblue.stores.missing_values import missing_type, zero_type

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.stores.database import Database

# What becomes of several rows of a unit that differ in a value; ``first`` also where they do not.
Aggregate = Literal["sum", "mean", "max", "min", "first"]
FUNCTIONS: Mapping[Aggregate, str] = MappingProxyType(
    {
        "sum": "sumForEach(values)",
        "mean": "avgForEach(values)",
        "max": "maxForEach(values)",
        "min": "minForEach(values)",
        "first": "argMinForEach(values, arrayMap(value -> row, values))",
    }
)


@cache
def row_schema() -> pa.Schema:
    """Rows of a file: ``row`` counts from 1, ``values`` has one entry a column, null for none."""
    import pyarrow as pa

    return pa.schema(
        [
            ("user_id", pa.string()),
            ("variant_id", pa.string()),
            ("row", pa.uint64()),
            ("timestamp", pa.timestamp("ms", "UTC")),
            ("properties", pa.map_(pa.string(), pa.string())),
            ("values", pa.list_(pa.float64())),
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRange:
    """What the values of one metric column are like, over the units that were kept.

    ``missing`` counts the units without a value by variant; the limits are None when all are.
    """

    column: str
    minimum: float | None
    maximum: float | None
    only_zero_and_one: bool
    missing: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """Units with several rows in one variant, and those whose values differ, with an example.

    ``out_of`` are all units, once a variant.
    """

    units: int
    differing: int
    out_of: int
    columns: tuple[str, ...] = ()
    example: str = ""
    values: tuple[float, ...] = ()


class RowStaging:
    """Rows of one load; ``collapse`` leaves one of each unit and variant."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self.table = identifier(f"{table}_rows")
        self._create(self.table)

    def insert(self, rows: pa.Table) -> None:
        """Append rows of ``row_schema()``."""
        self._database.insert(self.table, rows.cast(row_schema()))

    def repeats(self, columns: Sequence[str]) -> Repeats:
        """How many units have several rows in one variant, and whether their values differ.

        A row without a value does not differ from one that has it.
        """
        out_of = self._units()
        if self.count() == out_of:
            return Repeats(units=0, differing=0, out_of=out_of)
        rows = self._database.rows(
            f"""
            SELECT count(), countIf(arrayExists(flag -> flag, differ)), groupBitOrForEach(differ),
                   argMinIf(tuple(user_id, low, high), row, arrayExists(flag -> flag, differ))
            FROM (
                SELECT user_id, min(row) AS row, minForEach(values) AS low,
                       maxForEach(values) AS high,
                       arrayMap((a, b) -> toUInt8(ifNull(a != b, 0)), low, high) AS differ
                FROM {self.table} GROUP BY user_id, variant_id HAVING count() > 1
            )
            """,
            settings=IN_ORDER,
        )
        ((units, differing, differ, (example, low, high)),) = rows
        if not differing:
            return Repeats(units=units, differing=0, out_of=out_of)
        place = next(place for place, (a, b) in enumerate(zip(low, high, strict=True)) if a != b)
        return Repeats(
            units=units,
            differing=differing,
            out_of=out_of,
            columns=tuple(c for c, flag in zip(columns, differ, strict=True) if flag),
            example=example,
            values=(low[place], high[place]),
        )

    def collapse(self, aggregate: Aggregate, *, kept: Sequence[bool] = ()) -> None:
        """One row a unit and variant: its values combined, all else from its first row.

        ``kept`` marks values that stay 0 or 1 whatever the way: 1 when any row has it.
        """
        combined = identifier(f"{self.table.removesuffix('_rows')}_one")
        self._create(combined)
        values = FUNCTIONS[aggregate]
        if any(kept):
            values = (
                "arrayMap((flag, any, value) -> if(flag, any, value), "
                f"{{kept:Array(Bool)}}, maxForEach(values), {values})"
            )
        self._database.command(
            f"""
            INSERT INTO {combined}
            SELECT user_id, variant_id, min(row), argMin(timestamp, row), argMin(properties, row),
                   {values}
            FROM {self.table} GROUP BY user_id, variant_id
            SETTINGS optimize_aggregation_in_order = 1
            """,
            {"kept": list(kept)},
        )
        self.drop()
        self.table = combined

    def count(self) -> int:
        """Rows there are."""
        row = self._database.row(f"SELECT count() FROM {self.table}")
        return int(row[0]) if row else 0

    def ranges(
        self, columns: Sequence[str], *, missing_as_zero: bool = False
    ) -> tuple[ColumnRange, ...]:
        """What the values of each column are like."""
        value = "ifNull(value, 0)" if missing_as_zero else "value"
        rows = self._database.rows(
            f"""
            SELECT variant_id, minForEach(known), maxForEach(known),
                   sumForEach(arrayMap(value -> toUInt64(isNull(value)), known)),
                   maxForEach(arrayMap(value -> toUInt8(ifNull(value NOT IN (0, 1), 0)), known))
            FROM (SELECT variant_id, arrayMap(value -> {value}, values) AS known FROM {self.table})
            GROUP BY variant_id ORDER BY variant_id
            """
        )
        return tuple(
            _column_range(column, [(row[0], *(part[at] for part in row[1:])) for row in rows])
            for at, column in enumerate(columns)
        )

    def to_events(
        self,
        target: str,
        experiment_id: str,
        event_types: Sequence[str],
        *,
        missing_as_zero: bool = False,
        some_missing: bool = True,
    ) -> None:
        """Write an exposure a row, an event a value other than 0, and a marker a missing value.

        Ids are hashes of what an event is about, so that the same file gives the same events. A 0
        is written where an earlier load has a value or a blank, which it then replaces.
        ``some_missing`` False says that no value is.
        """
        markers = [missing_type(name) for name in event_types]
        zeros = [zero_type(name) for name in event_types]
        stored = [*event_types, *markers, *zeros]
        statements = [EXPOSURES, VALUES]
        if some_missing and not missing_as_zero:
            statements.append(MISSING)
        if self._is_stored(experiment_id, stored):
            statements.append(ZEROS)
        for statement in statements:
            self._database.command(
                statement.format(target=identifier(target), rows=self.table, source=FROM_ROWS),
                {
                    "experiment": experiment_id,
                    "event_types": list(event_types),
                    "markers": markers,
                    "zeros": zeros,
                    "stored": stored,
                    "blank_is_zero": missing_as_zero,
                },
            )

    def drop(self) -> None:
        """Remove the rows."""
        self._database.command(f"DROP TABLE IF EXISTS {self.table} SYNC")

    def _units(self) -> int:
        ((units,),) = self._database.rows(
            f"SELECT count() FROM (SELECT 1 FROM {self.table} GROUP BY user_id, variant_id)",
            settings=IN_ORDER,
        )
        return int(units)

    def _is_stored(self, experiment_id: str, event_types: Sequence[str]) -> bool:
        """Whether an experiment has events of some types already."""
        row = self._database.row(
            """
            SELECT 1 FROM events
            WHERE experiment_id = {id:String} AND event_type IN {types:Array(String)} LIMIT 1
            """,
            {"id": experiment_id, "types": list(event_types)},
        )
        return row is not None

    def _create(self, table: str) -> None:
        self._database.command(
            f"""
            CREATE TABLE {table} (
                user_id String,
                variant_id LowCardinality(String),
                row UInt64,
                timestamp DateTime64(3, 'UTC'),
                properties Map(LowCardinality(String), String),
                values Array(Nullable(Float64))
            )
            ENGINE = MergeTree ORDER BY (user_id, variant_id)
            """
        )


def _column_range(
    column: str, found: Sequence[tuple[str, float | None, float | None, int, int]]
) -> ColumnRange:
    """From variant, least, largest, how many are missing and whether one is neither 0 nor 1."""
    lows = [low for _, low, *_ in found if low is not None]
    highs = [high for _, _, high, *_ in found if high is not None]
    return ColumnRange(
        column=column,
        minimum=min(lows, default=None),
        maximum=max(highs, default=None),
        only_zero_and_one=not any(other for *_, other in found),
        missing={variant: int(count) for variant, *_, count, _ in found if count},
    )


IN_ORDER = {"optimize_aggregation_in_order": 1}
COLUMNS = """
INSERT INTO {target} (event_id, user_id, experiment_id, variant_id, event_type, timestamp, value,
                      session_id, properties, source)
"""
EXPOSURES = (
    COLUMNS
    + """
SELECT lower(hex(sipHash128({{experiment:String}}, user_id, variant_id, 'exposure'))),
       user_id, {{experiment:String}}, variant_id, 'exposure', timestamp, NULL, '', properties,
       '{source}'
FROM {rows}
"""
)
VALUES = (
    COLUMNS
    + """
SELECT lower(hex(sipHash128({{experiment:String}}, user_id, variant_id, 'value', kind))),
       user_id, {{experiment:String}}, variant_id, kind, timestamp, amount, '', map(), '{source}'
FROM {rows}
ARRAY JOIN values AS amount, {{event_types:Array(String)}} AS kind
WHERE amount != 0
"""
)
# With the id of the value, so that the value replaces it when it comes, and the other way round.
MISSING = (
    COLUMNS
    + """
SELECT lower(hex(sipHash128({{experiment:String}}, user_id, variant_id, 'value', kind))),
       user_id, {{experiment:String}}, variant_id, marker, timestamp, NULL, '', map(),
       '{source}'
FROM {rows}
ARRAY JOIN values AS amount, {{event_types:Array(String)}} AS kind,
           {{markers:Array(String)}} AS marker
WHERE isNull(amount)
"""
)
# Hashes keep the set small: one that two ids share writes a row that counts for nothing.
ZEROS = (
    COLUMNS
    + """
SELECT lower(hex(sipHash128({{experiment:String}}, user_id, variant_id, 'value', kind))) AS id,
       user_id, {{experiment:String}}, variant_id, zero, timestamp, NULL, '', map(), '{source}'
FROM {rows}
ARRAY JOIN values AS amount, {{event_types:Array(String)}} AS kind,
           {{zeros:Array(String)}} AS zero
WHERE if({{blank_is_zero:Bool}}, ifNull(amount, 0), amount) = 0
      AND sipHash64(id) IN (
          SELECT sipHash64(event_id) FROM events
          WHERE experiment_id = {{experiment:String}}
                AND event_type IN {{stored:Array(String)}}
      )
"""
)
