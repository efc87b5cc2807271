"""Starts on units that were chosen from those that had been read, as one segment of them."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="chosen_units",
    statements=("ALTER TABLE unit_starts ADD COLUMN IF NOT EXISTS chosen UInt8 DEFAULT 0",),
)
