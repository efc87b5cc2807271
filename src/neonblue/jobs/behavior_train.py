"""Learn from the events in ClickHouse: sessions with vectors, next actions, intent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace

KEPT_USERS = 50_000


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """No arguments; the result says of each model whether it was kept, with its scores."""
    from neonblue.behavior.journey_index import keep_sessions
    from neonblue.behavior.training_on_events import EVENTS_EACH, train_on_events

    kinds = workspace.event_kinds()
    result = train_on_events(workspace.store.sessions, workspace.model_files, report, kinds)
    report(0, 0, "keeping sessions with their vectors")
    recent = workspace.store.sessions.recent(users=KEPT_USERS, events_each=EVENTS_EACH)
    result["sessions_kept"] = keep_sessions(workspace.store.sessions, recent, kinds)
    return result
