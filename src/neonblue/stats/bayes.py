"""Bayesian readings of an experiment, in closed form or by quadrature; no Monte Carlo.

A posterior answers "what do I believe now", not "how often would I be wrong": shipping whenever
the chance to win passes 95 % while watching ships false wins 22-42 % of the time. The verdict
therefore never rests on these numbers; they are shown beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, betaincc, betaincinv, betaln, expit, log_expit, ndtr, ndtri

from neonblue.errors import InvalidInputError

Numbers = Any
"""A float or a numpy array of floats."""

SQRT_2PI = math.sqrt(2.0 * math.pi)


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalPrior:
    """What lifts are like before this experiment; ``sd`` of inf is the flat prior."""

    mean: float = 0.0
    sd: float = math.inf

    def __post_init__(self) -> None:
        if not (self.sd > 0.0 and math.isfinite(self.mean)):
            raise InvalidInputError(
                f"a prior of mean {self.mean!r} and sd {self.sd!r}: the sd must be above 0"
            )


FLAT = NormalPrior()


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalPosterior:
    """Belief about an effect, in its own units; ``chance_to_win`` is P(effect > 0).

    ``expected_loss`` is what one loses on average by shipping the treatment: E[max(-effect, 0)];
    ``expected_loss_control`` what one forgoes by keeping control: E[max(effect, 0)].
    """

    mean: Numbers
    sd: Numbers
    ci_lower: Numbers
    ci_upper: Numbers
    chance_to_win: Numbers
    expected_loss: Numbers
    expected_loss_control: Numbers


def normal_posterior(
    estimate: Numbers,
    standard_error: Numbers,
    *,
    prior: NormalPrior = FLAT,
    alpha: float = 0.05,
    higher_is_better: bool = True,
) -> NormalPosterior:
    """Normal likelihood times normal prior (Gelman et al. 2013, eq. 2.11).

    Elementwise on arrays. Raises ``InvalidInputError`` unless every standard error is above 0.

    mean = (x / s^2 + m / v^2) / (1 / s^2 + 1 / v^2), sd^-2 = 1 / s^2 + 1 / v^2 for estimate x
    with standard error s and prior N(m, v^2).
    """
    usable = standard_error > 0.0
    if not (usable if isinstance(usable, bool) else np.all(usable)):
        raise InvalidInputError(
            f"standard error {standard_error!r} must be above 0: every unit has the same value"
        )
    precision = 1.0 / (standard_error * standard_error)
    weight = 0.0 if prior.sd == math.inf else 1.0 / (prior.sd * prior.sd)
    mean = (estimate * precision + prior.mean * weight) / (precision + weight)
    sd = 1.0 / np.sqrt(precision + weight)
    half = -ndtri(alpha / 2.0) * sd
    direction = 1.0 if higher_is_better else -1.0
    loss = normal_expected_loss(direction * mean, sd)
    return NormalPosterior(
        mean=mean,
        sd=sd,
        ci_lower=mean - half,
        ci_upper=mean + half,
        chance_to_win=ndtr(direction * mean / sd),
        expected_loss=loss,
        expected_loss_control=loss + direction * mean,
    )


def normal_expected_loss(mean: Numbers, sd: Numbers) -> Numbers:
    """E[max(-X, 0)] of X ~ N(mean, sd): sd phi(z) - mean Phi(-z) with z = mean / sd.

    In the far tail the two terms cancel; there Mills' ratio series phi(z) / z**2 is used.

    The normal loss function of DeGroot (1970), "Optimal statistical decisions".
    """
    z = mean / sd
    density = np.exp(-0.5 * z * z) / SQRT_2PI
    direct = density - z * ndtr(-z)
    if np.ndim(z) == 0 and z <= 8.0:
        return sd * direct
    far = np.maximum(z, 8.0)
    series = density / (far * far) * (1.0 - 3.0 / far**2 + 15.0 / far**4)
    return sd * np.where(z > 8.0, series, direct)


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaBelief:
    """A Beta(alpha, beta) belief about a rate."""

    alpha: float
    beta: float

    def __post_init__(self) -> None:
        if not (self.alpha > 0.0 and self.beta > 0.0):
            raise InvalidInputError(
                f"Beta({self.alpha!r}, {self.beta!r}): both parameters must be above 0"
            )

    @property
    def mean(self) -> float:
        return self.alpha / (self.alpha + self.beta)

    @property
    def variance(self) -> float:
        total = self.alpha + self.beta
        return self.alpha * self.beta / (total * total * (total + 1.0))

    def updated(self, successes: float, n: float) -> BetaBelief:
        """After ``successes`` of ``n`` units."""
        if not 0 <= successes <= n:
            raise InvalidInputError(f"{successes!r} successes of {n!r} units: need 0 to n")
        return BetaBelief(alpha=self.alpha + successes, beta=self.beta + n - successes)

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Equal-tailed credible interval."""
        lower = betaincinv(self.alpha, self.beta, alpha / 2.0)
        upper = 1.0 - betaincinv(self.beta, self.alpha, alpha / 2.0)
        return float(lower), float(upper)


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaComparison:
    """Two rates: P(treatment > control) and what each choice loses on average."""

    chance_to_win: float
    expected_loss: float
    expected_loss_control: float


