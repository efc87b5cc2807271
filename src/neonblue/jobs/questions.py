"""Lists, checks and forgets verified questions in the process that owns the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Arguments: ``act`` (list, check or forget) and ``name``. Result: ``questions``."""
    from neonblue.query import verified

    store, answerer = workspace.store, workspace.answerer
    if arguments["act"] == "forget":
        verified.forget(store, answerer, arguments["name"])
    if arguments["act"] == "check":
        found = verified.check(store, answerer, workspace.metric_catalogue, datetime.now(UTC))
        report(1.0, 1.0, "checked")
        return {"questions": [asdict(one) for one in found]}
    rows = store.verified_questions.all()
    report(1.0, 1.0, "read")
    return {
        "questions": [
            {"name": row.name, "question": row.question, "plan": row.plan} for row in rows
        ]
    }
