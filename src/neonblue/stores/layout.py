"""How our tables lie on a server: on one, replicated over several, or in ClickHouse Cloud.

``NEONBLUE_CLICKHOUSE_CLUSTER`` decides. Statements are written for one server; ``Layout.of`` turns
them into what the layout needs: engines, paths in Keeper, ``ON CLUSTER``. A layout that cannot be
served is refused at the start, before anything is read or written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from neonblue.errors import InvalidInputError

if TYPE_CHECKING:
    from neonblue.stores.database import Database

Cluster = Literal["none", "replicated", "cloud"]

ENGINE = re.compile(r"\bENGINE = (?P<kind>\w*MergeTree)\b(?:\((?P<arguments>[^)]*)\))?")
CREATED = re.compile(r"^\s*CREATE TABLE (?:IF NOT EXISTS )?(?P<name>[a-z][a-z0-9_]*)")
DROPPED = re.compile(r"^\s*DROP TABLE (?:IF EXISTS )?(?P<name>[a-z][a-z0-9_]*)")
SETTING = re.compile(
    r"^\s*ALTER TABLE (?P<name>[a-z][a-z0-9_]*|\{table:Identifier\})\s+(?:MODIFY|RESET) SETTING"
)
WINDOW = re.compile(r"\bnon_replicated_deduplication_window = (?P<inserts>\d+)")
PATH = re.compile(r"^Replicated(?P<kind>\w*MergeTree)\('[^']*', '[^']*'(?:, )?(?P<rest>[^)]*)\)")
HUNDRED_YEARS = 100 * 366 * 24 * 3600
SETTING_NAME = "NEONBLUE_CLICKHOUSE_CLUSTER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """``alone``: the cluster has one replica, so no statement needs to reach others."""

    cluster: Cluster = "none"
    alone: bool = False

    def of(self, statement: str) -> str:
        """The statement as this layout needs it."""
        if self.cluster == "none":
            return statement
        statement = WINDOW.sub(_with_replicated_window, statement)
        if self.cluster == "cloud":
            return statement
        return self._on_cluster(ENGINE.sub(_replicated, statement))

    def staging(self, table: str, of: str, engine: str) -> str:
        """The statement that makes ``table`` shaped like ``of``, whose full engine is given.

        A copied definition would have the path in Keeper of the table that it was copied from.
        """
        created = f"CREATE TABLE {table} AS {of}"
        if self.cluster == "replicated":
            created += f" ENGINE = {PATH.sub(_unreplicated, engine)}"
        return self.of(created)

    def everywhere(self, table: str) -> str:
        """A table of ``system`` as all replicas have it: for counting what is on their disks."""
        if self.cluster == "none":
            return f"system.{table}"
        name = "default" if self.cluster == "cloud" else "{cluster}"
        return f"clusterAllReplicas('{name}', system.{table})"

    def _on_cluster(self, statement: str) -> str:
        """Definitions and settings of tables are each replica's own; what ``ALTER`` else changes
        goes to the other replicas by itself."""
        if self.alone:
            return statement
        for pattern in (CREATED, DROPPED, SETTING):
            if (found := pattern.match(statement)) is not None:
                end = found.end("name")
                return f"{statement[:end]} ON CLUSTER '{{cluster}}'{statement[end:]}"
        return statement


def choose_layout(database: Database, cluster: Cluster) -> Layout:
    """The layout that the setting names; raises ``InvalidInputError`` with the reason when the
    server or the tables that are there do not go with it."""
    if database.embedded:
        if cluster != "none":
            raise InvalidInputError(
                f"{SETTING_NAME}={cluster!r} is for a ClickHouse server, and the data is in "
                "chDB: unset it, or set NEONBLUE_CLICKHOUSE_DSN"
            )
        return Layout()
    _refuse_tables(database, cluster)
    if cluster == "replicated":
        return Layout(cluster=cluster, alone=_replicas(database) == 1)
    return Layout(cluster=cluster)


def _refuse_tables(database: Database, cluster: Cluster) -> None:
    """Our tables must be MergeTree tables of the kind that the setting says."""
    rows = database.rows(
        "SELECT name, engine FROM system.tables WHERE database = currentDatabase() "
        "AND name IN ('events', 'schema_migrations', 'forgotten') ORDER BY name"
    )
    for name, engine in rows:
        if not str(engine).endswith("MergeTree"):
            raise InvalidInputError(
                f"the table {name!r} is {engine}: NeonBlue writes to MergeTree tables of its own "
                "and erases users from them, which it cannot through such a table. Name a "
                "database of its own in NEONBLUE_CLICKHOUSE_DSN"
            )
        said = _kind(str(engine))
        if said != cluster:
            raise InvalidInputError(
                f"the table {name!r} is {engine}, and {SETTING_NAME} is {cluster!r}: set "
                f"{SETTING_NAME}={said}, or name another database in NEONBLUE_CLICKHOUSE_DSN"
            )


def _kind(engine: str) -> Cluster:
    if engine.startswith("Replicated"):
        return "replicated"
    return "cloud" if engine.startswith("Shared") else "none"


def _replicas(database: Database) -> int:
    """How many replicas the cluster of this server has; it must have one shard."""
    macros: dict[str, str] = dict(database.rows("SELECT macro, substitution FROM system.macros"))
    missing = [name for name in ("cluster", "shard", "replica") if name not in macros]
    if missing:
        raise InvalidInputError(
            f"{SETTING_NAME}='replicated' needs the macros cluster, shard and replica on every "
            f"server; {', '.join(missing)} is missing: define it in <macros>"
        )
    ((shards, replicas),) = database.rows(
        "SELECT uniqExact(shard_num), count() FROM system.clusters WHERE cluster = {name:String}",
        {"name": macros["cluster"]},
    )
    if shards != 1:
        raise InvalidInputError(
            f"the cluster {macros['cluster']!r} has {shards} shards: NeonBlue can be replicated "
            "but not sharded, because effects, deletions and the order of decisions need all "
            "rows in one place. Name a cluster of one shard in the macro cluster"
        )
    return int(replicas)


def _replicated(found: re.Match[str]) -> str:
    arguments = ["'/clickhouse/tables/{shard}/{database}/{table}'", "'{replica}'"]
    arguments += [found["arguments"]] if found["arguments"] else []
    return f"ENGINE = Replicated{found['kind']}({', '.join(arguments)})"


def _unreplicated(found: re.Match[str]) -> str:
    return f"{found['kind']}({found['rest']})" if found["rest"] else found["kind"]


def _with_replicated_window(found: re.Match[str]) -> str:
    """Of several inserts with one token the first counts, whenever the others come."""
    return (
        f"{found[0]}, replicated_deduplication_window = {found['inserts']}, "
        f"replicated_deduplication_window_seconds = {HUNDRED_YEARS}"
    )