def compare_beta(control: BetaBelief, treatment: BetaBelief) -> BetaComparison:
    """Chance to win and expected losses of two Beta posteriors, by quadrature.

    P(t > c) is the integral of f_t F_c, E[max(c - t, 0)] that of F_t (1 - F_c); for whole
    parameters Miller (2015, "Formulas for Bayesian A/B testing") has the finite sum.

    Integrated as P = sum of w_i f_t(x_i) F_c(x_i) over quadrature points.
    """
    chance = _beta_mean_of(treatment, control.alpha, control.beta)
    loss = _beta_loss(better=control, chosen=treatment)
    loss_control = _beta_loss(better=treatment, chosen=control)
    return BetaComparison(
        chance_to_win=chance, expected_loss=loss, expected_loss_control=loss_control
    )


def _beta_loss(*, better: BetaBelief, chosen: BetaBelief) -> float:
    """E[max(better - chosen, 0)] = integral of P(chosen < u) P(better > u) du."""
    s, weights = _grid((better, chosen))
    u = expit(s)
    product = betainc(chosen.alpha, chosen.beta, u) * betaincc(better.alpha, better.beta, u)
    return float((product * u * expit(-s)) @ weights)


def _beta_mean_of(belief: BetaBelief, alpha: float, beta: float) -> float:
    """E[F(X)] for X ~ ``belief`` and F the cdf of Beta(alpha, beta)."""
    s, weights = _grid((belief, BetaBelief(alpha=alpha, beta=beta)))
    return float((_logit_density(belief, s) * betainc(alpha, beta, expit(s))) @ weights)


def _logit_density(belief: BetaBelief, s: np.ndarray) -> np.ndarray:
    """Density of the logit of a Beta variable."""
    log_density = belief.alpha * log_expit(s) + belief.beta * log_expit(-s)
    density: np.ndarray = np.exp(log_density - betaln(belief.alpha, belief.beta))
    return density


