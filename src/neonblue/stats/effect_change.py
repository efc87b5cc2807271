"""Whether an effect is still what it was: against earlier looks, and early units against late.

A confidence sequence holds at all looks at once, so two looks whose intervals share no value mean
that the effect was not constant. And the difference between early and late units is independent
of their pooled effect (of orthogonal contrasts of normal increments), so testing it costs a true,
constant effect no more than the level of that test.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from neonblue.stats.adaptive import Batches, adaptive_means, adaptive_sequence
from neonblue.stats.comparison import Comparison
from neonblue.stats.sequential import ConfidenceSequence
from neonblue.stats.sequential_boundary import plan_critical_value
from neonblue.stats.verdict_evidence import (
    EffectChange,
    EffectPart,
    MetricEvidence,
    Progress,
)

SPLIT_SHARES = (0.25, 0.5, 0.75)
"""Shares of the units after which late ones are compared with early ones."""
FADE_ALPHA = 0.025
"""One-sided level, over all splits, at which an effect is said to have faded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierLook:
    """What an earlier look saw, absolute; ``units`` over all variants, ``label`` when it was."""

    label: str
    units: float
    estimate: float
    ci_lower: float
    ci_upper: float

    @property
    def part(self) -> EffectPart:
        """The same, as one part of a change."""
        return EffectPart(
            label=self.label,
            estimate=self.estimate,
            ci_lower=self.ci_lower,
            ci_upper=self.ci_upper,
        )


def change_since_looks(
    item: MetricEvidence, looks: Sequence[EarlierLook], *, progress: Progress, alpha: float
) -> EffectChange | None:
    """How the current interval contradicts what earlier looks held, or had decided.

    Ours: two looks without a common value, "changed"; an earlier one without 0 and a current one
    with it, "not_shown". Under one constant effect the first has probability alpha at most, as the
    running intersection of a confidence sequence covers too (Howard et al. 2021).
    """
    if not item.available:
        return None
    for look in looks:
        if look.ci_lower > item.ci_upper or look.ci_upper < item.ci_lower:
            since = _since(item, look, progress, alpha)
            return EffectChange(
                grade="changed", before=look.part, since=since, lasting=_good(item, since)
            )
    now = EffectPart(
        label="now", estimate=item.estimate, ci_lower=item.ci_lower, ci_upper=item.ci_upper
    )
    for look in looks:
        risen = look.ci_lower > 0.0 and item.ci_lower <= 0.0
        fallen = look.ci_upper < 0.0 and item.ci_upper >= 0.0
        if risen or fallen:
            return EffectChange(grade="not_shown", before=look.part, since=now)
    return None


def faded_since_looks(
    item: MetricEvidence, looks: Sequence[EarlierLook], *, progress: Progress, alpha: float
) -> EffectChange | None:
    """The same question as ``weakening`` where units have no times: looks are the splits.

    Of orthogonal parts of one total: z = (before - since) / (se sqrt(n / n_0 + n / (n - n_0))),
    se that of the total of n units, n_0 those of the look. Looks nearest to a quarter, a half and
    three quarters of the units are asked, whatever they showed.

    Definition: a contrast of two parts, each with se^2 inverse to its units.
    """
    usable = [one for one in looks if 0.0 < one.units < progress.n]
    if not item.available or not usable or not item.standard_error > 0.0:
        return None
    chosen = {
        min(usable, key=lambda look: abs(look.units / progress.n - split)).units
        for split in SPLIT_SHARES
    }
    splits = {look.units: look for look in usable if look.units in chosen}
    good = 1.0 if item.direction == "increase" else -1.0
    for look in splits.values():
        since = _since(item, look, progress, alpha)
        new = progress.n - look.units
        error = item.standard_error * math.sqrt(progress.n / look.units + progress.n / new)
        part = (progress.n * item.estimate - look.units * look.estimate) / new
        if good * (look.estimate - part) / error > fade_limit(len(splits)):
            return EffectChange(
                grade="changed", before=look.part, since=since, lasting=_good(item, since)
            )
    return None


def _since(item: MetricEvidence, look: EarlierLook, progress: Progress, alpha: float) -> EffectPart:
    """The effect among the units that came after a look, from the two totals.

    Its limits are those of an experiment with these units alone. Where hardly any came, what is
    known is the current interval.
    """
    new = progress.n - look.units
    if new < max(progress.burn_in_n, 1.0):
        return EffectPart(
            label="now", estimate=item.estimate, ci_lower=item.ci_lower, ci_upper=item.ci_upper
        )
    estimate = (progress.n * item.estimate - look.units * look.estimate) / new
    widths = [
        float(
            plan_critical_value(
                n, planned_n=progress.planned_n, maximum_n=progress.maximum_n, alpha=alpha
            )
        )
        for n in (progress.n, new)
    ]
    half = item.half_width * widths[1] / widths[0] * math.sqrt(progress.n / new)
    return EffectPart(
        label=f"among the {new:,.0f} units since",
        estimate=estimate,
        ci_lower=estimate - half,
        ci_upper=estimate + half,
    )


