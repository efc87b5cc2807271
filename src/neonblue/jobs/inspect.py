"""What the process that holds the data has open: for ``neonblue doctor``."""

from collections.abc import Mapping
from typing import Any

from neonblue.ingest.stream.report import IngestReport, ingest_report
from neonblue.intelligence.text_model.standing import text_model_standing
from neonblue.jobs import Report
from neonblue.settings import ForecastSettings
from neonblue.stores.damage import damaged_parts
from neonblue.workspace import Workspace


def run(workspace: Workspace, arguments: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Where the store is, its engine's version, how many experiments it knows, how ingestion is."""
    store = workspace.store
    report(0, 0, "asking the store")
    return {
        "store": store.database.name,
        "version": store.database.version(),
        "experiments": len(store.experiments.known()),
        "damaged": list(damaged_parts(store.database)) if store.database.embedded else [],
        "ingest": _ingest(ingest_report(store)),
        "text_model": _text_model(workspace),
        "forecast_log": _forecast_log(workspace),
    }


def _ingest(state: IngestReport) -> dict[str, Any]:
    return {
        "live_workers": state.live,
        "lag": state.lag,
        "journeys_waiting": state.journeys_waiting,
        "oldest_journey_seconds": state.oldest_journey_seconds,
        "dead_letters": sum(state.dead_letters.values()),
    }


def _forecast_log(workspace: Workspace) -> dict[str, Any]:
    check = workspace.store.forecasts.check()
    return {"unbroken": check.unbroken, "line": check.line}


def _text_model(workspace: Workspace) -> dict[str, Any]:
    standing = text_model_standing(
        workspace.store, workspace.text_models, after=ForecastSettings().retrain_after
    )
    return {
        "line": standing.line,
        "damaged": standing.damaged,
        "last_outcome": standing.last_outcome,
        "last_detail": standing.last_detail,
    }
