"""Guardrails that one variant does not measure, or no longer: no evidence that nothing was harmed.

A treatment that stops sending a latency looks as if it had none. Where a variant has no event of a
guardrail's type although the other variants' rate would have given many, in all of the time or at
its end or its beginning, the comparison is not taken for a guardrail that passed.
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
    from neonblue.stores.event_presence import Presence

LEAST_COVERED = 0.5
"""Events of a measurement, relative to the control's rate, below which units are not measured."""
LEAST_EXPECTED = 30.0
"""Events that should have come where none did; by chance that happens in e^-30."""


def vanished(store: Store, experiment: Experiment, summaries: Summaries) -> dict[Key, str]:
    """Why a guardrail of a treatment is not measured like the control's, by (metric, treatment)."""
    guardrails = [metric for metric in experiment.metrics if metric.role == "guardrail"]
    if not guardrails or experiment.source == "aggregated":
        return {}
    from neonblue.stores.event_presence import event_presence

    types = sorted({name for metric in guardrails for name in _types(metric)})
    found = event_presence(store.database, experiment, types)
    units = dict(zip((one.variant_id for one in experiment.variants), summaries.units, strict=True))
    return {
        (metric.name, treatment.variant_id): why
        for metric in guardrails
        for treatment in experiment.treatments
        if (why := _why(metric, experiment.control.variant_id, treatment.variant_id, found, units))
    }


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
