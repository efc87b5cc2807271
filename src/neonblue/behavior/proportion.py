"""A share with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

Z = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """``count`` of ``n`` with the 95 % Wilson (1927) score interval; NaN without any."""

    count: int
    n: int
    value: float
    ci_lower: float
    ci_upper: float


def share(count: int, n: int) -> Share:
    """The share of ``count`` in ``n``."""
    if n == 0:
        nan = float("nan")
        return Share(count=0, n=0, value=nan, ci_lower=nan, ci_upper=nan)
    p, z2 = count / n, Z * Z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return Share(
        count=count,
        n=n,
        value=p,
        ci_lower=max(centre - half, 0.0),
        ci_upper=min(centre + half, 1.0),
    )
