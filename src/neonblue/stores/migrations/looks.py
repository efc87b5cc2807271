"""The ledger of looks, and how finished experiments came out."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="looks",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS looks (
            experiment_id String,
            version UInt32,
            metric LowCardinality(String),
            variant_id LowCardinality(String),
            looked_at DateTime64(6, 'UTC'),
            actor String,
            units UInt64,
            estimate Float64,
            ci_lower Float64,
            ci_upper Float64,
            p_value Float64,
            running_p_value Float64
        )
        ENGINE = MergeTree ORDER BY (experiment_id, version, metric, variant_id, looked_at)
        """,
        """
        CREATE TABLE IF NOT EXISTS outcomes (
            experiment_id String,
            version UInt32,
            metric String,
            variant_id String,
            role LowCardinality(String),
            kind LowCardinality(String),
            units UInt64,
            relative_lift Float64,
            standard_error Float64,
            decision LowCardinality(String),
            recorded_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = ReplacingMergeTree(recorded_at)
        ORDER BY (experiment_id, version, metric, variant_id)
        """,
    ),
)
