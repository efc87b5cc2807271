"""Bulk loads that happen as a whole or not at all.

Rows go into a staging table shaped like ``events``. The commit point is one ``ready`` row that
carries the definition; after it the staged part is attached (hard links, one rename), the
definition saved and the staging table dropped. A crash before ``ready`` leaves nothing, a crash
after it is finished by ``recover`` when the store is next opened; attaching twice changes nothing,
because events are deduplicated. Uploaded totals go the same way. The row also keeps how many rows
of the file were used, and how many were left out for which reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from neonblue.errors import ConflictError, UnavailableError
from neonblue.models import Experiment
from neonblue.stores.aggregates import Aggregate, aggregate_rows
from neonblue.stores.database import identifier
from neonblue.stores.events import event_schema
from neonblue.stores.experiment_history import ExperimentHistory
from neonblue.stores.experiments import Experiments
from neonblue.stores.row_staging import RowStaging

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.stores.database import Database

# On a server somebody else's load may be under way: only what is this old was given up.
ABANDONED_AFTER_HOURS = 24
# One that was committed is finished sooner: doing it twice changes nothing.
UNFINISHED_AFTER_MINUTES = 10
READY = ("ready", "replacing", "totals", "replacing_totals")
MAX_VARIANTS_SHOWN = 1_001
OF_EXPERIMENT = "({id:String} = '' OR experiment_id = {id:String})"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedVariant:
    """Units of one variant in a staging table; ``clean`` ones met no other variant."""

    variant_id: str
    units: int
    clean_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What a staging table holds: distinct events and units, and units in several variants."""

    events: int
    units: int
    first_at: datetime | None
    last_at: datetime | None
    multiple_variant_units: int
    variants: tuple[StagedVariant, ...]
    event_types: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCount:
    """Rows of a file with one fate: used where ``reason`` is '', else left out for it.

    ``experiment_id`` and ``variant_id`` are '' where the row does not say.
    """

    experiment_id: str
    variant_id: str
    reason: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Load:
    """One load as an experiment sees it: ``counts`` of variant, reason and rows are its own.

    ``named`` says that some rows of the file were the experiment's by name.
    """

    state: str
    experiment_id: str
    fingerprint: str
    recorded_at: datetime
    named: bool
    counts: list[tuple[str, str, int]]

    def has(self, experiment_id: str) -> bool:
        """Whether its file is one of the experiment's."""
        return self.named or self.experiment_id == experiment_id

    @property
    def replaced(self) -> bool:
        """Whether it took the place of what there was."""
        return self.state.startswith("replacing")


