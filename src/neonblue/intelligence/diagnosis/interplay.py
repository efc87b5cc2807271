"""Effects that are not one number: they fade with time, or hang on another experiment."""

from __future__ import annotations

import math

import numpy as np

from neonblue.intelligence.crossed_experiments import CrossedEffect, Crossing, crossings
from neonblue.intelligence.crossed_experiments import crossed_effects as measured
from neonblue.intelligence.diagnosis.case import Case
from neonblue.intelligence.diagnosis.finding import Finding
from neonblue.intelligence.diagnosis.imbalance import SUSPECT_P, independence_log_p
from neonblue.intelligence.effect_by_days import EffectByDays, effects_by_days
from neonblue.models.written_text import fenced
from neonblue.stores import shown_queries

ALARM_P = 0.01
"""Anytime-valid p from which an interaction is reported."""


def changing_effects(case: Case) -> list[Finding]:
    """Effects that move with the days since first exposure: novelty, or learning."""
    if case.validity.failed:
        return []
    found = effects_by_days(case.store, case.experiment, case.summaries, case.terms, now=case.now)
    return [_trend(case, effect) for effect in found if effect.trend != "none"]


def crossed_experiments(case: Case) -> list[Finding]:
    """Experiments on the same units whose assignments depend on this one's, or that interact."""
    found = crossings(case.store, case.experiment)
    findings = [_dependence(case, one, len(found)) for one in found]
    if not case.validity.failed:
        effects = measured(case.experiment, found, case.terms)
        findings += [_interaction(case, one) for one in effects if one.p_value <= ALARM_P]
    return [finding for finding in findings if finding is not None]


def _trend(case: Case, effect: EffectByDays) -> Finding:
    known = [span for span in effect.spans if span.relative_lift is not None]
    first, last = known[0], known[-1]
    fades = effect.trend == "novelty"
    return Finding(
        code="effect_fades" if fades else "effect_grows",
        severity="warning",
        side="analysis",
        headline=f"the effect of {effect.variant} on {effect.metric!r} "
        f"{'fades' if fades else 'grows'} with the days since first exposure: "
        f"{first.relative_lift:+.1%} on days {first.from_day:g} to {first.to_day:g}, "
        f"{last.relative_lift:+.1%} on days {last.from_day:g} to {last.to_day:g}",
        fix="do not expect the average to last: run on until the later days alone decide, and "
        "compare new users with old ones; a novelty fades, a habit grows",
        log_p=math.log(max(effect.p_value, 1e-300)),
        evidence={
            "metric": effect.metric,
            "variant": effect.variant,
            "units": effect.units,
            "lift_at_first": first.relative_lift or 0.0,
            "lift_at_last": last.relative_lift or 0.0,
            "change_of_log_ratio_a_day": effect.slope,
        },
        query=shown_queries.activity_by_days(
            case.experiment.experiment_id,
            next(m.event_type for m in case.experiment.metrics if m.name == effect.metric),
        ),
    )


def _dependence(case: Case, crossing: Crossing, searched: int) -> Finding | None:
    log_p = independence_log_p(*crossing.counts) + math.log(searched)
    if log_p > math.log(SUSPECT_P):
        return None
    name = crossing.other.experiment_id
    shares = crossing.counts / np.maximum(crossing.counts.sum(axis=1, keepdims=True), 1.0)
    first = crossing.other.variants[0].variant_id
    split = ", ".join(
        f"{share:.1%} of {variant.variant_id}"
        for variant, share in zip(case.experiment.variants, shares[:, 0], strict=True)
    )
    return Finding(
        code="assignments_depend",
        severity="warning",
        side="assignment",
        headline=f"of {crossing.units:,} units shared with experiment {fenced(name)}, its "
        f"{fenced(first)} has {split}: the two assignments depend on each other",
        fix="give each experiment its own hash salt; until then part of one experiment's effect is "
        "counted as the other's",
        log_p=min(0.0, log_p),
        evidence={"experiment": name, "units": crossing.units},
        query=shown_queries.shared_units(case.experiment.experiment_id, name),
    )


def _interaction(case: Case, effect: CrossedEffect) -> Finding:
    return Finding(
        code="experiments_interact",
        severity="warning",
        side="analysis",
        headline=f"the effect of {effect.variant} on {effect.metric!r} is "
        f"{effect.difference:+.4g} with {fenced(effect.other_variant)} of experiment "
        f"{fenced(effect.other)} against its control, over {effect.units:,} shared units",
        fix="the average holds only while the other experiment runs as it does: decide the two "
        "together, on the cell that will be rolled out, or run them on separate units",
        log_p=math.log(max(effect.p_value, 1e-300)),
        evidence={
            "metric": effect.metric,
            "variant": effect.variant,
            "experiment": effect.other,
            "other_variant": effect.other_variant,
            "units": effect.units,
            "difference_of_effects": effect.difference,
        },
        query=shown_queries.shared_units(case.experiment.experiment_id, effect.other),
    )
