"""Forecasts: what was said before an experiment, and what then happened. Only ever appended."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="forecasts",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS forecasts (
            forecast_id String,
            sequence UInt64,
            experiment_id String,
            model_version LowCardinality(String),
            success Float64,
            failure Float64,
            neutral Float64,
            expected_lift Float64,
            lift_lower Float64,
            lift_upper Float64,
            interval_level Float64,
            base_success Float64,
            base_failure Float64,
            base_neutral Float64,
            evidence Array(String),
            plan String,
            made_at DateTime64(6, 'UTC'),
            previous_hash String,
            hash String
        )
        ENGINE = MergeTree ORDER BY sequence
        """,
        """
        CREATE TABLE IF NOT EXISTS forecast_outcomes (
            forecast_id String,
            outcome LowCardinality(String),
            relative_lift Nullable(Float64),
            decision LowCardinality(String),
            resolved_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = MergeTree ORDER BY (forecast_id, resolved_at)
        """,
    ),
)
