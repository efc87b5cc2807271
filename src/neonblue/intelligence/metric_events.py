"""Metrics whose events are not there: misspelt, never sent, or simply rare so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from neonblue.intelligence.evidence import Check, CheckStatus
from neonblue.intelligence.summaries import Summaries
from neonblue.models import Experiment, MetricDefinition
from neonblue.models.close_names import close_names
from neonblue.models.lifecycle import FINISHED_STATUSES
from neonblue.stats.sequential import BURN_IN_UNITS

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.event_types import EventTypes

NAME = "metric_events"
GRACE = timedelta(days=1)
"""How long a type that was never seen may still be waited for."""
MOST_CLOSE = 3
LEAST_LIKENESS = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One thing that a metric needs and that is not in the data, in words."""

    metric: MetricDefinition
    sentence: str
    nowhere: bool


def metric_events(
    store: Store, experiment: Experiment, summaries: Summaries, *, now: datetime
) -> Check:
    """Whether every metric finds what it is made from.

    Fails where a primary or guardrail metric needs a type that no event in all data has, once the
    experiment is past its start (a day, and burn-in) or over. Warns where the type is known but
    has not happened here, where the experiment has just begun, for secondary metrics, for units
    from a file with one row a unit (zeros leave no event), and for covariates.
    """
    doubtful = [m for m in experiment.metrics if _finds_nothing(summaries, m)]
    if summaries.units.sum() == 0 or not doubtful:
        return Check(name=NAME, status="pass", detail="every metric finds its events")
    if experiment.source == "aggregated":
        return _uploaded(experiment, summaries, doubtful)
    from neonblue.stores.event_types import event_types

    known = event_types(store.database, experiment.experiment_id)
    gaps = [gap for metric in doubtful for gap in _gaps(metric, known)]
    if not gaps:
        return Check(name=NAME, status="pass", detail="every metric finds its events")
    started = _is_past_its_start(experiment, summaries, now)
    grave = any(gap.nowhere and gap.metric.role != "secondary" for gap in gaps)
    status: CheckStatus = "fail" if grave and started else "warn"
    advice = ": correct the metric's event_type in a new version, or send the events"
    return Check(
        name=NAME,
        status=status,
        detail="; ".join(gap.sentence for gap in gaps) + (advice if status == "fail" else ""),
        metrics=tuple(dict.fromkeys(gap.metric.name for gap in gaps)),
    )


def _finds_nothing(summaries: Summaries, metric: MetricDefinition) -> bool:
    """Whether sums show no sign of the events (a quantile's show none in any case)."""
    found = [s for (name, _), s in summaries.overall.items() if name == metric.name]
    if metric.kind == "quantile" or not found:
        return True
    if all(s.mean == 0.0 for s in found):
        return True
    if metric.kind == "ratio" and all(s.denominator_mean == 0.0 for s in found):
        return True
    return metric.covariate is not None and all(s.covariate_variance == 0.0 for s in found)


def _uploaded(
    experiment: Experiment, summaries: Summaries, doubtful: list[MetricDefinition]
) -> Check:
    """Uploaded totals have no events; what is missing there is a metric without rows."""
    uploaded = {name for name, _ in summaries.overall}
    missing = [m for m in doubtful if m.name not in uploaded]
    if not missing:
        return Check(name=NAME, status="pass", detail="every metric has uploaded rows")
    grave = any(metric.role != "secondary" for metric in missing)
    sentences = [
        f"no row of the upload is of metric {m.name!r}{_alike(m.name, dict.fromkeys(uploaded, 0))}"
        for m in missing
    ]
    return Check(
        name=NAME,
        status="fail" if grave else "warn",
        detail="; ".join(sentences),
        metrics=tuple(metric.name for metric in missing),
    )


def _gaps(metric: MetricDefinition, known: EventTypes) -> Iterator[Gap]:
    for what, name in _needed(metric):
        counts = known.of(name)
        if counts.in_experiment > 0:
            continue
        if counts.anywhere > 0:
            elsewhere = f"{counts.anywhere:,} events elsewhere, none with this experiment's id"
            yield Gap(
                metric=metric,
                sentence=f"{metric.name}: {what} {name!r} has {elsewhere}",
                nowhere=False,
            )
            continue
        if known.from_rows:
            sentence = f"{metric.name}: no row of the file has anything but 0 in it ({name!r})"
            yield Gap(metric=metric, sentence=sentence, nowhere=False)
            continue
        seen = {t.name: t.in_experiment or t.anywhere for t in known.types if t.name != "exposure"}
        sentence = f"{metric.name}: no event of {what} {name!r} anywhere{_alike(name, seen)}"
        yield Gap(metric=metric, sentence=sentence, nowhere=True)
    carried = dict(known.properties)
    if metric.covariate is not None and metric.covariate not in carried:
        sentence = (
            f"{metric.name}: no exposure carries the covariate {metric.covariate!r}"
            f"{_alike(metric.covariate, carried)}"
        )
        yield Gap(metric=metric, sentence=sentence, nowhere=False)


def _needed(metric: MetricDefinition) -> Iterable[tuple[str, str]]:
    yield "event type", metric.event_type
    if metric.denominator_event_type is not None:
        yield "denominator event type", metric.denominator_event_type


def _alike(name: str, counts: dict[str, int]) -> str:
    """The names that come close, or the commonest ones, with their counts."""
    chosen = close = close_names(name, counts, MOST_CLOSE, cutoff=LEAST_LIKENESS)
    lead = "did you mean" if chosen else "there are"
    chosen = chosen or sorted(counts, key=lambda other: (-counts[other], other))[:MOST_CLOSE]
    if not chosen:
        return ""
    shown = (f"{other!r} ({counts[other]:,})" if counts[other] else repr(other) for other in chosen)
    return f", {lead} {', '.join(shown)}{'?' if close else ''}"


def _is_past_its_start(experiment: Experiment, summaries: Summaries, now: datetime) -> bool:
    if experiment.status in FINISHED_STATUSES:
        return True
    began = experiment.started_at or summaries.first_exposure_at
    enough = bool(min(summaries.units) >= BURN_IN_UNITS) or len(summaries.units) == 0
    return enough and (began is None or now - began >= GRACE)
