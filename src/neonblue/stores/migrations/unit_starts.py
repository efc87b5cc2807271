"""When an experiment lost the units that it had, and by what units are known besides their ids."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="unit_starts",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS unit_starts (
            experiment_id String,
            started_at DateTime64(6, 'UTC') DEFAULT now64(6),
            readings UInt64
        )
        ENGINE = MergeTree ORDER BY (experiment_id, started_at)
        """,
        """
        CREATE TABLE IF NOT EXISTS content_sketches (
            experiment_id String,
            unit_hash UInt64,
            variant_id LowCardinality(String),
            units UInt64,
            sketched_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = ReplacingMergeTree(sketched_at) ORDER BY (experiment_id, unit_hash)
        """,
    ),
)
