"""One history of experiments in the place of definitions and statuses that were kept apart.

Whatever was recorded before is taken over in the order of its time; the old tables stay as they
were, and nobody reads them. A crash half-way leaves some experiments taken over: the others follow.
"""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="experiment_history",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS experiment_history (
            experiment_id String,
            state_version UInt32,
            sequence UInt64,
            change_id String,
            action LowCardinality(String),
            status LowCardinality(String),
            status_said Bool,
            plan_version UInt32,
            plan_changed Bool,
            definition String,
            source LowCardinality(String),
            actor String,
            reason String,
            details String,
            recorded_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = MergeTree ORDER BY (experiment_id, state_version)
        SETTINGS non_replicated_deduplication_window = 10000
        """,
        """
        INSERT INTO experiment_history (
            experiment_id, state_version, sequence, change_id, action, status, status_said,
            plan_version, plan_changed, definition, source, actor, reason, details, recorded_at
        )
        SELECT
            experiment_id,
            row_number() OVER of_one AS state_version,
            taken + row_number() OVER (ORDER BY experiment_id, first DESC, at, planned DESC),
            concat('migrated ', experiment_id, ' ', toString(state_version)),
            'migrated',
            if(
                countIf(NOT planned) OVER before > 0,
                argMaxIf(status, at, NOT planned) OVER before,
                argMaxIf(status, version, planned) OVER before
            ),
            NOT planned,
            max(version) OVER before,
            planned,
            argMax(definition, version) OVER before,
            source, actor, reason, '', at
        FROM (
            SELECT
                experiment_id, version = 1 AS first, true AS planned, version, definition,
                JSONExtractString(definition, 'status') AS status, source, source AS actor,
                '' AS reason, recorded_at AS at
            FROM experiment_definitions FINAL
            UNION ALL
            SELECT
                experiment_id, false, false, 0, '', status, actor, actor, reason, changed_at
            FROM experiment_statuses
        ) AS old
        CROSS JOIN (SELECT max(sequence) AS taken FROM experiment_history) AS place
        WHERE experiment_id NOT IN (SELECT experiment_id FROM experiment_history)
        WINDOW
            of_one AS (PARTITION BY experiment_id ORDER BY first DESC, at, planned DESC),
            before AS (
                PARTITION BY experiment_id ORDER BY first DESC, at, planned DESC
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            )
        """,
    ),
)
