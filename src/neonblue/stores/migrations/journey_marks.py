"""Which journeys changed, which are indexed, which are asked for; vectors of texts by hash."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="journey_marks",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS journey_marks (
            user_id String,
            touched_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
            indexed_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
            asked SimpleAggregateFunction(sum, UInt64)
        )
        ENGINE = AggregatingMergeTree ORDER BY user_id
        """,
        """
        CREATE TABLE IF NOT EXISTS text_vectors (
            fingerprint LowCardinality(String),
            text_hash UInt64,
            vector Array(Float32) CODEC(ZSTD(1)),
            recorded_at DateTime64(3, 'UTC') DEFAULT now64(3)
        )
        ENGINE = ReplacingMergeTree(recorded_at) ORDER BY (fingerprint, text_hash)
        """,
    ),
)
