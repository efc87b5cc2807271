"""What each stored event type is taken for, and who says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """No arguments; event types with their counts, the commonest first.

    ``not_seen`` are event types that the setting names and no event has.
    """
    from neonblue.behavior.intent_training import as_dict

    kinds = workspace.event_kinds()
    counted = workspace.store.traffic.event_counts()
    rows = [
        {**as_dict(kinds.reading(one.event_type)), "events": one.events, "users": one.users}
        for one in counted
    ]
    seen = {one.event_type for one in counted}
    return {
        "events": rows,
        "not_seen": [name for name in kinds.setting if name not in seen],
    }
