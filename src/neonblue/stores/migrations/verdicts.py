"""Schema: what each recorded analysis of an experiment concluded, for lists. Only appended."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="verdicts",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS verdicts (
            experiment_id String,
            version UInt32,
            looked_at DateTime64(6, 'UTC'),
            status LowCardinality(String),
            decision LowCardinality(String),
            validity LowCardinality(String),
            detail String,
            eta_days Nullable(Float64),
            metric String,
            variant_id String,
            basis LowCardinality(String),
            units UInt64,
            absolute_difference Nullable(Float64),
            ci_lower Nullable(Float64),
            ci_upper Nullable(Float64),
            relative_lift Nullable(Float64),
            relative_ci_lower Nullable(Float64),
            relative_ci_upper Nullable(Float64)
        )
        ENGINE = MergeTree ORDER BY (experiment_id, looked_at)
        """,
    ),
)
