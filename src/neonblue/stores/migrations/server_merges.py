"""A server merges when it thinks fit: what rests for a while is not rewritten as a whole there.

In a process the merge of a table at rest is small and makes reading up to three times as fast; on a
server one event after a lull would rewrite every row, on every replica.
"""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="server_merges",
    only_on_servers=True,
    statements=(
        """
        ALTER TABLE events RESET SETTING
            min_age_to_force_merge_seconds, min_age_to_force_merge_on_partition_only
        """,
    ),
)
