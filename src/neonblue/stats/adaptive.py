"""Inference when allocation follows the data: AIPW scores and a sequence that stays honest.

Under Thompson sampling the difference of plain means is biased and its interval covers far too
rarely. The augmented inverse-probability score of a unit (Robins, Rotnitzky, Zhao 1994)

    score = m_t - m_c + 1{t} (y - m_t) / e_t - 1{c} (y - m_c) / e_c

has the unit's effect as its mean whatever the past was, as long as the probabilities e and the
predictions m come from earlier batches alone (in the first batch m is its pooled mean, which costs
a bias of order 1 / n). Their running mean has an asymptotic confidence sequence (Waudby-Smith et
al. 2024, "Time-uniform central limit theory"; 2022, "Anytime-valid off-policy inference"), which
covers the average effect over the units so far, also when the baseline drifts.

Batch by variant (n, mean, variance) are sufficient: no unit is needed again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neonblue.errors import InvalidInputError
from neonblue.stats.sequential import ConfidenceSequence, insufficient, refuse_nonsense
from neonblue.stats.sequential_mixture import critical_value, log_e_value, tuned_variance

Array = NDArray[np.float64]

LEAST_EFFECTIVE_UNITS = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """What came in each batch, in order; every array has shape (batches, variants).

    ``variance`` is the unbiased one, not read with fewer than two units, as ``mean`` is not with
    none. ``probability`` is what a unit's chance of each variant was, decided before the batch
    began; rows sum to 1.
    """

    n: Array
    mean: Array
    variance: Array
    probability: Array

    def __post_init__(self) -> None:
        shapes = {self.n.shape, self.mean.shape, self.variance.shape, self.probability.shape}
        if len(shapes) != 1 or self.n.ndim != 2:
            raise InvalidInputError(
                f"batches need four tables of one shape (batches, variants), not {shapes!r}"
            )
        rows = self.probability.sum(axis=1)
        if not np.allclose(rows, 1.0, atol=1e-6) or np.any(self.probability < 0.0):
            raise InvalidInputError(
                f"allocation probabilities of a batch must sum to 1, not {rows.tolist()!r}"
            )
        if np.any((self.n > 0) & (self.probability <= 0.0)):
            raise InvalidInputError(
                "a variant with probability 0 has units: record the probabilities that were used"
            )

    def rows(self, first: int, end: int) -> Batches:
        """The batches from ``first`` to before ``end``."""
        return Batches(
            n=self.n[first:end],
            mean=self.mean[first:end],
            variance=self.variance[first:end],
            probability=self.probability[first:end],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptivePath:
    """After every batch: running estimate, its standard error and sequence. Arrays (batches,)."""

    n: Array
    estimate: Array
    standard_error: Array
    half_width: Array
    log_e_value: Array
    effective_n: Array

    @property
    def last(self) -> ConfidenceSequence:
        """The sequence after the last batch."""
        estimate, error = float(self.estimate[-1]), float(self.standard_error[-1])
        if not math.isfinite(self.half_width[-1]):
            detail = (
                f"an effective sample of {self.effective_n[-1]:,.0f} units; "
                f"{LEAST_EFFECTIVE_UNITS:,.0f} are needed in both variants"
            )
            return insufficient(estimate, error, detail)
        half, log_e = float(self.half_width[-1]), float(self.log_e_value[-1])
        return ConfidenceSequence(
            status="available",
            estimate=estimate,
            standard_error=error,
            ci_lower=estimate - half,
            ci_upper=estimate + half,
            half_width=half,
            p_value=math.exp(min(0.0, -log_e)),
            log_e_value=log_e,
        )


def adaptive_sequence(
    batches: Batches, *, control: int, treatment: int, planned_n: float, alpha: float = 0.05
) -> AdaptivePath:
    """The average effect of ``treatment`` against ``control`` (column numbers), batch by batch.

    ``planned_n`` counts the units of all variants that were planned; the boundary is the normal
    mixture, whose clock is the accumulated variance of the scores. Batches in which one of the two
    had no chance at all say nothing about their difference and are left out.

    Waudby-Smith et al. (2024), section 2, on AIPW scores s_i: mean(s) +- critical(r) sqrt(V) /
    n with V = sum of (s_i - mean)^2 and r = rho^2 V over what one unit of an even split adds.
    """
    if batches.n.shape[0] == 0 or control == treatment:
        raise InvalidInputError("adaptive inference needs a batch and two different variants")
    refuse_nonsense(alpha, planned_n, None)
    both = np.all(batches.probability[:, [control, treatment]] > 0.0, axis=1)
    units = np.where(both, batches.n.sum(axis=1), 0.0)
    predictions = earlier_means(batches)
    sums, squares = _scores(batches, predictions, control=control, treatment=treatment)
    n = np.cumsum(units)
    with np.errstate(all="ignore"):
        estimate = np.cumsum(sums * both) / n
        observed = np.cumsum(squares * both) - n * estimate**2
    variance = np.maximum(observed, pooled_variation(batches, control, treatment))
    error = np.sqrt(variance) / n
    clock = _clock(batches, variance, control=control, treatment=treatment)
    r = clock * tuned_variance(planned_n=planned_n, alpha=alpha)
    effective = _effective_units(batches, (control, treatment))
    ready = (effective >= LEAST_EFFECTIVE_UNITS) & (error > 0.0)
    with np.errstate(all="ignore"):
        half = np.where(ready, error * critical_value(r, alpha=alpha), np.inf)
        log_e = np.where(ready, log_e_value(estimate / error, r), 0.0)
    return AdaptivePath(
        n=n,
        estimate=estimate,
        standard_error=error,
        half_width=half,
        log_e_value=log_e,
        effective_n=effective,
    )


def adaptive_means(batches: Batches, columns: tuple[int, int]) -> tuple[float, float]:
    """What each of two variants (column numbers) would have averaged over the same units.

    Robins, Rotnitzky, Zhao (1994): mean of m + 1{v} (y - m) / e_v over the batches in which both
    had a chance, so that the two differ by the estimate of ``adaptive_sequence``.
    """
    both = np.all(batches.probability[:, list(columns)] > 0.0, axis=1)
    units = np.where(both, batches.n.sum(axis=1), 0.0)
    predictions = earlier_means(batches)
    found = []
    for column in columns:
        n, seen = batches.n[:, column], batches.n[:, column] > 0
        chance = np.where(seen, batches.probability[:, column], 1.0)
        centred = np.where(seen, batches.mean[:, column] - predictions[:, column], 0.0)
        sums = predictions[:, column] * units + both * n * centred / chance
        found.append(float(sums.sum() / units.sum()) if units.sum() > 0 else math.nan)
    return found[0], found[1]


def earlier_means(batches: Batches) -> Array:
    """Each variant's mean over earlier batches; the first batch's pooled mean where none is.

    Cook, Mishler, Ramdas (2024), "Semiparametric efficient inference in adaptive experiments":
    m_b = sum of n y over batches before b / sum of n; predictions must not see the batch they
    predict.
    """
    totals = np.cumsum(batches.n * np.where(batches.n > 0, batches.mean, 0.0), axis=0)
    counts = np.cumsum(batches.n, axis=0)
    first = totals[0].sum() / max(counts[0].sum(), 1.0)
    with np.errstate(all="ignore"):
        means = np.where(counts > 0, totals / counts, first)
    return np.vstack([np.full(batches.n.shape[1], first), means[:-1]])


def _scores(
    batches: Batches, predictions: Array, *, control: int, treatment: int
) -> tuple[Array, Array]:
    """Sum and sum of squares of the scores of every batch."""
    gap = predictions[:, treatment] - predictions[:, control]
    sums = gap * batches.n.sum(axis=1)
    squares = gap**2 * batches.n.sum(axis=1)
    for column, sign in ((treatment, 1.0), (control, -1.0)):
        n = batches.n[:, column]
        seen = n > 0
        weight = np.where(seen, sign / np.where(seen, batches.probability[:, column], 1.0), 0.0)
        centred = np.where(seen, batches.mean[:, column] - predictions[:, column], 0.0)
        within = np.maximum(n - 1.0, 0.0) * np.where(n > 1.0, batches.variance[:, column], 0.0)
        sums = sums + weight * n * centred
        squares = squares + weight**2 * (within + n * centred**2) + 2.0 * gap * weight * n * centred
    return sums, squares


def pooled_variation(batches: Batches, control: int, treatment: int) -> Array:
    """Accumulated variance of the scores if both variants had the variance of all units so far.

    A variant held at a small share has few units a batch, and where its mean is low by chance
    its observed variance is too; this keeps the standard error from falling with it.

    Ours: V = s^2 sum of n_b (1 / e_t + 1 / e_c), s^2 = sum of (n - 1) v / sum of (n - 1): the
    variance of Robins, Rotnitzky, Zhao's (1994) scores when both variants have s^2.
    """
    columns = [control, treatment]
    n, p = batches.n[:, columns], batches.probability[:, columns]
    freedom = np.maximum(n - 1.0, 0.0)
    known = np.where(n > 1.0, batches.variance[:, columns], 0.0)
    within = np.cumsum((freedom * known).sum(axis=1))
    variance = within / np.maximum(np.cumsum(freedom.sum(axis=1)), 1.0)
    both = np.all(p > 0.0, axis=1)
    inverse = np.where(both, (1.0 / np.where(p > 0.0, p, 1.0)).sum(axis=1), 0.0)
    return np.asarray(variance * np.cumsum(batches.n.sum(axis=1) * inverse))


def _clock(batches: Batches, variance: Array, *, control: int, treatment: int) -> Array:
    """Accumulated score variance in units of what one unit of an even split would add.

    The unit is fixed by the first batch that has both variants, before the path it times.
    """
    pair = batches.variance[:, [control, treatment]]
    known = np.all(pair > 0.0, axis=1)
    if not known.any():
        return variance
    shares = batches.n.shape[1]
    return np.asarray(variance / (shares * pair[known.argmax()].sum()))


def _effective_units(batches: Batches, columns: tuple[int, int]) -> Array:
    """The smaller of the two variants' effective sample sizes, (sum w)^2 / sum w^2."""
    sizes = []
    for column in columns:
        n, p = batches.n[:, column], batches.probability[:, column]
        weight = np.where(n > 0, 1.0 / np.where(n > 0, p, 1.0), 0.0)
        with np.errstate(all="ignore"):
            size = np.cumsum(n * weight) ** 2 / np.cumsum(n * weight**2)
        sizes.append(np.nan_to_num(size))
    return np.asarray(np.minimum(*sizes))
