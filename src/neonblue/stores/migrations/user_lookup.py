"""A filter that finds one user's events without reading everybody's."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="user_lookup",
    statements=(
        """
        ALTER TABLE events
        ADD INDEX IF NOT EXISTS by_user user_id TYPE bloom_filter(0.001) GRANULARITY 1
        """,
        "ALTER TABLE events MATERIALIZE INDEX by_user",
    ),
)