def _grid(beliefs: tuple[BetaBelief, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre points (logits) and weights over where the beliefs have their mass.

    On the logit scale, where even Beta(0.5, 0.5) has no singularity. Panels end at quantiles of
    every belief, so each peak is resolved however narrow it is.
    """
    tails = np.array([1e-17, 1e-12, 1e-8, 1e-4, 0.02, 0.2, 0.5])
    low = [_logit(betaincinv(b.alpha, b.beta, tails)) for b in beliefs]
    high = [-_logit(betaincinv(b.beta, b.alpha, tails)) for b in beliefs]
    s, weights = _panels(np.unique(np.concatenate(low + high)))
    return s, weights


def _logit(q: np.ndarray) -> np.ndarray:
    q = np.maximum(q, 1e-300)
    return np.asarray(np.log(q) - np.log1p(-q))


def _panels(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (m,) and weights (m,) of Gauss-Legendre quadrature in each panel between edges."""
    nodes, weights = _legendre(40)
    half = np.diff(edges)[:, None] / 2.0
    points = edges[:-1, None] + half * (1.0 + nodes)
    return points.ravel(), (half * weights).ravel()


@lru_cache(maxsize=4)
def _legendre(order: int) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(order)
    return np.asarray(nodes), np.asarray(weights)


def beta_chances_best(beliefs: tuple[BetaBelief, ...]) -> np.ndarray:
    """P(each rate is the highest), shape (k,), by quadrature.

    Definition: P(k best) = integral of f_k(x) times the product of F_j(x) over the others j.
    """
    s, weights = _grid(beliefs)
    below = np.array([betainc(b.alpha, b.beta, expit(s)) for b in beliefs])
    densities = np.array([_logit_density(b, s) for b in beliefs])
    return _chances(densities, below, weights)


def beta_losses(beliefs: tuple[BetaBelief, ...]) -> np.ndarray:
    """E[best of all - this one] for each rate, shape (k,).

    Definition: E[max_j p_j] - E[p_k], with E[max] = 1 - integral of the product of F_j(x).
    """
    s, weights = _grid(beliefs)
    u = expit(s)
    below = np.array([betainc(b.alpha, b.beta, u) for b in beliefs])
    densities = np.array([_logit_density(b, s) for b in beliefs])
    center = beliefs[0].mean
    expected_best = center + float(_chances(densities * (u - center), below, weights).sum())
    return np.array([expected_best - belief.mean for belief in beliefs])


def normal_chances_best(means: ArrayLike, sds: ArrayLike) -> np.ndarray:
    """P(each of k independent normal variants is the highest), shape (k,), by quadrature.

    Definition: P(k best) = integral of f_k(x) times the product of F_j(x) over the others j.
    """
    mean, sd = _normals(means, sds)
    x, weights = _normal_grid(mean, sd)
    z = (x - mean[:, None]) / sd[:, None]
    densities = np.exp(-0.5 * z * z) / (SQRT_2PI * sd[:, None])
    return _chances(densities, ndtr(z), weights)


def normal_losses(means: ArrayLike, sds: ArrayLike) -> np.ndarray:
    """E[best of all - this one] for each of k independent normal variants, shape (k,).

    Definition: E[max_j x_j] - E[x_k], with E[max] from the product of the F_j.
    """
    mean, sd = _normals(means, sds)
    x, weights = _normal_grid(mean, sd)
    z = (x - mean[:, None]) / sd[:, None]
    densities = np.exp(-0.5 * z * z) / (SQRT_2PI * sd[:, None])
    center = float(mean.mean())
    expected_best = center + float(_chances(densities * (x - center), ndtr(z), weights).sum())
    return np.asarray(expected_best - mean, dtype=float)


def _normals(means: ArrayLike, sds: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    mean, sd = np.asarray(means, dtype=float), np.asarray(sds, dtype=float)
    if mean.shape != sd.shape or mean.ndim != 1 or not (sd > 0.0).all():
        raise InvalidInputError(
            f"means {mean.tolist()!r} and sds {sd.tolist()!r}: give one of each, sds above 0"
        )
    return mean, sd


def _normal_grid(mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    reach = np.array([-9.0, -5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0, 9.0])
    return _panels(np.unique((mean[:, None] + sd[:, None] * reach).ravel()))


def _chances(densities: np.ndarray, below: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Integral of each density times the product of the others' cdfs."""
    others = np.array([np.delete(below, i, axis=0).prod(axis=0) for i in range(len(below))])
    chances: np.ndarray = (densities * others) @ weights
    return chances
