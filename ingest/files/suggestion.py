"""What a file seems to hold, before anything is loaded: which column means what, and the command.

Names that common exports use are known; else names and values decide. What cannot be told is
said, not guessed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from neonblue.errors import InvalidInputError
from neonblue.ingest.files.data_file import DataFile, open_file

SAMPLED_ROWS = 2000
SHOWN_VALUES = 4
MOST_VARIANTS = 8
MOST_METRICS = 6
EVENT_SHARE = 0.9
"""Share of different units among rows from which a file has one row a unit."""
CONTROL_WORDS = (
    *("control", "controle", "baseline", "original", "off", "a", "0", "false", "holdout"),
)
VARIANT = ("variant", "variation", "group", "arm", "bucket", "treatment", "test_group", "cohort")
UNIT = ("user_id", "userid", "user", "visitor_id", "visitor", "client_id", "distinct_id", "unit")
TIME = ("timestamp", "time", "event_time", "created_at", "date", "ts", "datetime", "day")
UNITS = ("n", "users", "visitors", "units", "sessions", "participants", "sample_size")
COUNTS = ("conversions", "converted", "purchases", "successes", "orders", "clicks", "signups")
WORD = re.compile(r"[a-z0-9]+")
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """How a tool's export names things; ``signs`` are columns that only it has."""

    name: str
    signs: tuple[str, ...]
    unit: str
    timestamp: str
    event_type: str
    variant: tuple[str, ...] = ()
    value: str = ""


