"""What language models were asked and cost, read in the process that owns the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Arguments: ``days``, today among them. Result: ``models``, ``days`` and the budget of today.

    ``spent_today_usd`` is what calls of today cost, over all models and processes.
    """
    from neonblue.settings import LanguageModelSettings

    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    calls = workspace.store.model_calls
    rows = calls.by_day(today - timedelta(days=int(arguments["days"]) - 1))
    model = workspace.language_model
    budget, spent = LanguageModelSettings().daily_budget_usd, calls.spent_since(today)
    report(1.0, 1.0, "read")
    return {
        "models": [model.name("strong"), model.name("cheap")] if model is not None else [],
        "days": [asdict(row) | {"day": row.day.isoformat()} for row in rows],
        "spent_today_usd": spent,
        "daily_budget_usd": budget,
        "left_today_usd": max(0.0, budget - spent),
    }