class Loads:
    """Bulk loads: staged, then committed as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self) -> Staging:
        """Make an empty staging table."""
        return self._staging("events")

    def begin_totals(self, totals: Sequence[Aggregate]) -> Staging:
        """Stage uploaded totals."""
        staging = self._staging("aggregates")
        self._database.insert_rows(staging.table, *aggregate_rows(totals))
        return staging

    def commit(
        self,
        staging: Staging,
        experiment: Experiment | None,
        file_name: str,
        *,
        replace: bool = False,
        rows: Sequence[RowCount] = (),
        fingerprint: str = "",
        expected_version: int | None = None,
    ) -> Experiment | None:
        """Make what is staged and the definition visible together; drops the staging table.

        ``replace`` removes the experiment's earlier events, or totals, in the same step. ``rows``
        say what became of the file's rows; they take the place of those of an earlier load of the
        same file, known by its ``fingerprint``. Returns the definition as it was stored. Raises
        ``ConflictError`` when the experiment is not at ``expected_version`` any more: then nothing
        was loaded.
        """
        import msgspec

        definition = "" if experiment is None else msgspec.json.encode(experiment).decode()
        state = "totals" if staging.of == "aggregates" else "ready"
        if replace:
            state = "replacing_totals" if staging.of == "aggregates" else "replacing"
        with self._database.writing():
            if experiment is not None and expected_version is not None:
                self._refuse_moved(experiment.experiment_id, expected_version)
            staging.compact()
            staging.committed = True
            self._database.insert_rows(
                "loads",
                [
                    *("load_id", "state", "experiment_id", "definition", "file_name"),
                    *("rows_read", "rows_kept", "counts", "fingerprint"),
                ],
                [
                    [
                        *(staging.table, state),
                        *(experiment.experiment_id if experiment else "", definition, file_name),
                        sum(item.rows for item in rows),
                        sum(item.rows for item in rows if not item.reason),
                        [(r.experiment_id, r.variant_id, r.reason, r.rows) for r in rows],
                        fingerprint,
                    ]
                ],
            )
            try:
                return self._finish(staging.table, definition, state)
            except UnavailableError as error:
                raise UnavailableError(
                    f"the load was taken in, but not finished ({error}): it will be when the data "
                    "is next opened, so do not load it again"
                ) from error

    def _refuse_moved(self, experiment_id: str, expected: int) -> None:
        found = ExperimentHistory(self._database).state_version(experiment_id)
        if found != expected:
            raise ConflictError(
                f"experiment {experiment_id!r} changed while its file was read (state version "
                f"{found}, it was {expected}): load the file again. Nothing was loaded"
            )

    def row_counts(self, experiment_id: str) -> tuple[RowCount, ...]:
        """What became of the rows of all files whose data an experiment has now, summed.

        A file that was loaded again counts once, as it was read last. Rows that name no experiment
        count for each one of their file.
        """
        files: dict[str, list[tuple[str, str, int]]] = {}
        for load in self._of(experiment_id):
            if not load.has(experiment_id):
                continue
            if load.replaced:
                files.clear()
            files.pop(load.fingerprint, None)
            files[load.fingerprint] = load.counts
        summed: dict[tuple[str, str], int] = {}
        for counts in files.values():
            for variant, reason, rows in counts:
                summed[variant, reason] = summed.get((variant, reason), 0) + int(rows)
        return tuple(
            RowCount(experiment_id=experiment_id, variant_id=variant, reason=reason, rows=rows)
            for (variant, reason), rows in sorted(summed.items())
        )

    def several(self, experiment_id: str) -> bool:
        """Whether more than one file may have brought the units that an experiment has now."""
        events = [
            load
            for load in self._of(experiment_id)
            if load.state in ("ready", "replacing") and load.experiment_id in ("", experiment_id)
        ]
        replaced = [
            number
            for number, load in enumerate(events)
            if load.state == "replacing" and load.experiment_id == experiment_id
        ]
        return len(events) - max(replaced, default=0) > 1

    def replaced_since(self, experiment_id: str, moment: datetime) -> bool:
        """Whether a load has replaced events that an experiment had after ``moment`` (UTC)."""
        return any(
            load.state == "replacing"
            and load.experiment_id in ("", experiment_id)
            and load.recorded_at > moment
            for load in self._of(experiment_id)
        )

    def _of(self, experiment_id: str) -> list[_Load]:
        """The loads that may have brought data of an experiment, oldest first."""
        rows = self._database.rows(
            """
            WITH arrayExists(c -> c.1 = {id:String}, counts) AS named
            SELECT load_id, any(state), any(experiment_id), any(fingerprint),
                min(recorded_at) AS at, any(named), any(arrayMap(
                    c -> (c.2, c.3, c.4), arrayFilter(c -> c.1 IN ('', {id:String}), counts)
                ))
            FROM loads
            WHERE state IN {ready:Array(String)} AND (experiment_id IN ('', {id:String}) OR named)
            GROUP BY load_id ORDER BY at
            """,
            {"id": experiment_id, "ready": list(READY)},
        )
        return [
            _Load(
                state=state,
                experiment_id=of,
                fingerprint=fingerprint or load_id,
                recorded_at=at,
                named=bool(named),
                counts=counts,
            )
            for load_id, state, of, fingerprint, at, named, counts in rows
        ]

    def recover(self) -> int:
        """Finish what was committed and drop what was not; returns how many loads it touched."""
        stale = self._stale()
        for table in stale:
            ready = self._ready(table)
            if ready is None:
                self._drop(table)
            else:
                state, definition = ready
                self._finish(table, definition, state)
        return len(stale)

    def _staging(self, of: str) -> Staging:
        table = f"load_{uuid4().hex}"
        ((engine,),) = self._database.rows(
            "SELECT engine_full FROM system.tables "
            "WHERE database = currentDatabase() AND name = {name:String}",
            {"name": of},
        )
        staging = self._database.layout.staging(identifier(table), identifier(of), str(engine))
        self._database.define(staging)
        return Staging(self._database, table, of=of)

    def _finish(self, table: str, definition: str, state: str) -> Experiment | None:
        import msgspec

        if state in ("totals", "replacing_totals"):
            self._take_totals(table, replace=state == "replacing_totals")
        else:
            self._take_events(table, replace=state == "replacing")
        stored = None
        if definition:
            experiment = msgspec.json.decode(definition, type=Experiment)
            stored = Experiments(self._database).save(experiment, source="load")
        self._drop(table)
        return stored

    def _take_events(self, table: str, *, replace: bool) -> None:
        if replace:
            self._database.command(
                f"""
                DELETE FROM events WHERE experiment_id IN (
                    SELECT experiment_id FROM {identifier(table)}
                )
                """
            )
        self._database.command(
            f"ALTER TABLE events ATTACH PARTITION tuple() FROM {identifier(table)}"
        )

    def _take_totals(self, table: str, *, replace: bool) -> None:
        """The new ones first: whatever stops here, there are totals to read."""
        staged = identifier(table)
        self._database.command(f"INSERT INTO aggregates SELECT * FROM {staged}")
        if replace:
            self._database.command(
                f"""
                DELETE FROM aggregates
                WHERE experiment_id IN (SELECT experiment_id FROM {staged})
                  AND ingested_at < (SELECT min(ingested_at) FROM {staged})
                """
            )

    def _drop(self, table: str) -> None:
        self._database.command(f"DROP TABLE IF EXISTS {identifier(table)} SYNC")

    def _stale(self) -> list[str]:
        alone = self._database.embedded
        rows = self._database.rows(
            """
            SELECT name FROM system.tables
            WHERE database = currentDatabase() AND match(name, '^load_[0-9a-f]{32}(_rows|_one)?$')
              AND (
                  metadata_modification_time <= now() - toIntervalHour({hours:UInt32})
                  OR name IN (
                      SELECT load_id FROM loads
                      WHERE recorded_at <= now64(6) - toIntervalMinute({minutes:UInt32})
                  )
              )
            """,
            {
                "hours": 0 if alone else ABANDONED_AFTER_HOURS,
                "minutes": 0 if alone else UNFINISHED_AFTER_MINUTES,
            },
        )
        return [name for (name,) in rows]

    def _ready(self, table: str) -> tuple[str, str] | None:
        row = self._database.row(
            "SELECT state, definition FROM loads WHERE load_id = {id:String}", {"id": table}
        )
        return None if row is None else (row[0], row[1])


class Staging:
    """The staging table of one load; nothing in it is visible to an analysis.

    Once it is ``committed`` it is not dropped: what could not be finished is finished later.
    """

    def __init__(self, database: Database, table: str, *, of: str = "events") -> None:
        self._database = database
        self.table = identifier(table)
        self.of = of
        self.committed = False
        self._compacted = False

    def compact(self) -> None:
        """Merge what was inserted into one part without duplicates, once."""
        if not self._compacted:
            self._database.command(f"OPTIMIZE TABLE {self.table} FINAL")
            self._compacted = True

    def rows(self) -> RowStaging:
        """A second table, for a file that has one row a unit."""
        return RowStaging(self._database, self.table)

    def insert(self, rows: pa.Table) -> None:
        """Append rows of ``event_schema()``."""
        self._compacted = False
        self._database.insert(self.table, rows.cast(event_schema()))

    def count(self) -> int:
        """How many distinct events are staged."""
        self.compact()
        row = self._database.row(f"SELECT count() FROM {self.table}")
        return int(row[0]) if row else 0

    def expose_from_events(self) -> None:
        """Take a unit's first event with a variant as its exposure, where the file has none.

        The made event carries that row's properties and a deterministic id, so that loading again
        changes nothing.
        """
        self._compacted = False
        self._database.command(
            f"""
            INSERT INTO {self.table}
                (event_id, user_id, experiment_id, variant_id, event_type, timestamp, value,
                 session_id, properties, source)
            SELECT lower(hex(sipHash128(experiment_id, user_id, variant_id, toString(first)))),
                   user_id, experiment_id, variant_id, 'exposure', first, NULL, '', carried, 'file'
            FROM (
                SELECT experiment_id, user_id, variant_id, min(timestamp) AS first,
                       argMin(properties, (timestamp, event_id)) AS carried
                FROM {self.table} FINAL
                WHERE variant_id != '' AND user_id NOT IN (
                    SELECT user_id FROM {self.table} WHERE event_type = 'exposure'
                )
                GROUP BY experiment_id, user_id, variant_id
            )
            """
        )

    def differs(self, experiment_id: str, *, replace: bool = False) -> bool:
        """Whether something staged of an experiment is not stored; with ``replace``, or gone."""
        self.compact()
        ((new, gone),) = self._database.rows(
            f"""
            WITH (SELECT count() FROM events FINAL WHERE experiment_id = {{id:String}}) AS stored
            SELECT countIf(staged NOT IN (
                       SELECT user_id, event_id, event_type, ifNull(value, 0)
                       FROM events FINAL WHERE experiment_id = {{id:String}}
                   )), stored - count()
            FROM (
                SELECT (user_id, event_id, event_type, ifNull(value, 0)) AS staged
                FROM {self.table} FINAL WHERE experiment_id = {{id:String}}
            )
            """,
            {"id": experiment_id},
        )
        return bool(new) or (replace and gone > 0)

    def describe(self, experiment_id: str) -> Staged:
        """Count what is staged of an experiment ('' for all), after deduplication."""
        self.compact()
        # The table is in order of the units, so that grouping by them needs little memory.
        ((events, units, first_at, last_at, types, several, seen, alone),) = self._database.rows(
            f"""
            WITH sumMap(seen, arrayWithConstant(length(seen), units)) AS in_any,
                 sumMapIf(seen, [units], length(seen) = 1) AS alone
            SELECT sum(events), sum(units), min(first), max(last),
                   arraySort(groupUniqArrayArray(1000)(types)), sumIf(units, length(seen) > 1),
                   arraySlice(arrayZip(in_any.1, in_any.2), 1, {MAX_VARIANTS_SHOWN}),
                   arraySlice(arrayZip(alone.1, alone.2), 1, {MAX_VARIANTS_SHOWN})
            FROM (
                SELECT seen, count() AS units, sum(events) AS events, min(first) AS first,
                       max(last) AS last, groupUniqArrayArray(1000)(types) AS types
                FROM (
                    SELECT count() AS events, min(timestamp) AS first, max(timestamp) AS last,
                           groupUniqArray(1000)(event_type) AS types,
                           arraySort(groupUniqArrayIf(variant_id, event_type = 'exposure')) AS seen
                    FROM {self.table} FINAL WHERE {OF_EXPERIMENT} GROUP BY experiment_id, user_id
                ) GROUP BY seen
            )
            """,
            {"id": experiment_id},
            settings={"optimize_aggregation_in_order": 1},
        )
        return Staged(
            events=events,
            units=units,
            first_at=first_at if units else None,
            last_at=last_at if units else None,
            multiple_variant_units=several,
            variants=_variants(seen, alone),
            event_types=tuple(types),
        )

    def drop(self) -> None:
        """Throw the load away, unless it was committed."""
        if self.committed:
            return
        self._database.command(f"DROP TABLE IF EXISTS {self.table} SYNC")


def _variants(
    seen: Sequence[tuple[str, int]], alone: Sequence[tuple[str, int]]
) -> tuple[StagedVariant, ...]:
    """Variants by name, from how many units each one has, and has alone."""
    clean = dict(alone)
    return tuple(
        StagedVariant(variant_id=name, units=units, clean_units=clean.get(name, 0))
        for name, units in seen
    )
