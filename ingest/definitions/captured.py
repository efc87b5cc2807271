"""Experiments that the platform's own tables define, assembled from captured rows.

An experiment appears here once its row, a control with at least one more variant, and a metric
have come, in whatever order. Later changes become versions. A plan that breaks a rule
(``models.plan_rules``) is not stored: the last good one stays until the platform's rows keep the
rules again; a status that moves meanwhile is taken over. What decides an analysis (metrics,
alpha, planned size …) may still change until somebody has looked at a result; after that it is
refused. Weights and variants are facts about the traffic: they are always taken over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from neonblue.errors import InvalidInputError, NeonBlueError, UnavailableError
from neonblue.experiments.plans import Proposal, record_plan
from neonblue.experiments.statuses import record_status
from neonblue.ingest.messages.column_values import as_number, as_time, is_unavailable
from neonblue.ingest.messages.debezium import TableChange
from neonblue.models import Experiment, ExperimentStatus, MetricDefinition, Variant
from neonblue.models.plan_rules import check_plan
from neonblue.stores.definition_rows import DefinitionRow

if TYPE_CHECKING:
    from neonblue.stores import Store

STATUSES: Mapping[str, ExperimentStatus] = {
    "draft": "draft",
    "created": "draft",
    "planned": "draft",
    "running": "running",
    "active": "running",
    "live": "running",
    "started": "running",
    "paused": "paused",
    "stopped": "stopped",
    "ended": "stopped",
    "completed": "stopped",
    "finished": "stopped",
    "concluded": "stopped",
    "rolled_out": "rolled_out",
    "archived": "archived",
}
# Our word, then the words that platforms use for it.
SYNONYMS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "experiments": {
        "experiment_id": ("experiment_id", "key", "id"),
        "started_at": ("started_at", "start_date", "start_time"),
        "ended_at": ("ended_at", "end_date", "end_time"),
        "experiment_type": ("experiment_type", "type"),
    },
    "variants": {
        "variant_id": ("variant_id", "key", "id"),
        "weight": ("weight", "traffic_weight", "allocation"),
        "is_control": ("is_control", "control"),
    },
    "metrics": {"name": ("name", "metric", "key"), "kind": ("kind", "metric_type", "type")},
}
# Columns that databases keep as decimals, which change capture may send as text or as bytes.
NUMBERS = frozenset(
    {
        *("alpha", "power", "planned_sample_size", "maximum_sample_size"),
        *("minimum_duration_days", "prior_mean", "prior_sd", "weight", "mde", "margin"),
        *("quantile", "winsorize_quantile", "pre_period_days", "attribution_window_days"),
    }
)
# What we keep ourselves: how the platform assigns units is its own affair.
OURS = {
    *("version", "counted_from", "current_weights", "winner", "roll_out_fraction"),
    *("hash_version", "targeting", "layer", "holdout_fraction", "circuit_breakers"),
}
Rows = dict[tuple[str, str], DefinitionRow]
Numbered = tuple[int, DefinitionRow]


class Definitions:
    """Applies captured rows to the experiments in the store; safe to apply again."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def apply(self, changes: Sequence[TableChange]) -> tuple[int, list[tuple[int, str]]]:
        """How many experiments changed, and the changes (by number) that cannot be used.

        Rows are kept even while their experiment is incomplete: the rest may follow in another
        batch. They are written last, so that a crash before leads to the same work again. Refused
        rows are not kept: the row they would have changed still counts.
        """
        if not changes:
            return 0, []
        numbered, unusable = _rows(changes)
        known = self._known(numbered)
        fresh = _newer(numbered, known)
        changed, good = 0, []
        for experiment_id in sorted({row.experiment_id for _, row in fresh}):
            own = [(number, row) for number, row in fresh if row.experiment_id == experiment_id]
            defined, kept, refused = self._together(experiment_id, own, known)
            changed += defined
            good += kept
            unusable += refused
        self._store.definition_rows.save(good)
        return changed, unusable

    def _together(
        self, experiment_id: str, rows: Sequence[Numbered], known: Rows
    ) -> tuple[int, list[DefinitionRow], list[tuple[int, str]]]:
        """Apply an experiment's rows at once; when that fails, one by one to find the culprit."""
        merged = {**known, **{(row.table_name, row.row_id): row for _, row in rows}}
        try:
            return self._define(experiment_id, merged, known), [row for _, row in rows], []
        except UnavailableError:
            raise  # nobody's fault: the same rows come again
        except BrokenPlanError as error:
            # The platform's rows are what they are, and the next one may make them whole.
            culprit = self._culprit(experiment_id, rows, known)
            return 0, [row for _, row in rows], [(culprit, str(error))]
        except (msgspec.ValidationError, NeonBlueError, ValueError, TypeError) as error:
            if len(rows) == 1:
                return 0, [], [(rows[0][0], str(error))]
        changed, state = 0, dict(known)
        good: list[DefinitionRow] = []
        refused: list[tuple[int, str]] = []
        for number, row in rows:
            one, kept, bad = self._together(experiment_id, [(number, row)], state)
            changed, good, refused = changed + one, good + kept, refused + bad
            state |= {(each.table_name, each.row_id): each for each in kept}
        return changed, good, refused

    def _culprit(self, experiment_id: str, rows: Sequence[Numbered], known: Rows) -> int:
        """The change without which the plan would keep the rules; else the last one."""
        for number, left_out in rows:
            others = {(row.table_name, row.row_id): row for _, row in rows if row is not left_out}
            family = [
                row
                for row in {**known, **others}.values()
                if row.experiment_id == experiment_id and not row.deleted
            ]
            plan = next((row for row in family if row.table_name == "experiments"), None)
            proposed = None if plan is None else assemble(plan, family)
            if proposed is not None and _broken_rule(proposed) is None:
                return number
        return rows[-1][0]

    def _known(self, numbered: Sequence[Numbered]) -> Rows:
        rows = self._store.definition_rows
        known = rows.find([(row.table_name, row.row_id) for _, row in numbered])
        owners = {row.experiment_id for _, row in numbered}
        owners |= {row.experiment_id for row in known.values()}
        family = rows.of_experiments(sorted(owners - {""}))
        return {**{(row.table_name, row.row_id): row for row in family}, **known}

    def _define(self, experiment_id: str, merged: Rows, known: Rows) -> int:
        rows = [row for row in merged.values() if row.experiment_id == experiment_id]
        plan = next((row for row in rows if row.table_name == "experiments"), None)
        if plan is None:
            return 0
        if plan.deleted:
            return self._archive(experiment_id)
        earlier = known.get(("experiments", plan.row_id))
        proposed = assemble(plan, [row for row in rows if not row.deleted])
        problem = None if proposed is None else _broken_rule(proposed)
        if proposed is not None and problem is None:
            return self._save(proposed, plan, earlier)
        moved = self._follow_status(experiment_id, plan, earlier)
        if problem is not None:
            raise BrokenPlanError(
                f"{problem}; the last good definition stays until the platform's rows keep this"
            )
        return moved

    def _save(
        self, proposed: Experiment, plan: DefinitionRow, earlier: DefinitionRow | None
    ) -> int:
        moved = earlier is None or _status(earlier) != _status(plan)
        recorded = record_plan(
            self._store,
            Proposal(
                experiment=proposed,
                origin="cdc",
                status=_status(plan) if moved else None,
                reason="platform",
            ),
        )
        return int(recorded.changed or moved)

    def _follow_status(
        self, experiment_id: str, plan: DefinitionRow, earlier: DefinitionRow | None
    ) -> int:
        """Take over a status that moved on the platform; one set here is not undone by a replay.

        1 when it moved there, 0 when not or when there is no experiment yet.
        """
        status = _status(plan)
        moved = earlier is None or _status(earlier) != status
        current = self._store.experiments.find(experiment_id)
        if not moved or current is None:
            return 0
        if current.status != status:
            record_status(self._store, experiment_id, status, "cdc", reason="platform")
        return 1

    def _archive(self, experiment_id: str) -> int:
        current = self._store.experiments.find(experiment_id)
        if current is None or current.status == "archived":
            return 0
        record_status(
            self._store, experiment_id, "archived", "cdc", reason="deleted on the platform"
        )
        return 1


