"""Outcomes say which way is good and over which events; those of before learn it from the plan."""

from neonblue.stores.migrations.migration import Migration

MIGRATION = Migration(
    name="outcome_families",
    statements=(
        """
        ALTER TABLE outcomes
        ADD COLUMN IF NOT EXISTS direction LowCardinality(String) DEFAULT '' AFTER kind,
        ADD COLUMN IF NOT EXISTS event_type String DEFAULT '' AFTER direction
        """,
        """
        INSERT INTO outcomes (
            experiment_id, version, metric, variant_id, role, kind, direction, event_type, units,
            relative_lift, standard_error, decision
        )
        SELECT
            past.experiment_id, past.version, past.metric, past.variant_id, past.role, past.kind,
            plan.direction, plan.event_type, past.units, past.relative_lift, past.standard_error,
            past.decision
        FROM (SELECT * FROM outcomes FINAL) AS past
        INNER JOIN (
            SELECT
                experiment_id,
                version,
                arrayJoin(JSONExtractArrayRaw(definition, 'metrics')) AS part,
                JSONExtractString(part, 'name') AS metric,
                JSONExtractString(part, 'direction') AS direction,
                JSONExtractString(part, 'event_type') AS event_type
            FROM experiment_definitions FINAL
        ) AS plan
        ON past.experiment_id = plan.experiment_id AND past.version = plan.version
            AND past.metric = plan.metric
        WHERE past.direction = ''
        """,
    ),
)
