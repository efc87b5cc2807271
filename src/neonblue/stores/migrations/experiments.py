"""Experiments: every version of a definition and every change of status, appended."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="experiments",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS experiment_definitions (
            experiment_id String,
            version UInt32,
            definition String,
            source LowCardinality(String),
            recorded_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = ReplacingMergeTree(recorded_at) ORDER BY (experiment_id, version)
        """,
        """
        CREATE TABLE IF NOT EXISTS experiment_statuses (
            experiment_id String,
            status LowCardinality(String),
            reason String,
            actor String,
            changed_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = MergeTree ORDER BY (experiment_id, changed_at)
        """,
    ),
)
