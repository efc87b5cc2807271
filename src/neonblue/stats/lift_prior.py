"""What lifts are usually like, when how much they differ is itself not known.

True log ratios of an organisation's experiments are taken as normal around a mean near zero; how
far they spread is learnt from its past. Before there is a past, two public archives say what to
expect. Half of ASOS's 78 product tests moved a metric by less than .4 %: the spread of true log
ratios there is .6 to .9 % over four metrics (REML, Liu et al. 2021, "Datasets for online controlled
experiments"). Headlines of the same Upworthy story differ by 27 % (Matias et al. 2021, "The
Upworthy Research Archive"). Organisations lie between: most weight is near the first, the rest
reaches to the second.

Everything here is on the scale of the log of the ratio of means, signed so that positive is good.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp, ndtr, ndtri

from neonblue.errors import InvalidInputError

SPREADS = np.geomspace(0.001, 0.6, 60)
"""The spreads of true log ratios that are weighed, shape (g,)."""
MEAN_SHARE = 0.3
"""Standard deviation of the mean true log ratio, as a share of the spread."""
ARCHIVES = ((0.7, 0.007, 0.5), (0.3, 0.08, 0.8))
"""Weight, median and log standard deviation of the spread: product changes, and wordings."""
MAX_EXPONENT = 700.0
OUTSIDE = (0.025, 0.975)
LEAST_WEIGHT = 1e-300
"""No spread is ruled out for good: an estimate far from all of the past needs a wide one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftPrior:
    """A mixture of normals for the next true log ratio: ``weights``, ``means``, ``sds``, each (g,).

    ``experiments`` is how many past comparisons it was learnt from.
    """

    weights: np.ndarray
    means: np.ndarray
    sds: np.ndarray
    experiments: int = 0

    @property
    def mean(self) -> float:
        """The expected log ratio."""
        return float(self.weights @ self.means)

    @property
    def typical_size(self) -> float:
        """Half of all true log ratios are expected to be nearer to the mean than this."""
        return _quantile(self, 0.75) - _quantile(self, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftPosterior:
    """What is to be believed of one lift, a fraction: as large as the metric says, not as good.

    ``mean`` is the shrunken lift, between ``lower`` and ``upper`` with probability .95;
    ``chance_to_win`` is P(the treatment is better); ``expected_loss`` what shipping it loses on
    average, as a fraction of the control's mean.
    """

    mean: float
    lower: float
    upper: float
    chance_to_win: float
    expected_loss: float


def archive_prior() -> LiftPrior:
    """The prior before there is a past.

    Ours: log-normal spreads around what the module's two archives show.
    """
    return _predictive(_archive_log_weights(), np.zeros_like(SPREADS), (MEAN_SHARE * SPREADS) ** 2)


def plan_prior(*, mean: float, sd: float) -> LiftPrior:
    """The prior that a plan states itself: lifts (fractions) around ``mean``, spread ``sd`` > 0.

    Definition: by the delta method log(1 + lift) has mean log(1 + m) and sd / (1 + m).
    """
    if not (mean > -1.0 and sd > 0.0 and math.isfinite(mean) and math.isfinite(sd)):
        raise InvalidInputError(
            f"a prior of mean {mean!r} and sd {sd!r}: the mean must be above -1 and the sd above 0"
        )
    one = np.ones(1)
    return LiftPrior(weights=one, means=one * math.log1p(mean), sds=one * sd / (1.0 + mean))


def learnt_prior(log_ratios: ArrayLike, standard_errors: ArrayLike) -> LiftPrior:
    """The prior after past comparisons: log ratios (k,) and their standard errors (k,), k >= 0.

    Raises ``InvalidInputError`` unless each is finite and each error above 0.

    Gelman et al. (2013), section 5.4: with y_j ~ N(mu, tau^2 + s_j^2), mu ~ N(0, (c tau)^2)
    integrated out, p(tau | y) is proportional to p(tau) V^(1/2) / (c tau) times the product of
    N(y_j; 0, tau^2 + s_j^2), times exp(a^2 V / 2) with a = sum of y_j / (tau^2 + s_j^2) and
    V^-1 = sum of 1 / (tau^2 + s_j^2) + (c tau)^-2; mu given tau and y is N(a V, V).
    """
    y, s = np.asarray(log_ratios, dtype=float), np.asarray(standard_errors, dtype=float)
    _refuse_unusable(y, s)
    precision = 1.0 / (SPREADS[:, None] ** 2 + s**2)
    own = (MEAN_SHARE * SPREADS) ** -2.0
    variance = 1.0 / (precision.sum(axis=1) + own)
    pull = precision @ y
    likelihood = 0.5 * (
        np.log(precision).sum(axis=1)
        - precision @ (y * y)
        + pull * pull * variance
        + np.log(own * variance)
    )
    return _predictive(
        _archive_log_weights() + likelihood, pull * variance, variance, experiments=y.size
    )


def lift_posterior(
    log_ratio: float,
    standard_error: float,
    *,
    prior: LiftPrior,
    higher_is_better: bool = True,
) -> LiftPosterior:
    """Belief about one comparison: its log ratio of means and the standard error (> 0) of that.

    Each normal of the prior is updated by itself and weighed by how well it foretold what was seen
    (Gelman et al. 2013, eq. 2.11 and section 22.2). With X ~ N(m, s^2) the log ratio, signed so
    that positive is good, E[lift] = exp(m + s^2 / 2) - 1 and the loss is E[max(1 - exp(X), 0)].
    """
    if not (math.isfinite(log_ratio) and standard_error > 0.0):
        raise InvalidInputError(
            f"log ratio {log_ratio!r} with standard error {standard_error!r}: "
            "give a finite ratio and an error above 0"
        )
    sign = 1.0 if higher_is_better else -1.0
    found = _updated(sign * log_ratio, standard_error, prior)
    limits = [_lift_at(found, sign, share) for share in OUTSIDE]
    return LiftPosterior(
        mean=_expected_lift(found, sign),
        lower=min(limits),
        upper=max(limits),
        chance_to_win=min(1.0, float(found.weights @ ndtr(found.means / found.sds))),
        expected_loss=_expected_loss(found, sign),
    )


def _updated(seen: float, error: float, prior: LiftPrior) -> LiftPrior:
    variances = prior.sds * prior.sds
    total = variances + error * error
    kept = variances / total
    away = seen - prior.means
    miss = away * away / total
    # The best of them has an exponent of 0, so that not all vanish however far the estimate lies.
    weights = np.maximum(prior.weights, LEAST_WEIGHT) / np.sqrt(total)
    weights *= np.exp(-0.5 * (miss - miss.min()))
    return LiftPrior(
        weights=weights / weights.sum(),
        means=prior.means + kept * away,
        sds=np.sqrt(kept) * error,
        experiments=prior.experiments,
    )


def _expected_lift(found: LiftPrior, sign: float) -> float:
    return float(found.weights @ _expm1(sign * found.means + found.sds**2 / 2.0))


def _lift_at(found: LiftPrior, sign: float, share: float) -> float:
    return math.expm1(min(sign * _quantile(found, share), MAX_EXPONENT))


def _expected_loss(found: LiftPrior, sign: float) -> float:
    """E[max(1 - exp(X), 0)] where more is better, E[max(exp(-X) - 1, 0)] where less is."""
    m, s = found.means, found.sds
    below = ndtr(-m / s)
    if sign > 0:
        parts = below - np.exp(np.minimum(m + s**2 / 2.0, MAX_EXPONENT)) * ndtr(-m / s - s)
    else:
        parts = np.exp(np.minimum(s**2 / 2.0 - m, MAX_EXPONENT)) * ndtr(s - m / s) - below
    return max(0.0, float(found.weights @ parts))


def _quantile(found: LiftPrior, share: float) -> float:
    """The mixture's quantile, by bisection between the outermost ones of its parts."""
    ends = found.means + found.sds * ndtri(share)
    low, high = float(ends.min()), float(ends.max())
    for _ in range(30):
        middle = 0.5 * (low + high)
        below = found.weights @ ndtr((middle - found.means) / found.sds) < share
        low, high = (middle, high) if below else (low, middle)
    return 0.5 * (low + high)


def _predictive(
    log_weights: np.ndarray, means: np.ndarray, mean_variances: np.ndarray, *, experiments: int = 0
) -> LiftPrior:
    return LiftPrior(
        weights=np.exp(log_weights - logsumexp(log_weights)),
        means=means,
        sds=np.sqrt(SPREADS**2 + mean_variances),
        experiments=experiments,
    )


def _archive_log_weights() -> np.ndarray:
    """Log weights (g,) of the spreads before any past."""
    parts = []
    for weight, median, log_sd in ARCHIVES:
        part = -0.5 * (np.log(SPREADS / median) / log_sd) ** 2
        parts.append(math.log(weight) + part - logsumexp(part))
    return np.asarray(logsumexp(np.array(parts), axis=0))


def _expm1(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.expm1(np.minimum(values, MAX_EXPONENT)))


def _refuse_unusable(y: np.ndarray, s: np.ndarray) -> None:
    if y.shape != s.shape or y.ndim != 1:
        raise InvalidInputError(f"{y.size} log ratios and {s.size} standard errors: give one each")
    if not (np.isfinite(y).all() and np.isfinite(s).all() and (s > 0.0).all()):
        raise InvalidInputError("every log ratio must be a number and every error above 0")
