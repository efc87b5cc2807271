"""Segments that are real: found on one half of the units, confirmed on the other.

A candidate is a property's value, a range of a number, or two of them together. On the discovery
half the ones whose effect differs most from everybody else's are chosen; only those are tested on
the confirmation half, with Benjamini-Hochberg (1995) over all experiments' tests at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

from neonblue.stats.multiplicity import adjusted_p_values

Float = NDArray[np.float64]
Flags = NDArray[np.bool_]
MOST_VALUES = 12
SMALLEST_SHARE = 0.02
SMALLEST_PER_VARIANT = 50
MOST_CANDIDATES = 20
PAIRED_CANDIDATES = 8
FALSE_DISCOVERY_RATE = 0.05
NORMAL_975 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentUnits:
    """Units of one treatment and the control: properties, whether treated, outcome, exposure."""

    properties: Sequence[Mapping[str, str]]
    treated: Flags
    outcome: Float
    exposed_order: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A difference of means with its 95 % interval and p-value, on the metric's scale.

    ``mean_control`` is what it may be compared with; None where it is a difference of effects.
    """

    n: int
    absolute_difference: float
    ci_lower: float
    ci_upper: float
    p_value: float
    mean_control: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSegment:
    """A segment, its effect on the confirmation half and how that differs from everybody else's.

    ``adjusted_p_value`` is Benjamini-Hochberg's. ``earlier`` and ``later`` are the difference from
    the rest in the first and the second half of the exposures, None with too few units; ``stable``
    says that they have the same sign.
    """

    description: str
    share: float
    effect: Effect
    effect_of_rest: Effect
    difference: Effect
    adjusted_p_value: float
    confirmed: bool
    earlier: float | None
    later: float | None
    stable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A segment that was chosen on the discovery half, with its contrast on the other half."""

    description: str
    members: Flags
    within: Effect
    rest: Effect
    difference: Effect


def find_candidates(units: SegmentUnits, *, seed: int = 1) -> tuple[Candidate, ...]:
    """The most different segments of one half, measured on the other; at most 20."""
    half = np.random.default_rng(seed).random(len(units.treated)) < 0.5
    members = dict(_candidates(units.properties))
    ranked = _ranked(units, members, half)
    pairs = dict(_pairs(ranked, members))
    ranked += _ranked(units, pairs, half)
    members.update(pairs)
    best = sorted(ranked, key=lambda pair: -pair[1])[:MOST_CANDIDATES]
    contrasts = [(name, _contrast(units, members[name], ~half)) for name, _ in best]
    return tuple(
        Candidate(
            description=name,
            members=members[name],
            within=contrast[0],
            rest=contrast[1],
            difference=contrast[2],
        )
        for name, contrast in contrasts
        if contrast is not None
    )


def confirm(
    found: Sequence[tuple[SegmentUnits, Sequence[Candidate]]],
) -> tuple[tuple[FoundSegment, ...], ...]:
    """Adjust the p-values of all candidates of all experiments together; confirmed ones first."""
    p_values = [one.difference.p_value for _, candidates in found for one in candidates]
    adjusted = iter(adjusted_p_values(p_values, method="bh").tolist() if p_values else [])
    return tuple(
        tuple(
            sorted(
                (_found(units, one, next(adjusted)) for one in candidates),
                key=lambda one: (not one.confirmed, one.adjusted_p_value),
            )
        )
        for units, candidates in found
    )


def _candidates(properties: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, Flags]]:
    for name in sorted({key for one in properties for key in one}):
        texts = np.array([one.get(name, "") for one in properties], dtype=object)
        values, counts = np.unique(texts.astype(str), return_counts=True)
        if len(values) <= MOST_VALUES:
            for value, count in zip(values, counts, strict=True):
                if value and SMALLEST_SHARE <= count / len(texts) <= 1 - SMALLEST_SHARE:
                    yield f"{name} is {value}", texts == value
        else:
            yield from _ranges(name, texts)


def _ranges(name: str, texts: NDArray[np.object_]) -> Iterator[tuple[str, Flags]]:
    try:
        numbers = np.array([float(text) if text else np.nan for text in texts])
    except ValueError:
        return
    low, high = np.nanquantile(numbers, [1 / 3, 2 / 3])
    yield f"{name} up to {low:g}", numbers <= low
    yield f"{name} above {high:g}", numbers > high


def _pairs(
    ranked: Sequence[tuple[str, float]], members: Mapping[str, Flags]
) -> Iterator[tuple[str, Flags]]:
    best = sorted((one for one in ranked if one[0] in members), key=lambda pair: -pair[1])
    for (a, _), (b, _) in combinations(best[:PAIRED_CANDIDATES], 2):
        together = members[a] & members[b]
        if a.split(" ")[0] != b.split(" ")[0] and together.mean() >= SMALLEST_SHARE:
            yield f"{a} and {b}", together


def _ranked(
    units: SegmentUnits, members: Mapping[str, Flags], half: Flags
) -> list[tuple[str, float]]:
    contrasts = {name: _contrast(units, inside, half) for name, inside in members.items()}
    return [
        (name, abs(contrast[2].absolute_difference) / _standard_error(contrast[2]))
        for name, contrast in contrasts.items()
        if contrast is not None
    ]


def _standard_error(effect: Effect) -> float:
    return max((effect.ci_upper - effect.ci_lower) / (2 * NORMAL_975), 1e-12)


def _contrast(
    units: SegmentUnits, inside: Flags, chosen: Flags
) -> tuple[Effect, Effect, Effect] | None:
    """The effect inside, outside, and their difference; None with too few units."""
    within = _effect(units, chosen & inside)
    rest = _effect(units, chosen & ~inside)
    if within is None or rest is None:
        return None
    error = float(np.hypot(_standard_error(within), _standard_error(rest)))
    gap = within.absolute_difference - rest.absolute_difference
    return within, rest, _effect_of(gap, error, within.n + rest.n)


def _effect(units: SegmentUnits, chosen: Flags) -> Effect | None:
    treated = units.outcome[chosen & units.treated]
    control = units.outcome[chosen & ~units.treated]
    if min(len(treated), len(control)) < SMALLEST_PER_VARIANT:
        return None
    error = float(np.sqrt(treated.var(ddof=1) / len(treated) + control.var(ddof=1) / len(control)))
    baseline = float(control.mean())
    found = _effect_of(float(treated.mean()) - baseline, error, len(treated) + len(control))
    return replace(found, mean_control=baseline)


def _effect_of(difference: float, error: float, n: int) -> Effect:
    return Effect(
        n=n,
        absolute_difference=difference,
        ci_lower=difference - NORMAL_975 * error,
        ci_upper=difference + NORMAL_975 * error,
        p_value=erfc(abs(difference) / max(error, 1e-12) / sqrt(2)),
    )


def _found(units: SegmentUnits, one: Candidate, adjusted: float) -> FoundSegment:
    earlier, later = _over_time(units, one.members)
    return FoundSegment(
        description=one.description,
        share=float(one.members.mean()),
        effect=one.within,
        effect_of_rest=one.rest,
        difference=one.difference,
        adjusted_p_value=adjusted,
        confirmed=adjusted <= FALSE_DISCOVERY_RATE,
        earlier=earlier,
        later=later,
        stable=earlier is not None and later is not None and earlier * later > 0,
    )


def _over_time(units: SegmentUnits, inside: Flags) -> tuple[float | None, float | None]:
    early = units.exposed_order < np.median(units.exposed_order)
    first, second = (_contrast(units, inside, part) for part in (early, ~early))
    return (
        first[2].absolute_difference if first else None,
        second[2].absolute_difference if second else None,
    )
