"""Schema: who took what, acts that wait for a person, the kill switch, the audit log.

Rows are only ever appended. In tables with a window for tokens, the engine keeps the first of
several inserts with one token.
"""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="authority",
    statements=(
        """
        CREATE TABLE IF NOT EXISTS claims (
            name String,
            claimant String,
            claimed_at DateTime64(6, 'UTC') DEFAULT now64(6)
        )
        ENGINE = MergeTree ORDER BY name
        SETTINGS non_replicated_deduplication_window = 10000
        """,
        """
        CREATE TABLE IF NOT EXISTS approvals (
            approval_id String,
            digest String,
            act String,
            figures String,
            reason String,
            actor String,
            approvers Array(String),
            requested_at DateTime64(6, 'UTC'),
            expires_at DateTime64(6, 'UTC')
        )
        ENGINE = MergeTree ORDER BY approval_id
        SETTINGS non_replicated_deduplication_window = 10000
        """,
        """
        CREATE TABLE IF NOT EXISTS approval_steps (
            approval_id String,
            step LowCardinality(String),
            content String,
            taken_at DateTime64(6, 'UTC')
        )
        ENGINE = MergeTree ORDER BY (approval_id, taken_at)
        """,
        """
        CREATE TABLE IF NOT EXISTS halts (
            halt_id String,
            step LowCardinality(String),
            content String,
            taken_at DateTime64(6, 'UTC')
        )
        ENGINE = MergeTree ORDER BY (halt_id, taken_at)
        """,
        """
        CREATE TABLE IF NOT EXISTS audit_log (
            event LowCardinality(String),
            experiment_id String,
            actor String,
            content String,
            logged_at DateTime64(6, 'UTC'),
            writer String,
            sequence UInt64,
            previous_hash String,
            hash String
        )
        ENGINE = MergeTree ORDER BY (writer, sequence)
        """,
    ),
)
