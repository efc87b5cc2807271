"""Segments that are real: found on one half of the units, confirmed on the other.

A candidate is a property's value, a range of a number, or two of them together. On the discovery
half the ones whose effect differs most from everybody else's are chosen; only those are tested on
the confirmation half, with Benjamini-Hochberg (1995) over all experiments' tests at once. Whether
a difference lasts is read from the confirmation half alone, as the other one chose it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from neonblue.behavior.segment_candidates import LeftOut, find_parts, pairs_of
from neonblue.models import MetricSummary
from neonblue.stats.contrasts import Contrasts, contrasts
from neonblue.stats.many_comparisons import ManyComparisons, compare_many
from neonblue.stats.multiplicity import adjusted_p_values

Float = NDArray[np.float64]
Flags = NDArray[np.bool_]
MAX_CANDIDATES = 20
FALSE_DISCOVERY_RATE = 0.05
NORMAL_975 = 1.959963984540054


@dataclass(frozen=True, kw_only=True)
class SegmentUnits:
    """Units of one treatment and the control: properties, whether treated, outcome, exposure.

    ``unusable`` names properties that say nothing, with the reason; ``exposed_order`` is all equal
    where there are no times.
    """

    properties: Sequence[Mapping[str, str]]
    treated: Flags
    outcome: Float
    exposed_order: NDArray[np.int64]
    unusable: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def proportion(self) -> bool:
        """Whether every outcome is 0 or 1."""
        return bool(np.isin(self.outcome, (0.0, 1.0)).all())

    @cached_property
    def nonnegative(self) -> bool:
        """Whether no outcome lies below zero."""
        return bool((self.outcome >= 0.0).all())


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

    @property
    def relative_lift(self) -> float | None:
        """The difference over the control's mean; None where that is not above zero."""
        if self.mean_control is None or self.mean_control <= 0.0:
            return None
        return self.absolute_difference / self.mean_control


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSegment:
    """A segment, its effect on the confirmation half and how that differs from everybody else's.

    ``adjusted_p_value`` is Benjamini-Hochberg's. ``relative_p_value`` asks whether the lifts, not
    the differences, are the same; None where there are no lifts. ``earlier`` and ``later`` are the
    difference from the rest in the two halves of the exposures, None without times or with too few
    units; ``stable`` is True when both show it by themselves, False when they differ from each
    other, None when that is not known. All are of the confirmation half.
    """

    description: str
    share: float
    effect: Effect
    effect_of_rest: Effect
    difference: Effect
    adjusted_p_value: float
    relative_p_value: float | None
    confirmed: bool
    earlier: float | None
    later: float | None
    stable: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A segment that was chosen on the discovery half, with its contrast on the other half."""

    description: str
    members: Flags
    measured: Flags
    within: Effect
    rest: Effect
    difference: Effect
    relative_p_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The candidates of one search, how many parts were compared, and what was not looked at."""

    candidates: tuple[Candidate, ...]
    compared: int
    left_out: tuple[LeftOut, ...]


def search(units: SegmentUnits, *, seed: int = 1) -> Search:
    """The most different segments of one half, measured on the other; at most 20."""
    half = np.random.default_rng(seed).random(len(units.treated)) < 0.5
    parts = find_parts(units.properties, units.treated, units.unusable)
    members = dict(parts.members)
    ranked = _ranked(units, members, half)
    pairs = pairs_of([name for name, _ in ranked], members, units.treated)
    ranked += _ranked(units, pairs, half)
    compared = len(members) + len(pairs)
    members.update(pairs)
    best = [name for name, _ in sorted(ranked, key=lambda one: -one[1])[:MAX_CANDIDATES]]
    return Search(
        candidates=tuple(_measured(units, {name: members[name] for name in best}, ~half)),
        compared=compared,
        left_out=parts.left_out,
    )


def find_candidates(units: SegmentUnits, *, seed: int = 1) -> tuple[Candidate, ...]:
    """The candidates of ``search``."""
    return search(units, seed=seed).candidates


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """Effects of parts (k,) and of their rests, and how these differ."""

    within: ManyComparisons
    rest: ManyComparisons
    contrast: Contrasts


def _measure(units: SegmentUnits, members: Sequence[Flags], chosen: Flags) -> _Measured:
    """Parts among the chosen units; one of the four cells is too small where z is NaN."""
    inside = np.array([one[chosen] for one in members])
    sides = []
    for flags in (inside, ~inside):
        control, treatment = (
            _summaries(units, flags, chosen, group) for group in (~units.treated, units.treated)
        )
        kind = "proportion" if units.proportion else "mean"
        sides.append(compare_many(control, treatment, kind=kind))  # type: ignore[arg-type]
    found = contrasts(*sides, nonnegative=units.nonnegative, proportion=units.proportion)
    return _Measured(within=sides[0], rest=sides[1], contrast=found)


