"""The ledger of looks keeps what a unit carried: the time of a sequence is information."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="look_information",
    statements=(
        """
        ALTER TABLE looks
            ADD COLUMN IF NOT EXISTS compared_units Float64 DEFAULT 0,
            ADD COLUMN IF NOT EXISTS information Float64 DEFAULT 0,
            ADD COLUMN IF NOT EXISTS settled UInt8 DEFAULT 0,
            ADD COLUMN IF NOT EXISTS units_ended UInt8 DEFAULT 0
        """,
    ),
)
