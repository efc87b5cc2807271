"""Schema: the chances of each batch of units under adaptive allocation, and what was proposed next.

Rows are only ever appended, one a proposal upon one state of the data.
"""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="traffic_batches",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS traffic_batches (
            experiment_id String,
            state_version UInt32,
            plan_version UInt32,
            batch UInt32,
            policy LowCardinality(String),
            metric String,
            floor Float64,
            variants Array(String),
            units Array(UInt64),
            chances Array(Float64),
            proposed Array(Float64),
            standing LowCardinality(String),
            recorded_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = MergeTree ORDER BY (experiment_id, recorded_at)
        SETTINGS non_replicated_deduplication_window = 10000
        """,
    ),
)
