"""Uploaded aggregates: one row a variant, metric, segment and time instead of events."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="aggregates",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS aggregates (
            experiment_id String,
            metric String,
            variant_id String,
            observed_at DateTime64(3, 'UTC'),
            n Float64,
            mean Float64,
            variance Float64,
            ingested_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = ReplacingMergeTree(ingested_at)
        ORDER BY (experiment_id, metric, variant_id, observed_at)
        """,
    ),
)
