"""Effects where the weights of new units were changed: the AIPW sequence, never plain means.

Averages over all units so far, each batch weighed by its known chances; they hold at every look,
also where the weights followed from the outcomes.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from neonblue.intelligence.effects import textbook
from neonblue.intelligence.evidence import Check, Comparison, MetricEffects, Validity
from neonblue.intelligence.summaries import Summaries
from neonblue.intelligence.terms import Terms
from neonblue.intelligence.validity import WEIGHTS_KEPT
from neonblue.intelligence.weight_periods import (
    KINDS,
    MAX_STRAY_FRACTION,
    AdaptedUnits,
    adapted_units,
)
from neonblue.models import Experiment, MetricDefinition
from neonblue.stats.adaptive import Batches, adaptive_means, adaptive_sequence
from neonblue.stats.comparison import InsufficientData
from neonblue.stats.sequential import ConfidenceSequence, insufficient

if TYPE_CHECKING:
    from neonblue.stores import Store

NOTE = (
    "the weights of new units were changed: effects are averages over all units, weighed by the "
    "chances that each had (AIPW), and hold at every look; segments and effects by days are "
    "withheld"
)
SEGMENTS_WITHHELD = "the weights of new units were changed: segments would mix other days"
NOT_READ = (
    "the weights of new units were changed, and a {kind} has no comparison that holds after that"
)


def adapted(store: Store, experiment: Experiment, validity: Validity) -> AdaptedUnits | None:
    """The batches of an experiment that only its moved weights make unreadable; None else."""
    failed = [check.name for check in validity.failed]
    if failed != [WEIGHTS_KEPT] or experiment.source == "aggregated":
        return None
    found = adapted_units(store, experiment)
    return None if found.stray_fraction > MAX_STRAY_FRACTION else found


def readable(validity: Validity) -> Validity:
    """The validity of an analysis that takes the chances of every batch into account."""
    return replace(validity, checks=tuple(map(_noted, validity.checks)))


def weights_moved(validity: Validity) -> bool:
    """Whether the weights of new units were changed while they came in."""
    return any(check.name == WEIGHTS_KEPT and check.status != "pass" for check in validity.checks)


def _noted(check: Check) -> Check:
    if check.name != WEIGHTS_KEPT or check.status != "fail":
        return check
    return replace(check, status="warn", detail=f"{check.detail}; {NOTE}")


def adaptive_effects(
    experiment: Experiment,
    metric: MetricDefinition,
    units: AdaptedUnits,
    summaries: Summaries,
    terms: Terms,
) -> MetricEffects:
    """One metric of every treatment against control."""
    batches = units.batches.get(metric.name)
    if metric.kind not in KINDS or batches is None or not batches.n.any():
        why = "no units yet" if metric.kind in KINDS else NOT_READ.format(kind=metric.kind)
        return MetricEffects(
            definition=metric,
            status="insufficient_data",
            detail=why,
            gaps={variant.variant_id: why for variant in experiment.treatments},
        )
    comparisons = []
    gaps: dict[str, str] = {}
    for variant in experiment.treatments:
        found = _compared(experiment, metric, variant.variant_id, batches, summaries, terms)
        if isinstance(found, str):
            gaps[variant.variant_id] = found
        else:
            comparisons.append(found)
    return MetricEffects.of(metric, comparisons, gaps)


def _compared(
    experiment: Experiment,
    metric: MetricDefinition,
    variant: str,
    batches: Batches,
    summaries: Summaries,
    terms: Terms,
) -> Comparison | str:
    control_id = experiment.control.variant_id
    names = [one.variant_id for one in experiment.variants]
    control, treatment = names.index(control_id), names.index(variant)
    if not (batches.n[:, control].any() and batches.n[:, treatment].any()):
        return "no units in one of the two variants"
    sequence = _sequence(experiment, metric, batches, (control, treatment), summaries, terms)
    means = adaptive_means(batches, (control, treatment))
    lift = sequence.estimate / abs(means[0]) if means[0] else math.nan
    return Comparison(
        metric=metric.name,
        variant=variant,
        n_control=int(batches.n[:, control].sum()),
        n_treatment=int(batches.n[:, treatment].sum()),
        mean_control=means[0],
        mean_treatment=means[1],
        absolute_difference=sequence.estimate,
        standard_error=sequence.standard_error,
        ci_lower=sequence.ci_lower,
        ci_upper=sequence.ci_upper,
        relative_lift=lift if math.isfinite(lift) else None,
        relative_standard_error=None,
        relative_ci_lower=None,
        relative_ci_upper=None,
        p_value=sequence.p_value,
        least_p_value=min(sequence.p_value, terms.least_p.get((metric.name, variant), 1.0)),
        fixed_horizon=None,
        chance_to_win=None,
        expected_loss=None,
        shrunk_relative_lift=None,
        note=sequence.detail or None,
    )


def _sequence(
    experiment: Experiment,
    metric: MetricDefinition,
    batches: Batches,
    pair: tuple[int, int],
    summaries: Summaries,
    terms: Terms,
) -> ConfidenceSequence:
    """The sequence, or why it is too early: rare outcomes have the guard of all comparisons."""
    control, treatment = (experiment.variants[place].variant_id for place in pair)
    found = adaptive_sequence(
        batches,
        control=pair[0],
        treatment=pair[1],
        planned_n=terms.planned_units,
        alpha=experiment.alpha,
    ).last
    plain = textbook(
        metric,
        summaries.of(metric.name, control),
        summaries.of(metric.name, treatment),
        experiment.alpha,
    )
    if isinstance(plain, InsufficientData):
        return insufficient(found.estimate, found.standard_error, plain.detail)
    waiting = terms.horizon(experiment, treatment, metric.name).waiting(plain)
    return insufficient(found.estimate, found.standard_error, waiting) if waiting else found
