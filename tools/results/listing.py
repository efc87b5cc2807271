"""The answer of ``list_experiments``."""

from datetime import datetime

from pydantic import Field

from neonblue.intelligence.effect_words import recorded_effect
from neonblue.intelligence.listing import Listed, Page, short_detail
from neonblue.tools.results.figure import Answer, Fenced, Figure


class ExperimentRow(Answer):
    """One experiment in a list; the verdict is the newest that a look has recorded."""

    experiment_id: str
    name: Fenced
    status: str
    decision: str | None = Field(description="null where nobody has looked at this version")
    validity: str
    detail: str | None = Field(description="the first reason of the verdict")
    primary_metric: str | None
    variant: str | None = Field(description="the treatment that the effect is of")
    effect: str | None = Field(description="difference with the interval that decided")
    relative_lift: Figure | None
    relative_ci_lower: Figure | None
    relative_ci_upper: Figure | None
    variants: list[str]
    units: int
    planned_units: int | None
    days: Figure | None = Field(description="since its start, or from start to end")
    eta_days: Figure | None
    started_at: datetime | None
    ended_at: datetime | None
    last_event_at: datetime | None
    looked_at: datetime | None


class ExperimentList(Answer):
    """A page of experiments; without ``next_cursor`` it is the last one."""

    total: int
    next_cursor: str | None
    detail: str
    experiments: list[ExperimentRow]


def listed(page: Page, now: datetime) -> ExperimentList:
    """The page as an answer, as of ``now`` (UTC)."""
    return ExperimentList(
        total=page.total,
        next_cursor=page.next_cursor,
        detail=_hint(page),
        experiments=[_row(item, page, now) for item in page.experiments],
    )


def _hint(page: Page) -> str:
    said = ["verdicts are of the newest recorded look: analyze_experiment_performance looks again"]
    if page.total == 0:
        said = ["nothing matches; load data with `neonblue load`, or try without filters"]
    if page.unlooked:
        said.append(
            f"{page.unlooked} have no verdict (validity=unknown): nobody has looked at them"
        )
    if page.next_cursor:
        said.append("there are more: call again with next_cursor")
    return "; ".join(said)


def _row(item: Listed, page: Page, now: datetime) -> ExperimentRow:
    plan, seen, verdict = item.experiment, page.seen.get(item.experiment_id), item.verdict
    primary = [metric.name for metric in plan.metrics if metric.role == "primary"] if plan else []
    planned = [variant.variant_id for variant in plan.variants] if plan else []
    return ExperimentRow(
        experiment_id=item.experiment_id,
        name=plan.name if plan else "",
        status=item.status,
        decision=verdict.decision if verdict else None,
        validity=item.validity,
        detail=short_detail(verdict) or None if verdict else None,
        primary_metric=(verdict.metric if verdict else "") or (primary[0] if primary else None),
        variant=verdict.variant_id or None if verdict else None,
        effect=recorded_effect(plan, verdict) if plan and verdict else None,
        relative_lift=verdict.relative_lift if verdict else None,
        relative_ci_lower=verdict.relative_ci_lower if verdict else None,
        relative_ci_upper=verdict.relative_ci_upper if verdict else None,
        variants=planned or list(seen.variants if seen else ()),
        units=seen.units if seen else page.uploaded_units.get(item.experiment_id, 0),
        planned_units=plan.planned_sample_size if plan else None,
        days=_tenth(item.days(now)),
        eta_days=_tenth(verdict.eta_days) if verdict else None,
        started_at=_second(item.started_at),
        ended_at=_second(item.ended_at),
        last_event_at=_second(seen.last_event_at if seen else None),
        looked_at=_second(verdict.looked_at) if verdict else None,
    )


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _second(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(microsecond=0)
