"""Events: what had arrived by a moment is found without reading what came later."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="arrival_index",
    statements=(
        """
        ALTER TABLE events
        ADD INDEX IF NOT EXISTS arrivals ingested_at TYPE minmax GRANULARITY 16
        """,
    ),
)
