"""Schema: questions with the plan that somebody checked, under a name; append-only."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="verified_questions",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS verified_questions (
            name String,
            question String,
            question_key String,
            plan String,
            answered String,
            forgotten UInt8,
            recorded_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = MergeTree ORDER BY (name, recorded_at)
        """,
    ),
)
