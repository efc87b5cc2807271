"""Whether a share is the same in every variant."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc


def homogeneity_p_value(hits: ArrayLike, totals: ArrayLike) -> float | None:
    """Pearson's chi-square of a 2 x k table: ``hits`` (k,) out of ``totals`` (k,), for one look.

    Pearson (1900): chi^2 = sum of (x_i - n_i s)^2 / (n_i s (1 - s)), s the share of all, with k - 1
    degrees of freedom. None where there is nothing to compare: fewer than two variants with rows,
    no hits or nothing but hits.
    """
    seen = np.asarray(totals, dtype=float)
    found = np.asarray(hits, dtype=float)[seen > 0]
    seen = seen[seen > 0]
    share = found.sum() / seen.sum() if seen.size else 0.0
    if seen.size < 2 or not 0.0 < share < 1.0:
        return None
    statistic = ((found - seen * share) ** 2 / (seen * share * (1.0 - share))).sum()
    return float(chdtrc(seen.size - 1, statistic))
