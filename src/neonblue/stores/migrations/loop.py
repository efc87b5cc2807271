"""Schema: goals of the loop, the experiments it proposed for them, and what it did.

Rows are only ever appended; the newest row of a goal, and the first of a proposal, count.
"""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="loop",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS loop_goals (
            goal_id String,
            content String,
            recorded_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = MergeTree ORDER BY (goal_id, recorded_at)
        """,
        """
        CREATE TABLE IF NOT EXISTS loop_proposals (
            goal_id String,
            experiment_id String,
            content String,
            proposed_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = MergeTree ORDER BY (goal_id, experiment_id)
        SETTINGS non_replicated_deduplication_window = 10000
        """,
        """
        CREATE TABLE IF NOT EXISTS loop_steps (
            goal_id String,
            experiment_id String,
            act LowCardinality(String),
            outcome LowCardinality(String),
            reason String,
            taken_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = MergeTree ORDER BY (goal_id, taken_at)
        """,
    ),
)