class BrokenPlanError(Exception):
    """Rows that are sound one by one make a plan that no analysis could keep to."""


def _broken_rule(proposed: Experiment) -> str | None:
    """The first rule that the plan breaks, or None."""
    try:
        check_plan(proposed)
    except InvalidInputError as error:
        return str(error)
    return None


def assemble(plan: DefinitionRow, rows: Sequence[DefinitionRow]) -> Experiment | None:
    """The experiment that captured rows describe, or None while parts are missing.

    Raises ``msgspec.ValidationError`` for values of the wrong type.
    """
    variants = _of(rows, "variants", Variant)
    metrics = _of(rows, "metrics", MetricDefinition)
    if len(variants) < 2 or not metrics or not any(variant.is_control for variant in variants):
        return None
    content = {
        **_fields(plan, Experiment),
        "experiment_id": plan.experiment_id,
        "status": _status(plan),
        "variants": variants,
        "metrics": metrics,
    }
    return msgspec.convert(content, Experiment, strict=False)


def _of(rows: Sequence[DefinitionRow], table: str, kind: type) -> tuple[Any, ...]:
    ordered = sorted((row for row in rows if row.table_name == table), key=lambda row: row.row_id)
    parts: list[Any] = [msgspec.convert(_fields(row, kind), kind, strict=False) for row in ordered]
    control_first = sorted(parts, key=lambda part: not getattr(part, "is_control", False))
    return tuple(control_first)


