"""Sessions of users with their behavioural vectors, and the key of the pseudonyms."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="sessions",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS behavior_sessions (
            user_id String,
            pseudonym String,
            started_at DateTime64(3, 'UTC'),
            ended_at DateTime64(3, 'UTC'),
            steps UInt32,
            duration_seconds Float64,
            path Array(LowCardinality(String)),
            value Float64,
            device_type LowCardinality(String),
            traffic_source LowCardinality(String),
            outcome LowCardinality(String),
            experiments Array(LowCardinality(String)),
            suspected_bot UInt8,
            vector Array(Float32) CODEC(ZSTD(1)),
            made_by LowCardinality(String),
            built_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = ReplacingMergeTree(built_at) ORDER BY (user_id, started_at)
        """,
        """
        CREATE TABLE IF NOT EXISTS pseudonym_keys (
            key String,
            made_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = MergeTree ORDER BY made_at
        """,
    ),
)
