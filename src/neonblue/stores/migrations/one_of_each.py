"""Of what there may be one of, the store keeps the first: a key, a forecast, its outcome.

Several processes may write at once, on several machines; a lock in one of them decides nothing.
"""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="one_of_each",
    statements=tuple(
        f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 10000"
        for table in ("pseudonym_keys", "forecasts", "forecast_outcomes")
    ),
)
