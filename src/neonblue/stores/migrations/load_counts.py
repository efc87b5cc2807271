"""Loads keep what became of the rows of their file: used, or left out for a reason, by variant."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="load_counts",
    statements=(
        """
        ALTER TABLE loads
            ADD COLUMN IF NOT EXISTS counts Array(Tuple(
                experiment_id String, variant_id String, reason String, rows UInt64
            )),
            ADD COLUMN IF NOT EXISTS fingerprint String DEFAULT ''
        """,
    ),
)
