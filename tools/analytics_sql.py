"""run_analytics_sql."""

from typing import Annotated

from fastmcp.dependencies import Shared
from pydantic import Field

from neonblue.tools.effect import records
from neonblue.tools.results.analytics_sql import SqlAnswer, sql_answer
from neonblue.workspace import Workspace, open_workspace


@records(title="Run analytics SQL")
def run_analytics_sql(
    sql: Annotated[str, Field(max_length=20_000)],
    limit: Annotated[int, Field(ge=1, le=1000)] = 100,
    cursor: str | None = None,
    workspace: Workspace = Shared(open_workspace),
) -> SqlAnswer:
    """Run one read-only ClickHouse SELECT over events, experiments and outcomes.

    For what no other tool answers; for results of an experiment use
    analyze_experiment_performance. Tables: events(experiment_id, variant_id, event_type,
    timestamp, value, user_id, properties), experiments(experiment_id, name, status, started_at,
    ended_at, ...), outcomes(experiment_id, metric, variant_id, relative_lift, decision, ...).
    Anything but a plain SELECT is refused. variant_id shows only for experiments named in the
    statement by id and not for those still before their plan; each is a recorded look. user_id
    is a pseudonym. Limits: 10 s, 10,000 rows.

    Args:
        sql: e.g. SELECT event_type, count() FROM events GROUP BY 1 ORDER BY 2 DESC
        limit: Rows a page.
        cursor: next_cursor of the page before, with the same sql; stable only with ORDER BY.
    """
    return sql_answer(workspace.raw_sql.run(sql, limit=limit, cursor=cursor))


TOOLS = (run_analytics_sql,)
