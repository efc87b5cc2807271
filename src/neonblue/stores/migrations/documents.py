"""Documents: text, metadata and vector of what the memory holds; Chroma only indexes them."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="documents",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS documents (
            collection LowCardinality(String),
            document_id String,
            text String,
            text_values Map(LowCardinality(String), String),
            number_values Map(LowCardinality(String), Float64),
            list_values Map(LowCardinality(String), Array(String)),
            content_hash String,
            fingerprint LowCardinality(String),
            vector Array(Float32) CODEC(ZSTD(1)),
            recorded_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = ReplacingMergeTree(recorded_at) ORDER BY (collection, document_id)
        """,
    ),
)
