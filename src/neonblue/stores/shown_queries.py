"""Queries that an answer shows so that its reader can check a claim; never run by the product.

Values are written into the text as escaped literals because the reader has no parameters to bind.
"""

from collections.abc import Sequence


def literal(text: str) -> str:
    """The text as a ClickHouse string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def units_by_property(experiment_id: str, name: str) -> str:
    """Units by the value of an exposure property and variant."""
    return (
        f"SELECT properties[{literal(name)}] AS value, variant_id, uniqExact(user_id) AS units "
        f"FROM events WHERE experiment_id = {literal(experiment_id)} AND event_type = 'exposure' "
        "GROUP BY value, variant_id ORDER BY value, variant_id"
    )


def units_by_day(experiment_id: str) -> str:
    """Units by day of first exposure and variant."""
    return (
        "SELECT toDate(first_exposure) AS day, variant_id, count() AS units FROM "
        "(SELECT user_id, any(variant_id) AS variant_id, min(timestamp) AS first_exposure "
        f"FROM events WHERE experiment_id = {literal(experiment_id)} AND event_type = 'exposure' "
        "GROUP BY user_id) GROUP BY day, variant_id ORDER BY day, variant_id"
    )


def units_by_variant(experiment_id: str) -> str:
    """Units by variant."""
    return (
        "SELECT variant_id, uniqExact(user_id) AS units FROM events "
        f"WHERE experiment_id = {literal(experiment_id)} AND event_type = 'exposure' "
        "GROUP BY variant_id ORDER BY variant_id"
    )


def units_in_several_variants(experiment_id: str) -> str:
    """Units that were exposed to more than one variant."""
    return (
        "SELECT user_id, groupUniqArray(variant_id) AS variants FROM events "
        f"WHERE experiment_id = {literal(experiment_id)} AND event_type = 'exposure' "
        "GROUP BY user_id HAVING uniqExact(variant_id) > 1 LIMIT 100"
    )


def largest_values(experiment_id: str, event_type: str, aggregation: str) -> str:
    """The units that weigh most in a metric."""
    value = "sum(value)" if aggregation == "sum" else "count()"
    return (
        f"SELECT user_id, any(variant_id) AS variant_id, {value} AS total FROM events "
        f"WHERE experiment_id = {literal(experiment_id)} AND event_type = {literal(event_type)} "
        "GROUP BY user_id ORDER BY total DESC LIMIT 20"
    )


def covariate_by_variant(experiment_id: str, covariate: str) -> str:
    """Mean and deviation of a pre-exposure quantity by variant."""
    number = f"toFloat64OrNull(properties[{literal(covariate)}])"
    return (
        f"SELECT variant_id, count() AS units, avg({number}) AS mean, stddevSamp({number}) AS "
        f"deviation FROM events WHERE experiment_id = {literal(experiment_id)} "
        "AND event_type = 'exposure' GROUP BY variant_id ORDER BY variant_id"
    )


def arrival_by_day(experiment_id: str) -> str:
    """Events by day, and how long after the fact they arrived."""
    return (
        "SELECT toDate(timestamp) AS day, count() AS events, "
        "quantile(0.95)(dateDiff('second', timestamp, ingested_at)) AS late_seconds_p95 "
        f"FROM events WHERE experiment_id = {literal(experiment_id)} GROUP BY day ORDER BY day"
    )


def activity_by_days(experiment_id: str, event_type: str) -> str:
    """Events by variant and whole days since the unit's first exposure."""
    return (
        "SELECT days, variant_id, count() AS events, uniqExact(user_id) AS active_units FROM "
        "(SELECT e.user_id AS user_id, x.variant_id AS variant_id, "
        "dateDiff('day', x.exposed_at, e.timestamp) AS days FROM events AS e INNER JOIN "
        "(SELECT user_id, any(variant_id) AS variant_id, min(timestamp) AS exposed_at FROM events "
        f"WHERE experiment_id = {literal(experiment_id)} AND event_type = 'exposure' "
        "GROUP BY user_id) AS x ON e.user_id = x.user_id "
        f"WHERE e.experiment_id = {literal(experiment_id)} "
        f"AND e.event_type = {literal(event_type)} AND e.timestamp >= x.exposed_at) "
        "GROUP BY days, variant_id ORDER BY days, variant_id"
    )


def units_without_exposure(experiment_id: str, event_types: Sequence[str]) -> str:
    """Units with metric events that were never exposed."""
    types = ", ".join(map(literal, ("exposure", *event_types)))
    return (
        "SELECT user_id, anyIf(variant_id, variant_id != '') AS named_variant, count() AS events "
        f"FROM events WHERE experiment_id = {literal(experiment_id)} AND event_type IN ({types}) "
        "GROUP BY user_id HAVING countIf(event_type = 'exposure') = 0 ORDER BY user_id LIMIT 100"
    )


def events_before_exposure(experiment_id: str, event_types: Sequence[str]) -> str:
    """Units with metric events before their first exposure, and how long before."""
    types = ", ".join(map(literal, ("exposure", *event_types)))
    return (
        "SELECT user_id, anyIf(variant_id, event_type = 'exposure') AS variant_id, "
        "minIf(timestamp, event_type = 'exposure') AS exposed_at, "
        "minIf(timestamp, event_type != 'exposure') AS first_event_at "
        f"FROM events WHERE experiment_id = {literal(experiment_id)} AND event_type IN ({types}) "
        "GROUP BY user_id HAVING countIf(event_type = 'exposure') > 0 "
        "AND countIf(event_type != 'exposure') > 0 AND first_event_at < exposed_at LIMIT 100"
    )


def shared_units(experiment_id: str, other_id: str) -> str:
    """Units that two experiments share, by the variant in each."""

    def of(name: str) -> str:
        return (
            "(SELECT user_id, any(variant_id) AS variant_id FROM events "
            f"WHERE experiment_id = {literal(name)} AND event_type = 'exposure' GROUP BY user_id)"
        )

    return (
        "SELECT a.variant_id AS variant, b.variant_id AS other_variant, count() AS units FROM "
        f"{of(experiment_id)} AS a INNER JOIN {of(other_id)} AS b ON a.user_id = b.user_id "
        "GROUP BY variant, other_variant ORDER BY variant, other_variant"
    )


def rejected_rows(experiment_id: str) -> str:
    """Rows of each load of an experiment by their fate; with reason '' they were used."""
    return (
        "SELECT recorded_at, file_name, each.3 AS reason, each.2 AS variant_id, each.4 AS rows "
        f"FROM loads ARRAY JOIN counts AS each WHERE each.1 = {literal(experiment_id)} "
        "ORDER BY recorded_at, reason, variant_id"
    )
