"""Files of events: JSON Lines of the event contract, or columns that are told what they mean."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.bad_rows import refuse_bad_rows
from neonblue.ingest.files.column_batch import ColumnBatch, shown_cell, shown_row, shown_text
from neonblue.ingest.files.columns.rules import CellFormat, ColumnRules
from neonblue.ingest.files.columns.variant_names import refuse_twin
from neonblue.ingest.files.data_file import WHOLE_ROW, DataFile, json_lines
from neonblue.ingest.files.event_properties import EventProperties
from neonblue.ingest.files.exclusion import Exclusions
from neonblue.ingest.files.load_plan import LoadPlan
from neonblue.ingest.files.rejects import Rejects
from neonblue.ingest.files.row_batch import mark_numbers, mark_times, number_text, unit_ids
from neonblue.ingest.files.row_file import READING, Report, column_rules, refuse_rounded
from neonblue.ingest.files.staged_file import StagedFile
from neonblue.ingest.messages.decode import EventDecoder
from neonblue.ingest.messages.event import EARLIEST
from neonblue.ingest.messages.validate import Finding, check_events
from neonblue.models import MetricKind
from neonblue.stores.events import event_schema

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.stores.loads import Staging

CONTRACT = frozenset({"event_id", "user_id", "experiment_id", "event_type", "timestamp"})
LINES_A_BATCH = 20_000


def stage_events(
    staging: Staging, plan: LoadPlan, file: DataFile, rejects: Rejects, report: Report
) -> StagedFile:
    """Read, check and stage every event; a unit without an exposure gets one from its first."""
    if _is_contract(plan, file):
        read, excluded = _decode(staging, file, rejects, report), 0
        warnings: tuple[str, ...] = ()
    else:
        read, excluded, warnings = _map(staging, plan, file, rejects, report)
    refuse_bad_rows(plan, file, rejects, read=read, excluded=excluded)
    report(READING, 1.0, "finding exposures")
    repeated = read - excluded - rejects.total - staging.count()
    staging.expose_from_events()
    return StagedFile(
        rows_read=read,
        rows_excluded=excluded,
        repeated_rows=repeated,
        timed=True,
        kinds=_kinds(plan, staging.describe(plan.experiment_id).event_types),
        warnings=warnings,
    )


def _is_contract(plan: LoadPlan, file: DataFile) -> bool:
    """Whether the lines are events (or change envelopes) as Kafka would bring them."""
    named = (plan.unit, plan.variant, plan.timestamp, plan.event_type, plan.value, plan.event_id)
    plain = set(file.columns) >= CONTRACT or "op" in file.columns or "payload" in file.columns
    told = any(named) or plan.excludes or plan.cells != CellFormat()
    return file.format == "jsonl" and plain and not told


def _decode(staging: Staging, file: DataFile, rejects: Rejects, report: Report) -> int:
    decoder = EventDecoder("file")
    read = 0
    for lines, position in json_lines(file):
        for start in range(0, len(lines), LINES_A_BATCH):
            batch = decoder.decode(lines[start : start + LINES_A_BATCH])
            staging.insert(batch.events)
            rejects.used(batch.events)
            for item in batch.rejections:
                row = read + start + item.index + 1
                content = item.payload.decode("utf-8", "replace")
                said = _said(item.payload)
                rejects.add(row, item.reason, item.detail, content, **said)
        read += len(lines)
        report(READING * position / file.size_bytes, 1.0, f"{read:,} events read")
    return read


def _said(payload: bytes) -> dict[str, str]:
    """Which experiment and variant a refused event names, as far as it can be read."""
    import msgspec

    try:
        event = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    if not isinstance(event, dict):
        return {}
    found = {"experiment": event.get("experiment_id"), "variant": event.get("variant_id")}
    return {name: text for name, text in found.items() if isinstance(text, str)}


def _map(
    staging: Staging, plan: LoadPlan, file: DataFile, rejects: Rejects, report: Report
) -> tuple[int, int, tuple[str, ...]]:
    exclusions = Exclusions(plan.excludes, file.columns)
    reader = EventColumns(plan, file)
    rules = column_rules(
        plan, file, exclusions, numbers=reader.numbers, times=reader.times, report=report
    )
    read = excluded = 0
    shown = list(dict.fromkeys([*reader.columns, *exclusions.columns]))
    for batch in file.batches([*shown, WHOLE_ROW]):
        table, numbers, out = exclusions.split(batch, rules)
        events, findings = reader.read(table, rules)
        for line in batch.bad:
            rejects.add(line.row, "bad_row", line.reason, line.text)
        for finding in findings:
            rejects.add(
                numbers[finding.row],
                finding.reason,
                finding.detail,
                shown_row(table.select(shown), finding.row),
                variant=reader.variant(table, finding.row),
            )
        rejects.used(events)
        staging.insert(events)
        read += batch.table.num_rows + len(batch.bad)
        excluded += out
        report(READING * batch.bytes_read / file.size_bytes, 1.0, f"{read:,} events read")
    refuse_rounded(reader.unit, file, rejects)
    return read, excluded, (*exclusions.warnings(), *rules.warnings)


class EventColumns:
    """Turns columns into events; names that the plan does not give are those of the contract."""

    def __init__(self, plan: LoadPlan, file: DataFile) -> None:
        self._plan = plan
        self._own_properties = EventProperties(plan, file)
        named = {
            "user_id": plan.unit,
            "variant_id": plan.variant,
            "event_type": plan.event_type,
            "timestamp": plan.timestamp,
            "value": plan.value,
            "event_id": plan.event_id,
            "experiment_id": None,
            "session_id": None,
        }
        present = set(file.columns)
        self._names = {
            field: given or field
            for field, given in named.items()
            if given is not None or field in present
        }
        for field, option in (("user_id", "--unit"), ("timestamp", "--timestamp")):
            if field not in self._names:
                raise InvalidInputError(
                    f"{file.path.name!r} holds events, but no {field}: name its column with "
                    f"{option}; it has {', '.join(map(repr, file.columns[:40]))}"
                )

    @property
    def unit(self) -> str:
        """The column of ids."""
        return self._names["user_id"]

    @property
    def columns(self) -> list[str]:
        """The columns to read."""
        properties = [*self._plan.segments, *(item.column for item in self._plan.covariates)]
        own = self._own_properties.columns
        return list(dict.fromkeys([*self._names.values(), *properties, *own]))

    @property
    def numbers(self) -> list[str]:
        """The columns that are read as numbers."""
        value = [self._names["value"]] if "value" in self._names else []
        return [*value, *(item.column for item in self._plan.covariates)]

    @property
    def times(self) -> list[str]:
        """The column that is read as times."""
        return [self._names["timestamp"]]

    def read(self, table: pa.Table, rules: ColumnRules) -> tuple[pa.Table, list[Finding]]:
        """Events of the good rows, and a finding for each bad one."""
        batch = ColumnBatch(table=table, numbers=range(table.num_rows))
        events = self._events(batch, rules)
        batch.add(check_events(events, datetime.now(UTC)))
        return batch.good(events), batch.found()

    def _events(self, batch: ColumnBatch, rules: ColumnRules) -> pa.Table:
        import pyarrow as pa

        texts = {
            field: self._text(batch, field)
            for field in ("variant_id", "event_type", "session_id", "experiment_id")
        }
        texts = {"user_id": unit_ids(batch, self.unit), **texts}
        times, values = self._times(batch, rules), self._values(batch, rules)
        columns = {
            **texts,
            "event_id": self._event_ids(batch),
            "timestamp": times,
            "value": values,
            "properties": self._properties(batch, rules),
            "source": pa.repeat(pa.scalar("file", pa.string()), batch.size),
        }
        return pa.Table.from_arrays(
            [columns[name] for name in event_schema().names], schema=event_schema()
        )

    def variant(self, table: pa.Table, row: int) -> str:
        """The variant that a row names, '' if none."""
        name = self._names.get("variant_id")
        return "" if name is None else shown_text(table[name][row])

    def _event_ids(self, batch: ColumnBatch) -> pa.Array:
        """The ids that the rows have; where a row has none, all that it says is its identity."""
        import pyarrow as pa
        import pyarrow.compute as pc

        whole = batch.column(WHOLE_ROW)
        if "event_id" not in self._names:
            return _content_ids(self._plan.experiment_id, whole)
        given = self._text(batch, "event_id")
        without = pc.equal(given, "")
        if not pc.any(without, min_count=0).as_py():
            return given
        made = _content_ids(self._plan.experiment_id, whole.filter(without))
        return pc.replace_with_mask(given, without, made.cast(pa.string()))

    def _text(self, batch: ColumnBatch, field: str) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        if field not in self._names:
            constant = self._plan.experiment_id if field == "experiment_id" else ""
            return pa.repeat(pa.scalar(constant, pa.string()), batch.size)
        return pc.fill_null(batch.text(self._names[field]), "")

    def _times(self, batch: ColumnBatch, rules: ColumnRules) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        name = self._names["timestamp"]
        rule = rules.time(name)
        times, bad = rule.read(batch.column(name))
        mark_times(batch, name, rule, times, bad)
        filled = pc.fill_null(times, pa.scalar(EARLIEST, times.type))
        return filled.cast(pa.timestamp("ms", "UTC"), safe=False)

    def _values(self, batch: ColumnBatch, rules: ColumnRules) -> pa.Array:
        import pyarrow as pa

        if "value" not in self._names:
            return pa.nulls(batch.size, pa.float64())
        name = self._names["value"]
        values, bad = rules.number(name).read(batch.column(name))
        mark_numbers(batch, name, bad)
        return values

    def _properties(self, batch: ColumnBatch, rules: ColumnRules) -> pa.Array:
        texts = {name: batch.text(name) for name in self._plan.segments}
        for item in self._plan.covariates:
            numbers, bad = rules.number(item.column).read(batch.column(item.column))
            mark_numbers(batch, item.column, bad)
            texts[item.name] = number_text(numbers)
        return self._own_properties.read(batch, texts)


def _content_ids(experiment_id: str, whole: pa.Array) -> pa.Array:
    """An id made of all that a row says: the same file again gives the same events.

    Two rows that agree in everything are one event; a file that has such rows needs --event-id.
    """
    import pyarrow as pa

    texts = _json_texts(whole) if pa.types.is_string(whole.type) else _joined_cells(whole)
    digests = [
        hashlib.blake2b(f"{experiment_id}\x1e{text}".encode(), digest_size=16).hexdigest()
        for text in texts
    ]
    return pa.array(digests, pa.string())


def _json_texts(whole: pa.Array) -> list[str]:
    """Objects with their keys in order: how a line is laid out is no part of what it says."""
    import msgspec

    return [
        msgspec.json.encode(msgspec.json.decode(text), order="sorted").decode()
        for text in whole.to_pylist()
    ]


def _joined_cells(whole: pa.Array) -> list[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column in whole.flatten():
        try:
            columns.append(pc.fill_null(pc.cast(column, pa.string()), ""))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            # Lists, structs and bytes have no text of their own in Arrow.
            columns.append(pa.array([shown_cell(cell) for cell in column], pa.string()))
    joined: list[str] = pc.binary_join_element_wise(*columns, "\x1f").to_pylist()
    return joined


def _kinds(plan: LoadPlan, event_types: Sequence[str]) -> dict[str, MetricKind]:
    """The kind of each metric, proportion unless said; its event types must be in the file."""
    for metric in plan.metrics:
        for name in metric.columns:
            if name not in event_types:
                raise InvalidInputError(_lacking(plan, metric.name, name, event_types))
            refuse_twin("events", name, event_types)
    return {metric.name: metric.said_kind or "proportion" for metric in plan.metrics}


def _lacking(plan: LoadPlan, metric: str, event_type: str, found: Sequence[str]) -> str:
    if not found and plan.experiment_id:
        return (
            f"the file has no events of experiment {plan.experiment_id!r}: give --experiment the "
            "id that its rows have. Nothing was loaded"
        )
    return (
        f"metric {metric!r} needs events of type {event_type!r}, but the file has "
        f"{', '.join(map(repr, found)) or 'none'}. Nothing was loaded"
    )
