"""Effects that are no longer what they were: what earlier looks saw, and the first days' units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from neonblue.intelligence.effects import textbook
from neonblue.intelligence.terms import Terms
from neonblue.intelligence.timeline import Step, cumulative_steps
from neonblue.models import Experiment, MetricDefinition
from neonblue.stats.comparison import Comparison, InsufficientData
from neonblue.stats.effect_change import (
    SPLIT_SHARES,
    EarlierLook,
    change_since_looks,
    fade_limit,
    faded_between_batches,
    faded_since_looks,
    part_of,
    weakening,
)
from neonblue.stats.moments import removed
from neonblue.stats.verdict_evidence import (
    EffectChange,
    Key,
    MetricEvidence,
    Progress,
    Verdict,
)

if TYPE_CHECKING:
    from datetime import datetime

    from neonblue.intelligence.weight_periods import AdaptedUnits
    from neonblue.stores import Store
    from neonblue.stores.look_extremes import LookExtreme

Parts = tuple["datetime", Comparison, Comparison]


def changes_in_looks(
    store: Store, experiment: Experiment, evidence: Iterable[MetricEvidence], progress: Progress
) -> dict[Key, EffectChange]:
    """Where the current interval contradicts what an earlier look of this version said."""
    looks = _earlier_looks(store, experiment)
    found = {
        item.key: change_since_looks(
            item, looks.get(item.key, ()), progress=progress, alpha=experiment.alpha
        )
        for item in evidence
    }
    return {key: change for key, change in found.items() if change is not None}


def fading_winners(
    store: Store,
    experiment: Experiment,
    verdict: Verdict,
    terms: Terms,
    *,
    evidence: Sequence[MetricEvidence],
    progress: Progress,
    as_of: datetime,
) -> dict[Key, EffectChange]:
    """Of the effects that a verdict ships on, those that late units no longer show.

    Costs a scan a metric and is only asked where something would ship. Where units have no times
    the looks before tell early from late.
    """
    found = {}
    of_key = {item.key: item for item in evidence}
    for reason in verdict.reasons:
        shipped = reason.variant is not None and verdict.by_variant.get(reason.variant) == "ship"
        if reason.code == "success" and shipped and reason.metric and reason.variant:
            metric = next(m for m in experiment.metrics if m.name == reason.metric)
            steps = list(cumulative_steps(store, experiment, metric, reason.variant, as_of))
            key = reason.metric, reason.variant
            if len(steps) < 2 and key in of_key:
                looks = _looks_on_the_way(store, experiment, progress.n).get(key, ())
                change = faded_since_looks(
                    of_key[key], looks, progress=progress, alpha=experiment.alpha
                )
            else:
                change = _fading(experiment, metric, reason.variant, steps, terms)
            if change is not None:
                found[reason.metric, reason.variant] = change
    return found


def fading_after_moves(
    experiment: Experiment, verdict: Verdict, moved: AdaptedUnits, terms: Terms
) -> dict[Key, EffectChange]:
    """The same where the weights of new units were changed: early and late batches by AIPW."""
    names = [variant.variant_id for variant in experiment.variants]
    control = names.index(experiment.control.variant_id)
    found = {}
    for reason in verdict.reasons:
        shipped = reason.variant is not None and verdict.by_variant.get(reason.variant) == "ship"
        if reason.code != "success" or not shipped or not (reason.metric and reason.variant):
            continue
        metric = next(m for m in experiment.metrics if m.name == reason.metric)
        change = faded_between_batches(
            moved.batches[metric.name],
            (control, names.index(reason.variant)),
            good=1.0 if metric.direction == "increase" else -1.0,
            planned_n=terms.planned_units,
            alpha=experiment.alpha,
        )
        if change is not None:
            found[reason.metric, reason.variant] = change
    return found


def _earlier_looks(store: Store, experiment: Experiment) -> Mapping[Key, Sequence[EarlierLook]]:
    from neonblue.stores.look_extremes import look_extremes

    return _by_key(look_extremes(store.database, experiment.experiment_id, experiment.version))


def _looks_on_the_way(
    store: Store, experiment: Experiment, units: float
) -> Mapping[Key, Sequence[EarlierLook]]:
    from neonblue.stores.look_extremes import looks_at_shares

    name, version = experiment.experiment_id, experiment.version
    return _by_key(looks_at_shares(store.database, name, version, units=units, shares=SPLIT_SHARES))


def _by_key(looks: Iterable[LookExtreme]) -> dict[Key, list[EarlierLook]]:
    found: dict[Key, list[EarlierLook]] = {}
    for look in looks:
        found.setdefault((look.metric, look.variant_id), []).append(
            EarlierLook(
                label=f"at the look of {look.looked_at:%Y-%m-%d %H:%M} UTC ({look.units:,} units)",
                units=look.units,
                estimate=look.estimate,
                ci_lower=look.ci_lower,
                ci_upper=look.ci_upper,
            )
        )
    return found


def _fading(
    experiment: Experiment,
    metric: MetricDefinition,
    variant: str,
    steps: Sequence[Step],
    terms: Terms,
) -> EffectChange | None:
    """The split that shows it most clearly; None where none does."""
    if metric.kind == "quantile" or len(steps) < 2:
        return None
    good = 1.0 if metric.direction == "increase" else -1.0
    splits = list(_splits(experiment, metric, steps))
    scores = [weakening(early, late, good=good) for _, early, late in splits]
    if not scores or max(scores) <= fade_limit(len(scores)):
        return None
    moment, early, late = splits[scores.index(max(scores))]
    horizon = terms.horizon(experiment, variant, metric.name)
    since = horizon.sequence(late)
    return EffectChange(
        grade="changed",
        before=part_of(horizon.sequence(early), f"among units until {moment:%Y-%m-%d %H:%M} UTC"),
        since=part_of(since, "among those since"),
        lasting=since.available and min(good * since.ci_lower, good * since.ci_upper) > 0.0,
    )


def _splits(
    experiment: Experiment, metric: MetricDefinition, steps: Sequence[Step]
) -> Iterator[Parts]:
    """Early and late units, apart at the steps nearest to ``SPLIT_SHARES``."""
    _, control, treatment = steps[-1]
    shares = [float(step[1].n + step[2].n) / (control.n + treatment.n) for step in steps[:-1]]
    chosen = {
        min(range(len(shares)), key=lambda i: abs(shares[i] - split)) for split in SPLIT_SHARES
    }
    for index in sorted(chosen):
        moment, first, second = steps[index]
        if first.n > control.n or second.n > treatment.n:
            continue
        early = textbook(metric, first, second, experiment.alpha)
        late = textbook(
            metric, removed(control, first), removed(treatment, second), experiment.alpha
        )
        if not isinstance(early, InsufficientData) and not isinstance(late, InsufficientData):
            yield moment, early, late
