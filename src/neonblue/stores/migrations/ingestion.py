"""Ingestion: what the worker adds to events, what it refused, and how it fares."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="ingestion",
    statements=(
        # The first enrichment of an event stays: a replayed topic must not rewrite what was known
        # when the event happened. So the version grows backwards.
        """
        CREATE TABLE IF NOT EXISTS event_enrichments (
            event_id String,
            user_id String,
            user_journey_stage LowCardinality(String),
            behavioral_score Float32,
            intent LowCardinality(String),
            intent_probability Float32,
            segment LowCardinality(String),
            context_keywords String,
            sentiment_score Nullable(Float32),
            text_hash UInt64,
            likely_next_action LowCardinality(String),
            next_action_probability Nullable(Float32),
            made_by LowCardinality(String),
            enriched_at DateTime64(3, 'UTC') DEFAULT now64(3),
            precedence UInt64 DEFAULT 9000000000000 - toUnixTimestamp64Milli(enriched_at)
        )
        ENGINE = ReplacingMergeTree(precedence) ORDER BY (user_id, event_id)
        """,
        """
        CREATE TABLE IF NOT EXISTS dead_letters (
            letter_id String,
            topic LowCardinality(String),
            partition Int32,
            offset Int64,
            key String,
            payload String CODEC(ZSTD(3)),
            reason LowCardinality(String),
            detail String,
            state LowCardinality(String) DEFAULT 'waiting',
            recorded_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = ReplacingMergeTree(recorded_at) ORDER BY letter_id
        """,
        """
        CREATE TABLE IF NOT EXISTS definition_rows (
            table_name LowCardinality(String),
            row_id String,
            experiment_id String,
            content String,
            deleted UInt8,
            position UInt64,
            recorded_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = ReplacingMergeTree(position) ORDER BY (table_name, row_id)
        """,
        """
        CREATE TABLE IF NOT EXISTS ingest_workers (
            worker_id String,
            status String,
            reported_at DateTime64(3, 'UTC') DEFAULT now64(3)
        )
        ENGINE = ReplacingMergeTree(reported_at) ORDER BY worker_id
        TTL toDateTime(reported_at) + INTERVAL 1 DAY
        """,
    ),
)
