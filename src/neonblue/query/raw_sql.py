"""Raw SQL from outside: checked by two parsers, run read-only, never past the gate of looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Any

from neonblue.errors import ConflictError, InvalidInputError, NotFoundError
from neonblue.intelligence.ledger import waits_for_the_plan
from neonblue.intelligence.look_gate import pass_gate
from neonblue.models.lifecycle import FINISHED_STATUSES
from neonblue.models.page_cursor import cursor_at, position_of
from neonblue.query.engine_tree import check_engine_tree
from neonblue.query.statement import Statement, read_statement, refused
from neonblue.query.telling import Hidden, HiddenSigns
from neonblue.query.visible import VIEW_PREFIX
from neonblue.stores.visible_tables import with_views

if TYPE_CHECKING:
    from neonblue.models import Experiment
    from neonblue.stores import Store
    from neonblue.stores.database import Row

MAX_ESTIMATED_ROWS = 500_000_000
MAX_SHAPES = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class RawResult:
    """A page of rows with what they rest on.

    ``by_variant_of`` are the experiments whose variants it showed, each a recorded look;
    ``hidden`` what it could not see because experiments run.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[Row, ...]
    next_cursor: str | None
    complete: bool
    tables: tuple[str, ...]
    by_variant_of: tuple[str, ...]
    hidden: Hidden
    estimated_rows: int
    elapsed_ms: float


class PassedShapes:
    """Shapes of statements that the engine's tree let through, the latest of them."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._kept: dict[str, None] = {}

    def __contains__(self, shape: str) -> bool:
        with self._guard:
            return shape in self._kept

    def add(self, shape: str) -> None:
        """Remember a shape, and forget the one that came first when there are many."""
        with self._guard:
            self._kept[shape] = None
            while len(self._kept) > MAX_SHAPES:
                del self._kept[next(iter(self._kept))]


class RawSql:
    """Answers checked statements over one store."""

    def __init__(self, store: Store, hidden: HiddenSigns | None = None) -> None:
        self._store = store
        self._hidden = hidden or HiddenSigns()
        self._passed = PassedShapes()

    def check(self, sql: str) -> Statement:
        """Both parsers; ``UnsafeQueryError`` when one refuses or they see different things."""
        return check_sql(self._store, sql, self._passed)

    def run(self, sql: str, *, limit: int, cursor: str | None = None) -> RawResult:
        """Check, pass the gate for variants, estimate, run and cut a page out of the rows.

        Raises:
            UnsafeQueryError: outside the allow-list.
            ConflictError: variants of an experiment that may not be looked at now.
            InvalidInputError: the engine cannot run it, or it would read too much.
        """
        start = position_of(cursor, "run_analytics_sql")
        statement = self.check(sql)
        defined = self._store.experiments.defined()
        hidden = self._hidden_from(statement, defined)
        named = _named(statement, defined) if statement.by_variant else ()
        parameters = self._parameters(statement, defined, hidden, named)
        compiled = with_views(
            statement.text, statement.tables, prefix=VIEW_PREFIX, with_end=statement.with_end
        )
        estimated = self._estimated(compiled, parameters)
        for experiment in named:
            self._pass(experiment, hidden, defined)
        result = self._store.read_only.run(compiled, parameters)
        most = self._store.read_only.limits.result_rows
        rows = result.rows[:most]
        end = start + limit
        return RawResult(
            columns=result.columns,
            types=result.types,
            rows=rows[start:end],
            next_cursor=cursor_at(end) if end < len(rows) else None,
            complete=len(result.rows) < most,
            tables=tuple(sorted(statement.tables)),
            by_variant_of=tuple(one.experiment_id for one in named),
            hidden=hidden,
            estimated_rows=estimated,
            elapsed_ms=result.elapsed_ms,
        )

    def _hidden_from(self, statement: Statement, defined: Mapping[str, Experiment]) -> Hidden:
        if "events" not in statement.tables:
            return Hidden(watched=(), properties=(), shown=(), silent=())
        return self._hidden.now(self._store, defined)

    def _parameters(
        self,
        statement: Statement,
        defined: Mapping[str, Experiment],
        hidden: Hidden,
        named: tuple[Experiment, ...],
    ) -> dict[str, Any]:
        if not statement.tables:
            return {}
        key = blake2b(self._store.sessions.pseudonym_key(), digest_size=16).digest()
        return {
            "opened": [one.experiment_id for one in named],
            "silent": list(hidden.silent),
            "concealed": list(hidden.concealed),
            "hidden": list(hidden.properties),
            "shown": list(hidden.shown),
            "all": 0 if hidden.watched else 1,
            "key_low": int.from_bytes(key[:8], "big"),
            "key_high": int.from_bytes(key[8:], "big"),
            "finished": [
                name for name, plan in defined.items() if plan.status in FINISHED_STATUSES
            ],
        }

    def _estimated(self, compiled: str, parameters: Mapping[str, Any]) -> int:
        if not parameters:
            return 0
        rows = self._store.read_only.rows_to_read(compiled, parameters)
        if rows > MAX_ESTIMATED_ROWS:
            raise InvalidInputError(
                f"the statement would read about {rows:,} rows, more than {MAX_ESTIMATED_ROWS:,}: "
                "narrow it by experiment_id or timestamp"
            )
        return rows

    def _pass(
        self, experiment: Experiment, hidden: Hidden, defined: Mapping[str, Experiment]
    ) -> None:
        opened = pass_gate(self._store, experiment, "raw SQL by variant")
        sketches = self._store.unit_sketches
        sketch = sketches.of_events(experiment.experiment_id, opened.look.units, keep=False)
        for like in sketches.like(experiment.experiment_id, sketch):
            other = defined.get(like.experiment_id)
            if like.experiment_id in hidden.watched and (
                other is None or waits_for_the_plan(self._store, other)
            ):
                raise ConflictError(
                    f"{like.experiment_id!r} has the same units in the same split as "
                    f"{experiment.experiment_id!r} and still runs: its variants are not shown by "
                    "raw SQL. analyze_experiment_performance may be called at any time"
                )


def check_sql(store: Store, sql: str, passed: PassedShapes | None = None) -> Statement:
    """Both parsers over one statement; see ``RawSql.check``.

    The engine is not asked again for a shape that it ``passed``: only texts of plain characters
    and whole numbers differ, which are leaves of the same tree.
    """
    statement = read_statement(sql)
    if passed is not None and statement.shape in passed:
        return statement
    try:
        lines = store.read_only.tree(statement.text)
    except InvalidInputError as error:
        raise refused(f"the engine cannot read it ({str(error)[:160]})") from error
    check_engine_tree(lines, statement)
    if passed is not None:
        passed.add(statement.shape)
    return statement


def _named(statement: Statement, defined: Mapping[str, Experiment]) -> tuple[Experiment, ...]:
    """The experiments whose ids stand in the statement: only their variants are shown."""
    named = tuple(plan for name, plan in sorted(defined.items()) if name in statement.texts)
    if not named:
        raise NotFoundError(
            "a statement with variant_id names the experiments it is about, as in "
            "WHERE experiment_id = 'checkout': each is a recorded look. list_experiments shows them"
        )
    return named