def _fields(row: DefinitionRow, kind: type) -> dict[str, Any]:
    """The columns that a model knows, under its names, without nulls."""
    content: dict[str, Any] = dict(row.content)
    for name, words in SYNONYMS[row.table_name].items():
        found = next((content[word] for word in words if content.get(word) is not None), None)
        if found is not None:
            content[name] = found
    known = _names(kind)
    fields = {key: value for key, value in content.items() if key in known and value is not None}
    for key in ("started_at", "ended_at", "created_at"):
        if key in fields:
            fields[key] = _time(fields[key])
    for key in ("experiment_id", "variant_id"):
        if key in fields:
            fields[key] = str(fields[key])
    for key, number in fields.items():
        if key in NUMBERS and isinstance(number, str | dict):
            fields[key] = as_number(number, column=key)
    if isinstance(fields.get("segments"), str):
        fields["segments"] = _list(fields["segments"])
    return fields


def _names(kind: type) -> set[str]:
    from dataclasses import fields

    return {field.name for field in fields(kind)} - OURS


def _time(value: Any) -> Any:
    """An aware time; a column without a time zone is UTC."""
    moment = as_time(value)
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _list(text: str) -> Any:
    return json.loads(text) if text.startswith("[") else text.strip("{}").split(",")


def _status(plan: DefinitionRow) -> ExperimentStatus:
    word = str(plan.content.get("status") or "running").lower()
    if word not in STATUSES:
        raise ValueError(f"status {word!r} is not one of {', '.join(STATUSES)}")
    return STATUSES[word]


def _rows(
    changes: Sequence[TableChange],
) -> tuple[list[Numbered], list[tuple[int, str]]]:
    """Rows with their numbers, and the changes that have no key."""
    rows, unusable = [], []
    for number, change in enumerate(changes):
        row_id = _row_id(change)
        if not row_id:
            unusable.append((number, f"a row of {change.table} without its key"))
            continue
        owner = change.row.get("experiment_id") or (row_id if change.table == "experiments" else "")
        rows.append(
            (
                number,
                DefinitionRow(
                    table_name=change.table,
                    row_id=row_id,
                    experiment_id=str(owner),
                    content=change.row,
                    deleted=change.deleted,
                    position=change.position,
                ),
            )
        )
    return rows, unusable


def _row_id(change: TableChange) -> str:
    """The row's own key: ``id``, or what identifies it within its experiment."""
    row = change.row
    if row.get("id") is not None:
        return str(row["id"])
    own = {"experiments": "experiment_id", "variants": "variant_id", "metrics": "name"}
    name = row.get(own[change.table])
    if name is None or change.table == "experiments":
        return str(name or "")
    return f"{row.get('experiment_id', '')}/{name}"


def _newer(numbered: Sequence[Numbered], known: Rows) -> list[Numbered]:
    """The last state of each row that is not older than what is known, in order.

    A deletion by primary key alone takes its owner and content from what is known.
    """
    fresh: dict[tuple[str, str], Numbered] = {}
    for number, row in numbered:
        key = (row.table_name, row.row_id)
        earlier = fresh[key][1] if key in fresh else known.get(key)
        if earlier is not None and row.position < earlier.position:
            continue
        fresh.pop(key, None)
        fresh[key] = (number, _completed(row, earlier))
    return list(fresh.values())


def _completed(row: DefinitionRow, earlier: DefinitionRow | None) -> DefinitionRow:
    """A deletion, and large columns that an update left alone, take from what is known."""
    if row.deleted and earlier is not None:
        return replace(row, experiment_id=earlier.experiment_id, content=earlier.content)
    unsaid = [name for name, value in row.content.items() if is_unavailable(value)]
    if not unsaid:
        return row
    known = {} if earlier is None else earlier.content
    content = {name: value for name, value in row.content.items() if name not in unsaid}
    content |= {name: known[name] for name in unsaid if name in known}
    return replace(row, content=content)
