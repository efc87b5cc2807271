"""Events: when nothing has come for a while, merge them into one part, which is read fastest.

Reading with FINAL costs nothing over one merged part and up to three times over several. Only a
table that rests as a whole is merged, so a steady stream is not rewritten again and again.
"""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="idle_merges",
    statements=(
        """
        ALTER TABLE events MODIFY SETTING
            min_age_to_force_merge_seconds = 15,
            min_age_to_force_merge_on_partition_only = 1
        """,
    ),
)
