"""The tables that raw SQL sees, as subqueries: variants, user ids and telling columns hidden."""

from __future__ import annotations

from collections.abc import Iterable

from neonblue.stores.missing_values import SUFFIX

EVENTS = f"""
    SELECT events.experiment_id AS experiment_id,
           if(events.experiment_id IN {{opened:Array(String)}}, toString(events.variant_id), '')
               AS variant_id,
           events.event_type AS event_type,
           events.timestamp AS timestamp,
           if(events.event_type IN {{silent:Array(String)}}, NULL, events.value) AS value,
           lower(hex(sipHash64Keyed(({{key_low:UInt64}}, {{key_high:UInt64}}), events.user_id)))
               AS user_id,
           mapFilter((name, _) -> name NOT IN {{hidden:Array(String)}}
               AND ({{all:UInt8}} OR name IN {{shown:Array(String)}}), events.properties)
               AS properties
    FROM events FINAL
    WHERE NOT endsWith(events.event_type, '{SUFFIX}')
      AND events.event_type NOT IN {{concealed:Array(String)}}"""

EXPERIMENTS = """
    SELECT plans.experiment_id AS experiment_id,
           JSONExtractString(plan, 'name') AS name,
           JSONExtractString(plan, 'description') AS description,
           JSONExtractString(plan, 'hypothesis') AS hypothesis,
           JSONExtractString(plan, 'experiment_type') AS experiment_type,
           JSONExtractString(plan, 'industry') AS industry,
           plans.status AS status,
           plans.newest AS version,
           JSONExtract(plan, 'planned_sample_size', 'Nullable(UInt64)') AS planned_sample_size,
           parseDateTime64BestEffortOrNull(JSONExtractString(plan, 'started_at'), 3, 'UTC')
               AS started_at,
           parseDateTime64BestEffortOrNull(JSONExtractString(plan, 'ended_at'), 3, 'UTC')
               AS ended_at
    FROM (
        SELECT experiment_id,
               argMax(definition, experiment_history.state_version) AS plan,
               toString(argMax(experiment_history.status, experiment_history.state_version))
                   AS status,
               max(plan_version) AS newest
        FROM experiment_history GROUP BY experiment_id
    ) AS plans
    WHERE {all:UInt8} >= 0"""

OUTCOMES = """
    SELECT experiment_id, metric, variant_id, role, kind, direction, units, relative_lift,
           standard_error, decision, recorded_at
    FROM outcomes FINAL WHERE experiment_id IN {finished:Array(String)}"""

TABLES = {"events": EVENTS, "experiments": EXPERIMENTS, "outcomes": OUTCOMES}


def with_views(text: str, tables: Iterable[str], *, prefix: str, with_end: int) -> str:
    """The statement with the views it reads in its WITH clause.

    ``with_end`` is the length of its own WITH, 0 when it has none. A statement that begins
    with a parenthesis or with FROM becomes the subquery of one that has the clause.
    """
    views = ", ".join(f"{prefix}{name} AS ({TABLES[name]})" for name in sorted(tables))
    if not views:
        return text
    if with_end:
        return f"WITH {views}, {text[with_end:].lstrip()}"
    if text.startswith("(") or text[:4].upper() == "FROM":
        return f"WITH {views} SELECT * FROM (\n{text}\n)"
    return f"WITH {views} {text}"
