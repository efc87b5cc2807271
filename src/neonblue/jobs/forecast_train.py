"""Train the text model in the process that owns the data, from its own finished experiments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from neonblue.jobs import Report
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """No arguments; the result is what ``text_model.report.training_summary`` gives."""
    from neonblue.intelligence.text_model.own_tests import experiments_with_texts, own_pairs
    from neonblue.intelligence.text_model.report import training_summary
    from neonblue.intelligence.text_model.training import train
    from neonblue.intelligence.text_model.training_record import record_training

    now = datetime.now(UTC)
    tested = experiments_with_texts(workspace.store)
    pairs = own_pairs(workspace.store, now=now)
    training = train(
        pairs,
        workspace.embedder,
        workspace.text_models,
        source="finished experiments",
        report=report,
    )
    summary = training_summary(training)
    record_training(workspace.text_models, tested, summary, at=now)
    return summary
