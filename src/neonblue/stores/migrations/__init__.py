"""The schema, as named steps that are only ever appended; each runs once a database.

Add a module with a ``MIGRATION`` and put it at the end of ``MIGRATIONS``; never edit one that has
been released. Statements run on chDB and on a ClickHouse server alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neonblue.errors import ConflictError
from neonblue.stores.migrations import (
    aggregates,
    arrival_index,
    authority,
    chosen_units,
    documents,
    events,
    experiment_history,
    experiments,
    forecast_chain,
    forecasts,
    forgotten,
    idle_merges,
    ingestion,
    journey_marks,
    load_counts,
    loads,
    look_context,
    look_information,
    looks,
    loop,
    model_calls,
    named_users,
    one_of_each,
    outcome_families,
    published_changes,
    server_merges,
    sessions,
    traffic_batches,
    tuning,
    unit_starts,
    user_lookup,
    verdicts,
    verified_questions,
)

if TYPE_CHECKING:
    from neonblue.stores.database import Database
    from neonblue.stores.migrations.migration import Migration

MIGRATIONS: tuple[Migration, ...] = (
    events.MIGRATION,
    experiments.MIGRATION,
    aggregates.MIGRATION,
    loads.MIGRATION,
    documents.MIGRATION,
    forecasts.MIGRATION,
    looks.MIGRATION,
    ingestion.MIGRATION,
    journey_marks.MIGRATION,
    sessions.MIGRATION,
    user_lookup.MIGRATION,
    idle_merges.MIGRATION,
    forgotten.MIGRATION,
    named_users.MIGRATION,
    outcome_families.MIGRATION,
    look_context.MIGRATION,
    look_information.MIGRATION,
    forecast_chain.MIGRATION,
    load_counts.MIGRATION,
    authority.MIGRATION,
    unit_starts.MIGRATION,
    experiment_history.MIGRATION,
    published_changes.MIGRATION,
    chosen_units.MIGRATION,
    loop.MIGRATION,
    arrival_index.MIGRATION,
    model_calls.MIGRATION,
    traffic_batches.MIGRATION,
    verified_questions.MIGRATION,
    tuning.MIGRATION,
    server_merges.MIGRATION,
    one_of_each.MIGRATION,
    verdicts.MIGRATION,
)

APPLIED_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree ORDER BY name
"""


def migrate(database: Database, migrations: tuple[Migration, ...] = MIGRATIONS) -> list[str]:
    """Bring the schema up to date and return the names of what was applied now."""
    with database.writing():
        done = _applied(database)
        _refuse_unknown(done, {migration.name for migration in migrations})
        missing = [migration for migration in migrations if migration.name not in done]
        for migration in missing:
            if not (database.embedded and migration.only_on_servers):
                for statement in migration.statements:
                    database.command(statement)
            database.insert_rows("schema_migrations", ["name"], [[migration.name]])
        return [migration.name for migration in missing]


def _applied(database: Database) -> set[str]:
    """What has been applied; where all has, nothing but reads is sent."""
    there = database.row(
        "SELECT 1 FROM system.tables WHERE database = currentDatabase() "
        "AND name = 'schema_migrations'"
    )
    if there is None:
        database.command(APPLIED_TABLE)
    return {name for (name,) in database.rows("SELECT DISTINCT name FROM schema_migrations")}


def _refuse_unknown(done: set[str], known: set[str]) -> None:
    unknown = sorted(done - known)
    if unknown:
        raise ConflictError(
            f"the data was written by a newer neonblue (unknown migrations {unknown!r}): "
            "upgrade neonblue, or point NEONBLUE_DATA_DIR at another folder"
        )
