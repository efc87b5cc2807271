"""What raw SQL may read: three tables, each a view made for the statement."""

from __future__ import annotations

from collections.abc import Mapping

VISIBLE: Mapping[str, tuple[str, ...]] = {
    "events": (
        "experiment_id",
        "variant_id",
        "event_type",
        "timestamp",
        "value",
        "user_id",
        "properties",
    ),
    "experiments": (
        "experiment_id",
        "name",
        "description",
        "hypothesis",
        "experiment_type",
        "industry",
        "status",
        "version",
        "planned_sample_size",
        "started_at",
        "ended_at",
    ),
    "outcomes": (
        "experiment_id",
        "metric",
        "variant_id",
        "role",
        "kind",
        "direction",
        "units",
        "relative_lift",
        "standard_error",
        "decision",
        "recorded_at",
    ),
}
VIEW_PREFIX = "visible_"
"""Views are called so: no stored table is, hence a name that one parser missed reaches nothing."""
OWN_PREFIX = "own_"
"""So are the statement's own WITH subqueries renamed, for the same reason."""
RESERVED = (VIEW_PREFIX, OWN_PREFIX)


def columns_in_words() -> str:
    """The tables with their columns, for messages."""
    return "; ".join(f"{table}({', '.join(columns)})" for table, columns in VISIBLE.items())
