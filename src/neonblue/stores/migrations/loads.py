"""Loads: what each bulk load did; the ``ready`` row is its commit point."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="loads",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS loads (
            load_id String,
            state LowCardinality(String),
            experiment_id String,
            definition String,
            file_name String,
            rows_read UInt64,
            rows_kept UInt64,
            recorded_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = MergeTree ORDER BY (load_id, recorded_at)
        """,
    ),
)
