"""The bar to ship, set for a whole programme: how often ideas win, and the level that follows.

A level that holds for one experiment says little of what is shipped: where 8 of 100 ideas are
winners, one-sided .025 ships as many as one null among eight. The share of winners is learnt from
how past experiments ended, and the level is set so that of all that ships at most ``WRONG_SHARE``
is expected to be null. With nothing learnt, or where nothing wins, the level is so low that a
year of ``YEAR`` nulls ends without a ship in 95 of 100 programmes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WRONG_SHARE = 0.05
YEAR = 50
"""Experiments a year, for the least level."""
PLANNED_Z = 2.8
"""Expected z of the planned effect at the planned units: alpha .05 two-sided, power .8."""
WINNER_SIZES = np.linspace(0.5, 1.5, 21)
"""True effects of winners over the planned one, alike likely."""
PRIOR_WINNERS, PRIOR_OTHERS = 0.5, 12.0
"""Beta prior of the share of winners: mean .04, worth twelve experiments."""
CAUTION = 0.25
"""Quantile of the share's posterior that the level is set by."""
LEAST_LEVEL = 0.00125
GREATEST_LEVEL = 0.025
DISCRETE = 0.68
"""Chance that a null of no effect is shipped, over the level it is tested at: looks are apart and
the boundary is a bound (measured, ``benchmarks/programmes.py``)."""
FOUND = 0.78
"""Share of winners that a level finds within three planned sizes, at the least level."""
FUTILE_EVIDENCE = 0.1
"""An idea is given up when its evidence (the Bayes factor) falls below this."""
MAXIMUM_RATIO = 3.0
"""Planned sizes that an experiment of a programme may last: what the low level costs in power."""
SHARES = np.linspace(0.0, 1.0, 1001)[1:-1]
"""Shares of winners that the posterior is kept over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedTest:
    """How one past experiment ended: z of its primary metric, good side up, and its units.

    ``progress`` is its units over the planned ones; 1 where no plan is known.
    """

    z: float
    progress: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """What a programme knows of itself: the share of winners, and the level to ship at.

    ``level`` is one-sided. ``winner_share`` is the posterior mean, ``cautious_share`` the quantile
    that the level is set by, both fractions of ideas; ``learnt_from`` counts experiments.
    """

    level: float
    winner_share: float
    cautious_share: float
    learnt_from: int


def log_bayes_factor(test: EndedTest) -> float:
    """Evidence that a test's idea is a winner of the planned size rather than without effect.

    Definition: log of the mean over d of exp(d z - d^2 / 2), d = 2.8 r sqrt(progress), r as
    ``WINNER_SIZES``: the likelihood ratio of z ~ N(d, 1) against N(0, 1). It holds whenever a test
    was stopped.
    """
    drift = PLANNED_Z * WINNER_SIZES * math.sqrt(max(test.progress, 0.0))
    exponents = drift * test.z - 0.5 * drift * drift
    return float(np.logaddexp.reduce(exponents) - math.log(len(exponents)))


def is_futile(test: EndedTest) -> bool:
    """Whether an idea is so unlikely to be a winner that its traffic serves another one better.

    Ours: the Bayes factor below ``FUTILE_EVIDENCE``. Giving up early ships nothing, so it costs
    winners (1 to 2 of 100, ``benchmarks/programmes.py``), never errors.
    """
    return log_bayes_factor(test) < math.log(FUTILE_EVIDENCE)


def share_posterior(log_factors: Sequence[float] | Array) -> Array:
    """Weights over ``SHARES`` of the share of winners, given each test's evidence; they sum to 1.

    Posterior of w under Beta(PRIOR_WINNERS, PRIOR_OTHERS) with likelihood prod (1 - w + w B_i)
    (two-group model, Efron 2008, "Microarrays, empirical Bayes and the two-groups model").
    """
    log_weights = log_share_prior()
    for factor in log_factors:
        log_weights = log_weights + log_share_likelihood(factor)
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())


def log_share_prior() -> Array:
    """log density over ``SHARES`` before any experiment, up to a constant.

    Definition: log of the density of Beta(PRIOR_WINNERS, PRIOR_OTHERS).
    """
    share, others = np.log(SHARES), np.log1p(-SHARES)
    return np.asarray((PRIOR_WINNERS - 1.0) * share + (PRIOR_OTHERS - 1.0) * others)


def log_share_likelihood(log_factor: float | Array) -> Array:
    """log likelihood over ``SHARES`` of one test's log Bayes factor, or of a column of them.

    Definition: log(1 - w + w B).
    """
    return np.asarray(np.logaddexp(np.log1p(-SHARES), np.log(SHARES) + log_factor))


def level_for(share: float) -> float:
    """The one-sided level at which a share of winners leaves ``WRONG_SHARE`` of ships wrong.

    Ours: level = w FOUND / (1 - w) * q / (1 - q) / DISCRETE, with every other idea taken for a null
    of no effect; kept between the least and the greatest level.
    """
    odds = share / (1.0 - share) * FOUND
    level = odds * WRONG_SHARE / (1.0 - WRONG_SHARE) / DISCRETE
    return min(max(level, LEAST_LEVEL), GREATEST_LEVEL)


def programme_of(tests: Sequence[EndedTest]) -> Programme:
    """What the ended experiments say of the share of winners, and the level to ship at.

    Ours: ``share_posterior`` of each test's ``log_bayes_factor``, then ``level_from_posterior``.
    """
    weights = share_posterior([log_bayes_factor(test) for test in tests])
    return _programme(weights, len(tests))


def level_from_posterior(weights: Array) -> float:
    """The level for the ``CAUTION`` quantile of the share of winners.

    Ours: ``level_for`` of the least w with P(share <= w) >= CAUTION.
    """
    return level_for(_quantile(weights))


def _programme(weights: Array, count: int) -> Programme:
    return Programme(
        level=level_from_posterior(weights),
        winner_share=float(weights @ SHARES),
        cautious_share=_quantile(weights),
        learnt_from=count,
    )


def _quantile(weights: Array) -> float:
    return float(SHARES[min(int(np.searchsorted(np.cumsum(weights), CAUTION)), len(SHARES) - 1)])
