"""Schema: studies that tune parameters: what was declared, asked and told. Only ever appended."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="tuning",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS tuning_records (
            study_id String,
            kind LowCardinality(String),
            trial UInt32,
            content String,
            recorded_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = MergeTree ORDER BY (study_id, trial, recorded_at)
        SETTINGS non_replicated_deduplication_window = 10000
        """,
    ),
)
