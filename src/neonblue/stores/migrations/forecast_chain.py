"""Outcomes join the chain of forecasts: each entry has its writer, its place and its hash.

Rows of before have version 1: forecasts in one chain without a writer, outcomes in none.
"""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="forecast_chain",
    statements=(
        """
        ALTER TABLE forecasts
            ADD COLUMN IF NOT EXISTS version UInt8 DEFAULT 1,
            ADD COLUMN IF NOT EXISTS writer String DEFAULT '',
            ADD COLUMN IF NOT EXISTS logged_at DateTime64(6, 'UTC') DEFAULT made_at
        """,
        """
        ALTER TABLE forecast_outcomes
            ADD COLUMN IF NOT EXISTS version UInt8 DEFAULT 1,
            ADD COLUMN IF NOT EXISTS writer String DEFAULT '',
            ADD COLUMN IF NOT EXISTS sequence UInt64 DEFAULT 0,
            ADD COLUMN IF NOT EXISTS previous_hash String DEFAULT '',
            ADD COLUMN IF NOT EXISTS hash String DEFAULT ''
        """,
    ),
)
