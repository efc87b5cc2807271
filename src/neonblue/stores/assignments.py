"""Assignments that were recorded apart from exposures, as ``assignment`` events."""

from neonblue.stores.database import Database


def assigned_units(database: Database, experiment_id: str) -> dict[str, int]:
    """Units by the variant they were assigned to; empty where assignments are not recorded."""
    rows = database.rows(
        """
        SELECT variant_id, uniqExact(user_id) FROM events
        WHERE experiment_id = {id:String} AND event_type = 'assignment'
        GROUP BY variant_id ORDER BY variant_id
        """,
        {"id": experiment_id},
    )
    return dict(rows)
