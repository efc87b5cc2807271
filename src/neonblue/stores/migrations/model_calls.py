"""Schema: calls to language models: what was asked for, by whom answered, and what it cost.

Neither prompts nor answers are kept.
"""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="model_calls",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS model_calls (
            call_id String,
            tool LowCardinality(String),
            prompt LowCardinality(String),
            provider LowCardinality(String),
            model LowCardinality(String),
            resolved_model LowCardinality(String),
            outcome LowCardinality(String),
            input_tokens UInt64,
            cached_tokens UInt64,
            cache_write_tokens UInt64,
            output_tokens UInt64,
            latency_ms Float64,
            cost_usd Float64,
            exact UInt8,
            called_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = MergeTree ORDER BY called_at
        """,
    ),
)
