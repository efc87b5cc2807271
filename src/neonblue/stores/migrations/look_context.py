"""The ledger of looks learns who looked through what, at which data, and under which plan."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="look_context",
    statements=(
        """
        ALTER TABLE looks
            ADD COLUMN IF NOT EXISTS look_id String DEFAULT '',
            ADD COLUMN IF NOT EXISTS tool LowCardinality(String) DEFAULT '',
            ADD COLUMN IF NOT EXISTS status LowCardinality(String) DEFAULT '',
            ADD COLUMN IF NOT EXISTS fingerprint String DEFAULT '',
            ADD COLUMN IF NOT EXISTS alpha Float64 DEFAULT 0,
            ADD COLUMN IF NOT EXISTS effects UInt8 DEFAULT 1,
            ADD COLUMN IF NOT EXISTS one_look UInt8 DEFAULT 0,
            ADD COLUMN IF NOT EXISTS metrics Map(String, String)
        """,
        """
        CREATE TABLE IF NOT EXISTS unit_sketches (
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
