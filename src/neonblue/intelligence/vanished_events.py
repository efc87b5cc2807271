"""Guardrails that one variant does not measure, or no longer: no evidence that nothing was harmed.

A treatment that stops sending a latency looks as if it had none, and one that sends it for fewer
units as if it were faster, where values are summed a unit. Where a variant has no event of a
guardrail's type although the other variants' rate would have given many, in all of the time or at
its end or its beginning, or where fewer of its units report and those that do are worse, the
comparison is not taken for a guardrail that passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from neonblue.intelligence.summaries import Summaries
from neonblue.models import Experiment, MetricDefinition
from neonblue.stats.verdict_evidence import Key, MetricEvidence

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.event_presence import Presence, Reporters

LEAST_COVERED = 0.5
"""Events of a measurement, relative to the control's rate, below which units are not measured."""
FEWER_REPORT_Z = 4.0
"""Standard errors by which fewer units report; with what follows it is asked before each ship."""
WORSE_WHERE_REPORTED_Z = 2.0
"""Standard errors by which those that report are worse."""
LEAST_EXPECTED = 30.0
"""Events that should have come where none did; by chance that happens in e^-30."""


def vanished(store: Store, experiment: Experiment, summaries: Summaries) -> dict[Key, str]:
    """Why a guardrail of a treatment is not measured like the control's, by (metric, treatment)."""
    guardrails = [metric for metric in experiment.metrics if metric.role == "guardrail"]
    if not guardrails or experiment.source == "aggregated":
        return {}
    from neonblue.stores.event_presence import event_presence, reporters

    types = sorted({name for metric in guardrails for name in _types(metric)})
    found = event_presence(store.database, experiment, types)
    units = dict(zip((one.variant_id for one in experiment.variants), summaries.units, strict=True))
    summed = [metric for metric in guardrails if _less_by_silence(metric)]
    told = reporters(store.database, experiment, sorted({one.event_type for one in summed}))
    control, missing = experiment.control.variant_id, {}
    for metric in guardrails:
        for treatment in (one.variant_id for one in experiment.treatments):
            why = _why(metric, control, treatment, found, units)
            if not why and metric in summed:
                why = _fewer_report(metric, control, treatment, told, units)
            if why:
                missing[metric.name, treatment] = why
    return missing


def without(evidence: Sequence[MetricEvidence], missing: Mapping[Key, str]) -> list[MetricEvidence]:
    """The evidence, in which what is not measured is none; a margin is then asked for."""
    return [
        item
        if (why := missing.get(item.key)) is None
        else replace(
            item,
            ci_lower=-np.inf,
            ci_upper=np.inf,
            p_value=1.0,
            margin=0.0 if item.margin is None else item.margin,
            detail=why,
        )
        for item in evidence
    ]


def _types(metric: MetricDefinition) -> Iterable[str]:
    yield metric.event_type
    if metric.denominator_event_type is not None:
        yield metric.denominator_event_type


def _why(
    metric: MetricDefinition,
    control: str,
    treatment: str,
    found: Sequence[Presence],
    units: Mapping[str, float],
) -> str:
    for name in _types(metric):
        of_type = {one.variant_id: np.array(one.counts) for one in found if one.event_type == name}
        for one, other in ((treatment, control), (control, treatment)):
            if why := _gap(name, one, other, of_type, units):
                return why
            if _measures(metric) and (why := _thin(name, one, other, of_type, units)):
                return why
    return ""


def _measures(metric: MetricDefinition) -> bool:
    """Whether its events say how much, and not how often: then their number may not differ."""
    same = metric.kind == "ratio" and metric.denominator_event_type == metric.event_type
    return metric.kind == "quantile" or same


def _less_by_silence(metric: MetricDefinition) -> bool:
    """Whether a unit that reports nothing counts as a good one: a sum that should be small."""
    return metric.kind == "mean" and metric.aggregation == "sum" and metric.direction == "decrease"


def _fewer_report(
    metric: MetricDefinition,
    control: str,
    treatment: str,
    told: Mapping[tuple[str, str], Reporters],
    units: Mapping[str, float],
) -> str:
    """Why a smaller sum may only mean that fewer units report; '' where it need not."""
    ours, theirs = told.get((metric.event_type, treatment)), told.get((metric.event_type, control))
    if ours is None or theirs is None:
        return ""
    share, usual = ours.units / units[treatment], theirs.units / units[control]
    both = (ours.units + theirs.units) / (units[treatment] + units[control])
    error = np.sqrt(both * max(0.0, 1.0 - both) * (1 / units[treatment] + 1 / units[control]))
    if usual - share <= FEWER_REPORT_Z * error:
        return ""
    apart = np.sqrt(ours.variance / ours.units + theirs.variance / theirs.units)
    worse = ours.mean - theirs.mean > WORSE_WHERE_REPORTED_Z * apart
    measured = usual >= LEAST_COVERED and share < LEAST_COVERED * usual
    if not (worse or measured):
        return ""
    return (
        f"{share:.0%} of the units of {treatment!r} report {metric.event_type!r}, {usual:.0%} of "
        f"{control!r}, and a unit without a report counts as 0: where it is reported the mean is "
        f"{ours.mean:.4g}, beside {theirs.mean:.4g}. Measure it as a quantile or as a ratio of its "
        "own events"
    )


def _thin(
    name: str,
    one: str,
    other: str,
    counts: Mapping[str, np.ndarray],
    units: Mapping[str, float],
) -> str:
    expected = counts[other].sum() * units.get(one, 0.0) / units[other] if other in counts else 0.0
    own = counts[one].sum() if one in counts else 0
    if expected < LEAST_EXPECTED or own >= LEAST_COVERED * expected:
        return ""
    return (
        f"{one!r} has {own:,} {name!r} events where the rate of {other!r} would give "
        f"{expected:,.0f}: not everybody is measured"
    )


def _gap(
    name: str,
    one: str,
    other: str,
    counts: Mapping[str, np.ndarray],
    units: Mapping[str, float],
) -> str:
    """What ``one`` lacks that ``other`` has; '' where it lacks nothing."""
    if other not in counts or not units.get(other):
        return ""
    expected = counts[other] * units.get(one, 0.0) / units[other]
    own = counts.get(one)
    if own is None:
        if expected.sum() < LEAST_EXPECTED:
            return ""
        return f"no unit of {one!r} has a {name!r} event, {counts[other].sum():,} of {other!r} do"
    seen = np.flatnonzero(own)
    after, before = expected[seen[-1] + 1 :].sum(), expected[: seen[0]].sum()
    if max(after, before) < LEAST_EXPECTED:
        return ""
    when = "stop early" if after >= before else "begin late"
    return (
        f"{name!r} events of {one!r} {when}: where {max(after, before):,.0f} would have come at "
        f"the rate of {other!r} there is none"
    )
