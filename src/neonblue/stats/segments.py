"""Where does the treatment work differently? Segments against the rest, honestly counted.

A segment that differs from zero is mostly the overall effect seen again. What interests is whether
it differs from the other units: each segment is compared with its complement (``contrasts``), and
the p-values are adjusted over all segments: Benjamini-Hochberg when segments are disjoint,
Benjamini-Yekutieli when they overlap. Everything here is arrays over segments, shape (k,).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import chdtrc, ndtr

from neonblue.models import MetricSummary
from neonblue.stats.comparison import ComparedKind
from neonblue.stats.contrasts import Contrasts, contrasts
from neonblue.stats.many_comparisons import ManyComparisons, compare_many
from neonblue.stats.moments import MEANS, PRODUCTS, collapsed, removed
from neonblue.stats.multiplicity import adjusted_p_values

SUMMARY_FIELDS = ("n", *MEANS.values(), *PRODUCTS.values())
FEWEST_FOR_TYPICAL = 10
STANDS_OUT_P = 0.05
TYPICAL_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEffects:
    """One entry a segment, in the order given; NaN where there are too few units.

    ``difference_from_rest`` is the segment's effect minus the effect among all other units, with
    its statistic ``z``; ``adjusted_p_value`` and ``differs`` refer to it. They are NaN where a
    segment has too few events to be told from its rest. ``interaction_p_value`` asks whether
    effects differ at all (Cochran's Q over disjoint segments; NaN for overlapping ones).
    """

    effects: ManyComparisons
    difference_from_rest: np.ndarray
    z: np.ndarray
    p_value: np.ndarray
    adjusted_p_value: np.ndarray
    differs: np.ndarray
    method: Literal["bh", "by"]
    interaction_statistic: float
    interaction_p_value: float


def segment_effects(
    control: MetricSummary,
    treatment: MetricSummary,
    *,
    kind: ComparedKind,
    fdr: float = 0.05,
    alpha: float = 0.05,
    overall: tuple[MetricSummary, MetricSummary] | None = None,
    nonnegative: bool = False,
) -> SegmentEffects:
    """Effects of k segments and how each differs from the rest.

    ``control`` and ``treatment`` hold arrays over segments. Disjoint segments that cover all units
    need no ``overall``; overlapping ones give the (control, treatment) summaries of all units.
    Among ten disjoint segments or more, those that stand out are left out of the rest: if they
    all lean one way they shift it, and every ordinary segment then differs from it a little.
    ``nonnegative`` says that no unit's value lies below zero.

    Benjamini and Hochberg (1995) or Benjamini and Yekutieli (2001) over p = 2 (1 - Phi(|z|)), z of
    ``contrasts``; leaving out what stands out is ours (docs/statistics-segments.md).
    """
    effects = compare_many(control, treatment, kind=kind, alpha=alpha)
    if overall is not None:
        rest = removed(overall[0], control), removed(overall[1], treatment)
        found = _from_rest(effects, rest, kind, nonnegative)
    else:
        found = _from_typical(effects, control, treatment, kind, nonnegative)
    method: Literal["bh", "by"] = "bh" if overall is None else "by"
    adjusted = adjusted_p_values(found.p_value, method=method)
    q, p_interaction = (np.nan, np.nan) if overall else interaction_test(effects)
    return SegmentEffects(
        effects=effects,
        difference_from_rest=found.difference,
        z=found.z,
        p_value=found.p_value,
        adjusted_p_value=adjusted,
        differs=np.nan_to_num(adjusted, nan=1.0) <= fdr,
        method=method,
        interaction_statistic=q,
        interaction_p_value=p_interaction,
    )


def _from_rest(
    effects: ManyComparisons,
    rest: tuple[MetricSummary, MetricSummary],
    kind: ComparedKind,
    nonnegative: bool,
) -> Contrasts:
    others = compare_many(*rest, kind=kind)
    return contrasts(effects, others, nonnegative=nonnegative, proportion=kind == "proportion")


def _from_typical(
    effects: ManyComparisons,
    control: MetricSummary,
    treatment: MetricSummary,
    kind: ComparedKind,
    nonnegative: bool,
) -> Contrasts:
    """As ``_from_rest``, the rest being the other segments that do not stand out themselves."""
    whole = collapsed(control), collapsed(treatment)
    rest = removed(whole[0], control), removed(whole[1], treatment)
    found = _from_rest(effects, rest, kind, nonnegative)
    if effects.available.sum() < FEWEST_FOR_TYPICAL:
        return found
    for _ in range(TYPICAL_ROUNDS):
        typical = ~(found.p_value < STANDS_OUT_P)
        if typical.mean() < 0.5:
            break
        core = [collapsed(selected(side, typical)) for side in (control, treatment)]
        rest = (_without_itself(core[0], control, typical),
                _without_itself(core[1], treatment, typical))  # fmt: skip
        found = _from_rest(effects, rest, kind, nonnegative)
    return found


def _without_itself(
    core: MetricSummary, segments: MetricSummary, typical: np.ndarray
) -> MetricSummary:
    """The core for each segment, without that segment's own units where it is part of it."""
    size = typical.size
    own = {f: np.broadcast_to(getattr(segments, f), (size,)) for f in SUMMARY_FIELDS}
    own["n"] = np.where(typical, own["n"], 0.0)
    return removed(core, MetricSummary(**own))  # type: ignore[arg-type]


def interaction_test(effects: ManyComparisons) -> tuple[float, float]:
    """Cochran's Q (1954) over disjoint segments and its p: do effects differ at all?

    Q = sum of w (d - mean)^2 with w = 1 / se^2 and mean = sum of w d / sum of w; chi-square
    with k - 1.
    """
    seen = effects.available
    if seen.sum() < 2:
        return np.nan, np.nan
    weights = 1.0 / effects.standard_error[seen] ** 2
    difference = effects.absolute_difference[seen]
    mean = (weights @ difference) / weights.sum()
    q = float(weights @ (difference - mean) ** 2)
    return q, float(chdtrc(int(seen.sum()) - 1, q))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParadoxCheck:
    """Simpson's paradox: the total points one way, the segments taken together the other.

    ``stratified_difference`` weights segments by their units, so it is what the total would be
    had every segment the same split. ``mix_p_value`` asks whether the split differs by segment,
    which a fair randomisation makes impossible beyond chance.
    """

    paradox: bool
    total_difference: float
    stratified_difference: float
    mix_statistic: float
    mix_p_value: float


def paradox_check(
    control: MetricSummary, treatment: MetricSummary, *, kind: ComparedKind
) -> ParadoxCheck:
    """Total against stratified effect over k disjoint segments (arrays of shape (k,)).

    Simpson (1951). stratified = sum of N_s d_s / sum of N_s, with variance sum of N_s^2 se_s^2
    / N^2; the mix by Pearson's (1900) chi-square = sum of (observed - expected)^2 / expected.
    """
    effects = compare_many(control, treatment, kind=kind, adjust=False)
    whole = compare_many(
        stacked([collapsed(control)]), stacked([collapsed(treatment)]),
        kind=kind, adjust=False,
    )  # fmt: skip
    units = np.where(effects.available, effects.n_control + effects.n_treatment, 0.0)
    within = np.nan_to_num(effects.absolute_difference)
    stratified = float(units @ within / units.sum()) if units.sum() else np.nan
    error = float(
        np.sqrt(units**2 @ np.nan_to_num(effects.standard_error) ** 2) / max(units.sum(), 1.0)
    )
    total = float(whole.absolute_difference[0])
    statistic, p_value = _mix(effects)
    # Opposite signs by chance around zero are no paradox: both must stand out of the noise.
    clear = abs(stratified) > error and abs(total) > float(whole.standard_error[0])
    return ParadoxCheck(
        paradox=bool(clear and total * stratified < 0.0),
        total_difference=total,
        stratified_difference=stratified,
        mix_statistic=statistic,
        mix_p_value=p_value,
    )


def _mix(effects: ManyComparisons) -> tuple[float, float]:
    """Chi-square of homogeneity: variant shares by segment."""
    counts = np.vstack((effects.n_control, effects.n_treatment)).astype(float)
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2 or (counts.sum(axis=1) == 0).any():
        return np.nan, np.nan
    expected = counts.sum(axis=1)[:, None] * counts.sum(axis=0) / counts.sum()
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return statistic, float(chdtrc(counts.shape[1] - 1, statistic))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Does the effect change by days since first exposure? Slope a day, weighted by precision.

    ``kind`` is ``novelty`` when the effect significantly moves towards zero, ``learning`` when it
    moves away, else ``none``.
    """

    kind: Literal["novelty", "learning", "none"]
    slope: float
    standard_error: float
    p_value: float


def novelty_trend(
    days: np.ndarray, differences: np.ndarray, covariance: np.ndarray, *, alpha: float = 0.05
) -> Trend:
    """Generalised least squares of effects (k,) on days since first exposure (k,).

    Aitken (1936): with X = (1, days) and effects y of covariance V, the coefficients are
    b = (X' V^-1 X)^-1 X' V^-1 y with covariance (X' V^-1 X)^-1. ``covariance`` is V (k, k), as
    effects of the same units on several days are correlated, or the standard errors (k,) of
    effects of disjoint units. Entries with NaN are left out; fewer than three say nothing.
    """
    v = np.diag(covariance**2) if covariance.ndim == 1 else covariance
    seen = np.isfinite(differences) & (np.diag(v) > 0.0)
    if seen.sum() < 3:
        return Trend(kind="none", slope=np.nan, standard_error=np.nan, p_value=np.nan)
    t, y = days[seen].astype(float), differences[seen]
    w = np.linalg.pinv(v[np.ix_(seen, seen)], hermitian=True)
    x = np.column_stack((np.ones_like(t), t))
    spread = np.linalg.inv(x.T @ w @ x)
    slope, error = float((spread @ x.T @ w @ y)[1]), float(np.sqrt(spread[1, 1]))
    p_value = float(2.0 * ndtr(-abs(slope / error)))
    mean = float((w @ y).sum() / w.sum())
    if p_value > alpha:
        return Trend(kind="none", slope=slope, standard_error=error, p_value=p_value)
    fades = slope * mean < 0.0
    return Trend(
        kind="novelty" if fades else "learning", slope=slope, standard_error=error, p_value=p_value
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """How much the effect of one experiment depends on the variant of another."""

    difference: float
    standard_error: float
    p_value: float


def experiment_interaction(
    *,
    neither: MetricSummary,
    first_only: MetricSummary,
    second_only: MetricSummary,
    both: MetricSummary,
    kind: ComparedKind,
) -> Interaction:
    """Two experiments that share units, as a 2 x 2 table of summaries.

    The effect of the first among units with the second's treatment minus the same without it.

    Fisher (1935), "The design of experiments", chapter 6: (both - second_only) - (first_only -
    neither), variance = the sum of the four.
    """
    control = stacked([neither, second_only])
    treatment = stacked([first_only, both])
    effects = compare_many(control, treatment, kind=kind, adjust=False)
    difference = float(effects.absolute_difference[1] - effects.absolute_difference[0])
    error = float(np.hypot(*effects.standard_error))
    p_value = float(2.0 * ndtr(-abs(difference / error)))
    return Interaction(difference=difference, standard_error=error, p_value=p_value)


def selected(many: MetricSummary, mask: np.ndarray) -> MetricSummary:
    """The entries where ``mask`` (k,) is True.

    Definition: indexing, no method.
    """
    columns = {f: np.broadcast_to(getattr(many, f), mask.shape)[mask] for f in SUMMARY_FIELDS}
    return MetricSummary(**columns)


def stacked(summaries: list[MetricSummary]) -> MetricSummary:
    """k summaries as one whose fields are arrays of shape (k,).

    Definition: stacking, no method.
    """
    fields = {f: np.array([getattr(s, f) for s in summaries], dtype=float) for f in SUMMARY_FIELDS}
    return MetricSummary(**fields)  # type: ignore[arg-type]
