"""Were variants alike before exposure? A covariate compared, at one look and at every look."""

from __future__ import annotations

from dataclasses import dataclass

from neonblue.models import MetricSummary
from neonblue.stats.comparison import InsufficientData, compare
from neonblue.stats.sequential_mixture import mixture_sequence

ALPHA = 0.001
"""Error rate at which the sequential test is most sensitive: where an experiment turns invalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imbalance:
    """``p_value`` is right at one look, ``sequential_p_value`` at any number of them."""

    p_value: float
    sequential_p_value: float


def imbalance_test(
    control: MetricSummary, treatment: MetricSummary, *, planned_n: float
) -> Imbalance | None:
    """Tests that the covariate, known before exposure, has one mean in both variants.

    ``planned_n`` is the total number of units at which the sequential test is most sensitive.
    None where the covariate does not vary or there are too few units. Welch (1947) for the one
    look: t = (x_t - x_c) / sqrt(v_t / n_t + v_c / n_c); the normal-mixture martingale of Robbins
    (1970) for all of them: log e = z^2 r / (2 (1 + r)) - log(1 + r) / 2 with r = n rho^2.
    """
    found = compare(_covariate(control), _covariate(treatment), kind="mean")
    if isinstance(found, InsufficientData):
        return None
    sequence = mixture_sequence(
        found.absolute_difference,
        found.standard_error,
        n=control.n + treatment.n,
        planned_n=planned_n,
        alpha=ALPHA,
    )
    return Imbalance(p_value=found.p_value, sequential_p_value=float(sequence.p_value))


def _covariate(summary: MetricSummary) -> MetricSummary:
    return MetricSummary(
        n=summary.n, mean=summary.covariate_mean, variance=summary.covariate_variance
    )