def _summaries(units: SegmentUnits, flags: Flags, chosen: Flags, group: Flags) -> MetricSummary:
    """n, mean and variance of one variant in each part."""
    of_group = group[chosen]
    outcome = units.outcome[chosen][of_group]
    weights = flags[:, of_group].astype(np.float64)
    n = weights.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        # About the common mean, so that large values keep their digits.
        centre = outcome.mean() if outcome.size else 0.0
        mean = (weights @ (outcome - centre)) / n
        spread = (weights @ (outcome - centre) ** 2) / n - mean**2
        if units.proportion:
            variance = (mean + centre) * (1.0 - mean - centre)
        else:
            variance = np.maximum(spread, 0.0) * n / np.maximum(n - 1.0, 1.0)
    many = [np.nan_to_num(part) for part in (mean + centre, np.maximum(variance, 0.0))]
    return MetricSummary(n=n, mean=many[0], variance=many[1])


def _ranked(
    units: SegmentUnits, members: Mapping[str, Flags], half: Flags
) -> list[tuple[str, float]]:
    """Parts that can be compared, the most different first."""
    if not members:
        return []
    z = np.abs(_measure(units, list(members.values()), half).contrast.z)
    found = [(name, float(one)) for name, one in zip(members, z, strict=True) if one >= 0.0]
    return sorted(found, key=lambda one: -one[1])


def _measured(units: SegmentUnits, members: Mapping[str, Flags], chosen: Flags) -> list[Candidate]:
    if not members:
        return []
    found = _measure(units, list(members.values()), chosen)
    relative = _relative_p_values(found)
    return [
        Candidate(
            description=name,
            members=inside,
            measured=chosen,
            within=_effect(found.within, row),
            rest=_effect(found.rest, row),
            difference=_difference(found, row),
            relative_p_value=None if math.isnan(relative[row]) else float(relative[row]),
        )
        for row, (name, inside) in enumerate(members.items())
        if not math.isnan(found.contrast.z[row])
    ]


def _effect(side: ManyComparisons, row: int) -> Effect:
    return Effect(
        n=int(side.n_control[row] + side.n_treatment[row]),
        absolute_difference=float(side.absolute_difference[row]),
        ci_lower=float(side.ci_lower[row]),
        ci_upper=float(side.ci_upper[row]),
        p_value=float(side.p_value[row]),
        mean_control=float(side.mean_control[row]),
    )


def _difference(found: _Measured, row: int) -> Effect:
    sides = (found.within, found.rest)
    return Effect(
        n=int(sum(side.n_control[row] + side.n_treatment[row] for side in sides)),
        absolute_difference=float(found.contrast.difference[row]),
        ci_lower=float(found.contrast.ci_lower[row]),
        ci_upper=float(found.contrast.ci_upper[row]),
        p_value=float(found.contrast.p_value[row]),
    )


def _relative_p_values(found: _Measured) -> Float:
    """Whether the log ratios of means differ; NaN where a mean is not above zero."""
    logs, squares = [], []
    with np.errstate(divide="ignore", invalid="ignore"):
        for side in (found.within, found.rest):
            logs.append(np.log(side.mean_treatment) - np.log(side.mean_control))
            squares.append(
                side.variance_treatment / (side.n_treatment * side.mean_treatment**2)
                + side.variance_control / (side.n_control * side.mean_control**2)
            )
        z = (logs[0] - logs[1]) / np.sqrt(squares[0] + squares[1])
    return np.asarray(2.0 * ndtr(-np.abs(np.where(np.isfinite(z), z, np.nan))))


def _found(units: SegmentUnits, one: Candidate, adjusted: float) -> FoundSegment:
    earlier, later = _over_time(units, one)
    return FoundSegment(
        description=one.description,
        share=float(one.members.mean()),
        effect=one.within,
        effect_of_rest=one.rest,
        difference=one.difference,
        adjusted_p_value=adjusted,
        relative_p_value=one.relative_p_value,
        confirmed=adjusted <= FALSE_DISCOVERY_RATE,
        earlier=None if earlier is None else earlier[0],
        later=None if later is None else later[0],
        stable=_stable(earlier, later),
    )


Part = tuple[float, float]
"""A difference and its z."""


def _over_time(units: SegmentUnits, one: Candidate) -> tuple[Part | None, Part | None]:
    """The contrast among the first and the last of the units that did not choose it."""
    order = units.exposed_order[one.measured]
    if order.size == 0 or order.min() == order.max():
        return None, None
    early = units.exposed_order < np.median(order)
    return _part(units, one, early), _part(units, one, ~early)


def _part(units: SegmentUnits, one: Candidate, when: Flags) -> Part | None:
    contrast = _measure(units, [one.members], one.measured & when).contrast
    z = float(contrast.z[0])
    return None if math.isnan(z) else (float(contrast.difference[0]), z)


def _stable(earlier: Part | None, later: Part | None) -> bool | None:
    """Both halves show it, or they differ from each other; else nobody knows."""
    if earlier is None or later is None:
        return None
    if min(abs(earlier[1]), abs(later[1])) > NORMAL_975:
        return earlier[1] * later[1] > 0.0
    # The halves are independent: their difference has a z of its own.
    errors = [abs(one[0] / one[1]) if one[1] else math.inf for one in (earlier, later)]
    apart = abs(earlier[0] - later[0]) / math.hypot(*errors)
    return False if apart > NORMAL_975 else None