def _good(item: MetricEvidence, part: EffectPart) -> bool:
    return part.ci_lower > 0.0 if item.direction == "increase" else part.ci_upper < 0.0


def weakening(early: Comparison, late: Comparison, *, good: float) -> float:
    """z of an effect that was stronger for the better (``good`` is 1 or -1) early than late.

    On log ratios where all means are above zero, as late units had less time and both of their
    means are lower for it; else on differences.

    Definition: z = (early - late) / sqrt(se_early^2 + se_late^2) of two independent effects.
    """
    effects = [_log_ratio(part) for part in (early, late)]
    if None in effects:
        effects = [(p.absolute_difference, p.standard_error) for p in (early, late)]
    (first, first_error), (second, second_error) = (e for e in effects if e is not None)
    error = math.hypot(first_error, second_error)
    return good * (first - second) / error if error > 0.0 else 0.0


def faded_between_batches(
    batches: Batches, pair: tuple[int, int], *, good: float, planned_n: float, alpha: float
) -> EffectChange | None:
    """Whether the relative effect of ``pair`` (control, treatment) was stronger in early batches.

    Definition: z = (early - late) / sqrt(se_early^2 + se_late^2) of relative effects by AIPW, at
    the splits nearest to ``SPLIT_SHARES``, the largest against ``fade_limit``.
    """
    scored = [
        (_relative_weakening(parts, pair, found, good), found)
        for parts in _batch_splits(batches)
        for found in (_sequences(parts, pair, planned_n, alpha),)
        if all(one.available for one in found)
    ]
    if not scored or max(score for score, _ in scored) <= fade_limit(len(scored)):
        return None
    _, (early, late) = max(scored, key=lambda pair: pair[0])
    return EffectChange(
        grade="changed",
        before=part_of(early, "in the batches before"),
        since=part_of(late, "in the later ones"),
        lasting=min(good * late.ci_lower, good * late.ci_upper) > 0.0,
    )


def _batch_splits(batches: Batches) -> Iterator[tuple[Batches, Batches]]:
    shares = np.cumsum(batches.n.sum(axis=1)) / batches.n.sum()
    if len(shares) < 2:
        return
    for end in sorted({int(np.abs(shares[:-1] - split).argmin()) + 1 for split in SPLIT_SHARES}):
        yield batches.rows(0, end), batches.rows(end, len(shares))


def _sequences(
    parts: tuple[Batches, Batches], pair: tuple[int, int], planned_n: float, alpha: float
) -> tuple[ConfidenceSequence, ConfidenceSequence]:
    early, late = (
        adaptive_sequence(
            part, control=pair[0], treatment=pair[1], planned_n=planned_n, alpha=alpha
        ).last
        for part in parts
    )
    return early, late


def _relative_weakening(
    parts: tuple[Batches, Batches],
    pair: tuple[int, int],
    found: tuple[ConfidenceSequence, ConfidenceSequence],
    good: float,
) -> float:
    scale = [abs(adaptive_means(part, pair)[0]) for part in parts]
    if not min(scale) > 0.0:
        scale = [1.0, 1.0]
    early, late = (one.estimate / by for one, by in zip(found, scale, strict=True))
    error = math.hypot(*(one.standard_error / by for one, by in zip(found, scale, strict=True)))
    return good * (early - late) / error if error > 0.0 else 0.0


def part_of(found: ConfidenceSequence, label: str) -> EffectPart:
    """One part of a change, as a sequence holds it.

    Definition: the sequence's estimate and limits.
    """
    return EffectPart(
        label=label,
        estimate=found.estimate,
        ci_lower=found.ci_lower,
        ci_upper=found.ci_upper,
    )


def fade_limit(splits: int) -> float:
    """The z beyond which one of several splits says that an effect has faded.

    Definition: Phi^-1(1 - alpha / splits), Bonferroni's correction.
    """
    return float(-ndtri(FADE_ALPHA / max(1, splits)))


def _log_ratio(part: Comparison) -> tuple[float, float] | None:
    error = part.log_ratio_standard_error
    if error is None or not (part.mean_control > 0.0 and part.mean_treatment > 0.0):
        return None
    return math.log(part.mean_treatment / part.mean_control), error
