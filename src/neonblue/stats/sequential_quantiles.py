"""A difference of two quantiles that may be looked at any time.

The share of units below a variant's true quantile is a mean of zeros and ones, so a boundary in
standard errors holds for it at every look; turned round it gives two order statistics between which
the quantile lies at all looks at once, whatever the distribution (Howard and Ramdas 2022,
"Sequential estimation of quantiles with applications to A/B testing and best-arm identification",
section 2; theirs is nonasymptotic, ours has the plan boundary's width). The limits of the
difference are put together from both variants'.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from neonblue.stats.quantiles import QuantileSummary

MAX_Z = 38.0
"""Beyond this a p-value is no longer a number above 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileSequence:
    """Limits of treatment minus control, in the metric's unit; ``z`` what p is made from.

    Infinite where an order statistic falls off the sample: too few units for this width yet.
    """

    ci_lower: float
    ci_upper: float
    z: float

    @property
    def available(self) -> bool:
        """Whether both limits are numbers."""
        return math.isfinite(self.ci_lower) and math.isfinite(self.ci_upper)


def quantile_ranks(n: int, quantile: float, *, critical: float) -> tuple[int, int]:
    """Ranks (from 1) of the limits at ``critical`` standard errors, rounded outwards.

    Below 1 or above ``n`` there is no such value.

    Howard and Ramdas (2022), eq. 2: ranks n (q -+ f), with f = critical sqrt(q (1 - q) / n).
    """
    reach = critical * math.sqrt(quantile * (1.0 - quantile) * n)
    return math.floor(n * quantile - reach), math.ceil(n * quantile + reach) + 1


def quantile_sequence(
    control: QuantileSummary, treatment: QuantileSummary, *, critical: float
) -> QuantileSequence:
    """The difference, where both summaries' limits are those of ``quantile_ranks``.

    Zou and Donner (2008), MOVER: L = d - sqrt((q_t - l_t)^2 + (u_c - q_c)^2), U = d + sqrt((u_t -
    q_t)^2 + (q_c - l_c)^2); z = critical |d| / the distance of the limit on zero's side.
    """
    difference = treatment.estimate - control.estimate
    below = math.hypot(treatment.estimate - treatment.lower, control.upper - control.estimate)
    above = math.hypot(treatment.upper - treatment.estimate, control.estimate - control.lower)
    side = below if difference > 0.0 else above
    if difference == 0.0:
        z = 0.0
    else:
        z = MAX_Z if side == 0.0 else min(MAX_Z, critical * abs(difference) / side)
    return QuantileSequence(ci_lower=difference - below, ci_upper=difference + above, z=z)
