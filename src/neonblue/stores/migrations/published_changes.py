"""Schema: how far the history of experiments has been published."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="published_changes",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS published_changes (
            topic String,
            sequence UInt64,
            published_at DateTime64(3, 'UTC') DEFAULT now64(3)
        )
        ENGINE = ReplacingMergeTree(sequence) ORDER BY topic
        """,
    ),
)
