"""Which user is behind each pseudonym that an answer gave."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="named_users",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS named_users (
            pseudonym String,
            user_id String,
            named_at DateTime64(3, 'UTC') DEFAULT now64(3)
        )
        ENGINE = ReplacingMergeTree(named_at) ORDER BY pseudonym
        """,
    ),
)
