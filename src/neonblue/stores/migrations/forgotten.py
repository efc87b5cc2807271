"""Users who asked to be forgotten, as keyed hashes: enough to know them again, not to name them."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="forgotten",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS forgotten (
            digest String,
            accepted_from DateTime64(3, 'UTC'),
            recorded_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = ReplacingMergeTree(recorded_at) ORDER BY digest
        """,
    ),
)