EXPORTS = (
    Export(
        name="GA4 (BigQuery)",
        signs=("event_name", "event_timestamp", "user_pseudo_id"),
        unit="user_pseudo_id",
        timestamp="event_timestamp",
        event_type="event_name",
        value="event_value_in_usd",
    ),
    Export(
        name="Amplitude",
        signs=("event_type", "event_time", "amplitude_id"),
        unit="amplitude_id",
        timestamp="event_time",
        event_type="event_type",
    ),
    Export(
        name="Mixpanel",
        signs=("event", "properties.distinct_id", "properties.time"),
        unit="properties.distinct_id",
        timestamp="properties.time",
        event_type="event",
        variant=("properties.Variant name", "properties.$variant_name"),
    ),
    Export(
        name="PostHog",
        signs=("event", "distinct_id", "timestamp"),
        unit="distinct_id",
        timestamp="timestamp",
        event_type="event",
        variant=("properties.$feature_flag_response",),
    ),
    Export(
        name="Optimizely",
        signs=("visitor_id", "variation_id", "timestamp"),
        unit="visitor_id",
        timestamp="timestamp",
        event_type="event_name",
        variant=("variation_id",),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSeen:
    """A column, some of its values, and what it is taken for ('' is left out)."""

    name: str
    values: tuple[str, ...]
    taken_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What was understood: ``words`` follow ``neonblue load``, ``missing`` could not be told."""

    source: str
    columns: tuple[ColumnSeen, ...]
    words: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command that would load it."""
        return shlex.join(["neonblue", "load", *self.words])


def suggest(path: Path) -> Suggestion:
    """Look at the columns and the first 2,000 rows; raises what ``open_file`` raises."""
    file = open_file(path)
    values = _sample(file)
    if {"user_id", "event_type", "timestamp"} <= set(values) and "experiment_id" in values:
        return _described("the event contract", values, {}, (str(path),), ())
    roles = _roles_of_export(values) or _roles(values)
    words, missing = _words(path, values, roles)
    return _described(_source(values, roles), values, roles, words, missing)


def _sample(file: DataFile) -> dict[str, list[str]]:
    """The first values of every column that holds plain values, as text."""
    names = [name for name in file.columns if name not in file.repeated]
    try:
        return _read(file, names)
    except InvalidInputError:  # one that holds lists or objects: the others can be read
        found: dict[str, list[str]] = {}
        for name in names:
            with suppress(InvalidInputError):
                found |= _read(file, [name])
        if not found:
            raise
        return found


def _read(file: DataFile, names: Sequence[str]) -> dict[str, list[str]]:
    batch = next(iter(file.batches(names)), None)
    if batch is None:
        return {name: [] for name in names}
    columns = {name: batch.table.column(name).slice(0, SAMPLED_ROWS) for name in names}
    return {
        name: ["" if cell is None else str(cell) for cell in column.to_pylist()]
        for name, column in columns.items()
    }


def _roles_of_export(values: dict[str, list[str]]) -> dict[str, str]:
    export = next((one for one in EXPORTS if set(one.signs) <= set(values)), None)
    if export is None:
        return {}
    variant = next((name for name in export.variant if name in values), "")
    roles = {"source": export.name, "unit": export.unit, "timestamp": export.timestamp}
    if export.event_type in values:
        roles["event_type"] = export.event_type
    if export.value in values:
        roles["value"] = export.value
    return roles | {"variant": variant or _variant(values, roles)}


def _roles(values: dict[str, list[str]]) -> dict[str, str]:
    roles = {"n": _named(values, UNITS, numeric=True)}
    roles["variant"] = _variant(values, roles)
    rows = len(next(iter(values.values()), []))
    different = len(set(values.get(roles["variant"], [])))
    if roles["n"] and rows <= MOST_VARIANTS * max(1, different):
        return roles
    roles.pop("n")
    roles["unit"] = _named(values, UNIT)
    roles["timestamp"] = _named(values, TIME, parts=False)
    return roles


def _named(
    values: dict[str, list[str]],
    names: Iterable[str],
    *,
    numeric: bool = False,
    parts: bool = True,
) -> str:
    """The column that has one of the names, as a whole or, with ``parts``, as its last words."""
    spelt = {"_".join(WORD.findall(column.casefold())): column for column in values}
    for name in names:
        for spelling, column in spelt.items():
            fits = spelling == name or (parts and spelling.endswith(f"_{name}"))
            if fits and (not numeric or _numbers(values[column])):
                return column
    return ""


def _variant(values: dict[str, list[str]], roles: dict[str, str]) -> str:
    taken = set(roles.values())
    free = {name: cells for name, cells in values.items() if name not in taken}
    if named := _named(free, VARIANT):
        return named
    few = [
        name for name, cells in free.items() if 2 <= len(set(filter(None, cells))) <= MOST_VARIANTS
    ]
    return next((name for name in few if _control(free[name])), "")


def _control(cells: Sequence[str]) -> str:
    """The value that means control; '' where none does."""
    spelt = {cell.casefold().strip(): cell for cell in cells if cell}
    exact = [spelt[word] for word in CONTROL_WORDS if word in spelt]
    return exact[0] if exact else next((v for k, v in spelt.items() if "control" in k), "")


def _words(
    path: Path, values: dict[str, list[str]], roles: dict[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    stem = "_".join(WORD.findall(path.name.partition(".")[0].casefold())) or "experiment"
    words, missing = [str(path), "--experiment", stem], []
    for role, option in (
        ("unit", "--unit"),
        ("variant", "--variant"),
        ("timestamp", "--timestamp"),
        ("event_type", "--event-type"),
        ("value", "--value"),
    ):
        if roles.get(role):
            words += [option, roles[role]]
    control = _control(values.get(roles.get("variant", ""), []))
    if not roles.get("variant"):
        missing.append("which column says the variant: --variant COL")
    if control:
        words += ["--control", control]
    elif roles.get("variant"):
        missing.append("which variant is the control: --control VALUE")
    if roles.get("n"):
        words += ["--aggregated", "--n", roles["n"]]
    elif not roles.get("unit"):
        missing.append("what was randomised: --unit COL (without it each row is a unit)")
    metrics = _metrics(values, roles)
    words += [word for metric in metrics for word in ("--metric", metric)]
    if not metrics:
        missing.append("what is measured: --metric NAME=COL, of an event file NAME=EVENT TYPE")
    if roles.get("unit") and not roles.get("event_type") and _repeats(values[roles["unit"]]):
        missing.append(
            "what becomes of several rows of a unit: --aggregate sum, mean, max or first"
        )
    return tuple(words), tuple(missing)


def _metrics(values: dict[str, list[str]], roles: dict[str, str]) -> list[str]:
    if roles.get("event_type"):
        return []
    free = {name: cells for name, cells in values.items() if name not in set(roles.values())}
    if roles.get("n"):
        named = [name for name in free if _named({name: free[name]}, COUNTS, numeric=True)]
        return [f"{_word(name)}:proportion={name}" for name in named[:MOST_METRICS]]
    numeric = {name: cells for name, cells in free.items() if _numbers(cells)}
    shown = list(numeric)[:MOST_METRICS]
    return [f"{_word(name)}:{_kind(numeric[name])}={name}" for name in shown]


def _kind(cells: Sequence[str]) -> str:
    known = {cell for cell in cells if cell}
    return "proportion" if known <= {"0", "1", "0.0", "1.0", "False", "True"} else "mean"


def _word(name: str) -> str:
    return "_".join(WORD.findall(name.casefold())) or "metric"


def _numbers(cells: Sequence[str]) -> bool:
    known = [cell for cell in cells if cell]
    return bool(known) and all(NUMBER.match(cell) or cell in ("True", "False") for cell in known)


def _repeats(cells: Sequence[str]) -> bool:
    return len(set(cells)) < EVENT_SHARE * len(cells)


def _source(values: dict[str, list[str]], roles: dict[str, str]) -> str:
    if roles.get("source"):
        return f"an export of {roles['source']}"
    if roles.get("n"):
        return "one row a variant"
    rows = "several rows a unit" if roles.get("unit") and _repeats(values[roles["unit"]]) else ""
    return rows or "one row a unit"


def _described(
    source: str,
    values: dict[str, list[str]],
    roles: dict[str, str],
    words: tuple[str, ...],
    missing: tuple[str, ...],
) -> Suggestion:
    names = {column: role for role, column in roles.items() if role != "source"}
    metrics = {word.partition("=")[2]: "metric" for word in words if "=" in word}
    return Suggestion(
        source=source,
        columns=tuple(
            ColumnSeen(
                name=name,
                values=tuple(dict.fromkeys(filter(None, cells)))[:SHOWN_VALUES],
                taken_for=names.get(name) or metrics.get(name, ""),
            )
            for name, cells in values.items()
        ),
        words=words,
        missing=missing,
    )
