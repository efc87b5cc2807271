"""Means of capped values: one whale shall not decide an experiment.

Both variants are capped at the same value, taken from all units together; a cap a variant would
bias the difference. The mean of capped values is another metric than the mean: say so where shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from neonblue.errors import InvalidInputError
from neonblue.models import MetricSummary
from neonblue.stats.moments import summary_from_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Winsorised:
    """Summaries after capping; ``capped_fraction`` of the units were changed.

    ``lower`` is -inf where only large values are capped.
    """

    control: MetricSummary
    treatment: MetricSummary
    lower: float
    upper: float
    capped_fraction: float


def winsorised(
    control: ArrayLike,
    treatment: ArrayLike,
    *,
    upper_quantile: float = 0.99,
    lower_quantile: float = 0.0,
    ignore_zeros: bool = False,
) -> Winsorised:
    """Values (n,) of both variants, capped at pooled quantiles.

    ``ignore_zeros`` takes the quantiles of nonzero values (revenue: most units spend nothing).
    Raises ``InvalidInputError`` for quantiles that leave nothing between them.

    Tukey (1962): y = min(max(y, q_low), q_high) with q quantiles of both variants together.
    """
    if not 0.0 <= lower_quantile < upper_quantile <= 1.0:
        raise InvalidInputError(
            f"quantiles {lower_quantile!r} to {upper_quantile!r}: need 0 <= lower < upper <= 1"
        )
    a, b = np.asarray(control, dtype=float), np.asarray(treatment, dtype=float)
    together = np.concatenate((a, b))
    basis = together[together != 0.0] if ignore_zeros else together
    if basis.size == 0:
        raise InvalidInputError("there is no value to take a cap from: load units first")
    upper = float(np.quantile(basis, upper_quantile))
    # A least of nonzero values is no floor: it would lift the zeros to it.
    lower = float(np.quantile(basis, lower_quantile)) if lower_quantile > 0.0 else -np.inf
    return Winsorised(
        control=summary_from_values(np.clip(a, lower, upper)),
        treatment=summary_from_values(np.clip(b, lower, upper)),
        lower=lower,
        upper=upper,
        capped_fraction=float(((together < lower) | (together > upper)).mean()),
    )
