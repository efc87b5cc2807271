"""Events: one row an event, deduplicated by ``event_id`` within a unit of an experiment."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="events",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS events (
            event_id String,
            user_id String,
            experiment_id LowCardinality(String),
            variant_id LowCardinality(String),
            event_type LowCardinality(String),
            timestamp DateTime64(3, 'UTC'),
            value Nullable(Float64),
            session_id String,
            properties Map(LowCardinality(String), String),
            source LowCardinality(String),
            ingested_at DateTime64(3, 'UTC') DEFAULT now64(3)
        )
        ENGINE = ReplacingMergeTree(ingested_at)
        ORDER BY (experiment_id, user_id, event_id)
        """,
    ),
)
