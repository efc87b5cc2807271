"""What the memory says about an analysed experiment: what resembles it, what was to be expected.

Context for its reader, never evidence: nothing here touches the verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from neonblue.errors import NeonBlueError
from neonblue.intelligence.deciding import leading_primary
from neonblue.intelligence.evidence import Analysis
from neonblue.intelligence.forecast.outlook import Outlook, outlook
from neonblue.intelligence.forecast.past import Past, SimilarExperiment, read_past
from neonblue.intelligence.forecast.plan import ForecastPlan
from neonblue.intelligence.forecast.sizing import relative_standard_error
from neonblue.memory.library import Memory
from neonblue.models.lifecycle import FINISHED_STATUSES

Known = Literal["available", "insufficient_data", "not_available"]
MOST_SIMILAR = 3
TOO_FEW = "fewer than three finished experiments are remembered; load past ones to learn from"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Each part says by itself whether it is known."""

    similar_status: Known
    similar_detail: str
    similar: tuple[SimilarExperiment, ...]
    outlook_status: Known
    outlook_detail: str
    outlook: Outlook | None


def context_of(open_memory: Callable[[], Memory], analysis: Analysis) -> Context:
    """Similar past experiments and, while it has not ended, the odds they give this one.

    A memory that cannot be opened or asked costs the context, never the analysis. What finished
    a moment ago may be missing from it: nobody waits for it here.
    """
    try:
        past = read_past(open_memory(), _plan(analysis), late=True)
    except NeonBlueError as error:  # also an index of another embedding model
        return _unknown("not_available", str(error))
    if past is None:
        return _unknown("insufficient_data", TOO_FEW)
    status, detail, expected = _expected(analysis, past)
    return Context(
        similar_status="available",
        similar_detail=f"{past.experiments} finished experiments are remembered",
        similar=past.similar[:MOST_SIMILAR],
        outlook_status=status,
        outlook_detail=detail,
        outlook=expected,
    )


def _expected(analysis: Analysis, past: Past) -> tuple[Known, str, Outlook | None]:
    if analysis.experiment.status in FINISHED_STATUSES:
        return "not_available", "it has ended; forecast_calibration judges earlier forecasts", None
    plan = _plan(analysis)
    error = relative_standard_error(plan, plan.planned_sample_size)
    expected = outlook(past, standard_error=error, alpha=analysis.experiment.alpha)
    return "available", "from past experiments alone, without this one's data", expected


def _unknown(status: Known, detail: str) -> Context:
    return Context(
        similar_status=status,
        similar_detail=detail,
        similar=(),
        outlook_status=status,
        outlook_detail=detail,
        outlook=None,
    )


def _plan(analysis: Analysis) -> ForecastPlan:
    experiment, primary = analysis.experiment, leading_primary(analysis)
    shares = primary is not None and primary.metric.kind == "proportion"
    return ForecastPlan(
        experiment=experiment,
        metric=primary.metric.name if primary else "the primary metric",
        metric_kind="proportion" if shares else "mean",
        baseline=primary.comparison.mean_control if shares and primary else None,
        mde=primary.metric.mde if primary else None,
        planned_sample_size=experiment.planned_sample_size,
    )
