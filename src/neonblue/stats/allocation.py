"""Which share of the next units each variant should get, from what earlier batches showed.

Levels are not compared across batches: in each, every variant is taken against all units of that
batch. A trend or a shock that moves them all together therefore cancels, where plain Thompson
sampling takes the variant with more units on good days for the better one.

Effects are in standard deviations of one unit, so one prior serves every metric: about as large as
the planned number of units was meant to find.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neonblue.errors import InvalidInputError
from neonblue.stats.adaptive import Batches, adaptive_sequence
from neonblue.stats.sequential import ConfidenceSequence

Array = NDArray[np.float64]

LEAST_FLOOR = 0.05
PRIOR_SDS = 2.0
SHARPNESS = 1.25
DRAWS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrasts:
    """What is believed of each variant's effect against the first, in units' standard deviations.

    ``mean`` has shape (variants - 1,), ``covariance`` (variants - 1, variants - 1).
    """

    mean: Array
    covariance: Array

    def draws(self, count: int, rng: np.random.Generator) -> Array:
        """Effects of all variants (the first one's are 0), shape (count, variants); antithetic."""
        root = np.linalg.cholesky(self.covariance)
        half = rng.standard_normal((count // 2, len(self.mean)))
        around = np.concatenate([half, -half]) @ root.T
        return np.column_stack([np.zeros(len(around)), self.mean + around])


def contrast_posterior(batches: Batches, *, planned_n: float) -> Contrasts:
    """Normal posterior of the effects, batch levels taken out.

    Ours, after Fisher's (1935) randomised blocks: with y = (mean of the variant - mean of the
    batch) / sd of the batch, the effects' precision is sum over batches of diag(n) - n n' / N, and
    the score is sum of n y. The prior makes variants exchangeable, with sd = 2 / sqrt(planned_n).
    """
    if not planned_n > 0 or not math.isfinite(planned_n):
        raise InvalidInputError(f"planned_n is {planned_n!r}: give the planned number of units")
    n = batches.n
    mean = np.where(n > 0, batches.mean, 0.0)
    total = np.maximum(n.sum(axis=1, keepdims=True), 1.0)
    level = (n * mean).sum(axis=1, keepdims=True) / total
    spread = np.sqrt(_variances(batches))[:, None]
    y = np.divide(mean - level, spread, out=np.zeros_like(mean), where=(spread > 0) & (n > 0))
    score = (n * y).sum(axis=0)
    precision = np.diag(n.sum(axis=0)) - (n / total).T @ n
    others = n.shape[1] - 1
    prior = (PRIOR_SDS / math.sqrt(planned_n)) ** 2 * (np.eye(others) + 1.0)
    covariance = np.linalg.inv(precision[1:, 1:] + np.linalg.inv(prior))
    return Contrasts(mean=covariance @ score[1:], covariance=covariance)


def _variances(batches: Batches) -> Array:
    """One variance a batch, within variants."""
    freedom = np.maximum(batches.n - 1.0, 0.0)
    known = np.where(batches.n > 1.0, batches.variance, 0.0)
    return np.asarray((freedom * known).sum(axis=1) / np.maximum(freedom.sum(axis=1), 1.0))


def best_probabilities(draws: Array) -> Array:
    """How often each variant is the best of a draw. Definition: mean of 1{k leads}."""
    return np.bincount(draws.argmax(axis=1), minlength=draws.shape[1]) / len(draws)


def top_two_shares(draws: Array, *, floor: float = LEAST_FLOOR) -> Array:
    """Shares by how far each variant leads the second of the top two where it leads.

    Ours, after Russo's (2020) top-two sampling and Qin, Klabjan and Russo's (2017) top-two
    expected improvement: v_k = E[(theta_k - second)+], share = v_k^1.25 / sum v^1.25, and at least
    ``floor``. Thompson's own share, P(k leads), keeps more on variants that lead by little.
    """
    ordered = np.partition(draws, -2, axis=1)
    lead = ordered[:, -1] - ordered[:, -2]
    worth = np.bincount(draws.argmax(axis=1), weights=lead, minlength=draws.shape[1])
    if not worth.sum() > 0:
        worth = np.ones_like(worth)
    sharp = (worth / worth.max()) ** SHARPNESS
    return with_floor(sharp / sharp.sum(), floor)


def with_floor(shares: Array, floor: float) -> Array:
    """The shares with none below ``floor``, what lies above it scaled down.

    Definition: w = floor + c (max(share, floor) - floor), with c such that sum w = 1.
    """
    room = np.maximum(shares, floor) - floor
    left = 1.0 - floor * len(shares)
    if not (floor >= 0 and left >= -1e-12):
        raise InvalidInputError(
            f"a floor of {floor!r} for {len(shares)} variants is more than there is: give at most "
            f"{1 / len(shares):.3g}"
        )
    if not room.sum() > 0:
        return np.full(len(shares), 1.0 / len(shares))
    return np.asarray(floor + max(0.0, left) * room / room.sum())


def pairwise_sequences(
    batches: Batches, *, planned_n: float, alpha: float = 0.05
) -> dict[tuple[int, int], ConfidenceSequence]:
    """The AIPW sequence of every variant against every other, by (treatment, other) columns.

    Bonferroni (1936) over the others of one variant: each has alpha / (variants - 1), so that the
    best of equal variants is named a winner with probability <= alpha over all looks.
    """
    count = batches.n.shape[1]
    level = alpha / (count - 1)
    found: dict[tuple[int, int], ConfidenceSequence] = {}
    for one in range(count):
        for other in range(count):
            if one != other:
                path = adaptive_sequence(
                    batches, control=other, treatment=one, planned_n=planned_n, alpha=level
                )
                found[one, other] = path.last
    return found


def winner(
    sequences: dict[tuple[int, int], ConfidenceSequence], *, lower_is_better: bool = False
) -> int | None:
    """The variant whose sequences against all others lie on the good side, or None.

    Definition: ci_lower > 0 for every other (ci_upper < 0 where less is better).
    """
    count = 1 + max((one for one, _ in sequences), default=0)
    for one in range(count):
        against = [found for (treatment, _), found in sequences.items() if treatment == one]
        if against and all(_better(found, lower_is_better) for found in against):
            return one
    return None


def _better(found: ConfidenceSequence, lower_is_better: bool) -> bool:
    if not found.available:
        return False
    return found.ci_upper < 0 if lower_is_better else found.ci_lower > 0


def all_alike(sequences: dict[tuple[int, int], ConfidenceSequence], margin: float) -> bool:
    """Whether every pair is known to differ by less than ``margin`` (absolute).

    Definition: -margin < ci_lower and ci_upper < margin for all pairs.
    """
    return all(
        found.available and -margin < found.ci_lower and found.ci_upper < margin
        for found in sequences.values()
    )
