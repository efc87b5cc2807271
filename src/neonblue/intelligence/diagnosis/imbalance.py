"""Where a sample ratio mismatch comes from: the values and days that carry it.

Pure functions over counts of units by value and variant. A value is suspect when its split
differs from that of all other units (chi-square test of independence of a 2 x k table), and it is
the whole cause when the other units fit the plan. Fabijan et al. (2019), "Diagnosing Sample Ratio
Mismatch in Online Controlled Experiments", section 5, segments by the same idea.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]

SUSPECT_P = 0.001
FITS_PLAN_P = 0.01
SMALLEST_EXPECTED = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTable:
    """Units by value (rows) and variant (columns, in the order of the plan)."""

    dimension: str
    values: tuple[str, ...]
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Localised:
    """The values of one dimension whose split differs from all others'.

    ``log_p`` is the natural log of the p-value of that difference, corrected for how many values
    were searched. ``p_rest`` tests the remaining units against the plan. Shares are by variant.
    """

    dimension: str
    values: tuple[str, ...]
    units: int
    log_p: float
    p_inside: float
    p_rest: float
    shares_inside: tuple[float, ...]
    shares_rest: tuple[float, ...]

    @property
    def explains_all(self) -> bool:
        """Whether the plan fits once these units are set aside."""
        return self.p_rest > FITS_PLAN_P and self.p_inside < SUSPECT_P


def plan_p_value(counts: Counts, shares: Counts) -> float:
    """Chi-square p of counts against planned shares; variants without a share are left out."""
    from scipy.special import chdtrc

    live = shares > 0
    total = counts[live].sum()
    if total == 0 or live.sum() < 2:
        return 1.0
    expected = total * shares[live] / shares[live].sum()
    statistic = float(((counts[live] - expected) ** 2 / expected).sum())
    return float(chdtrc(int(live.sum()) - 1, statistic))


def independence_log_p(*rows: Counts) -> float:
    """Log p that rows of counts share one split; 0 (p = 1) where there is too little.

    Pearson (1900): the sum of (observed - expected)^2 / expected is chi-square with
    (rows - 1) (columns - 1) degrees of freedom.
    """
    table = np.stack(rows)
    table = table[:, table.sum(axis=0) > 0]
    total = table.sum()
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    if expected.min() < SMALLEST_EXPECTED:
        return 0.0
    statistic = float(((table - expected) ** 2 / expected).sum())
    return log_chi_square_tail(statistic, (table.shape[0] - 1) * (table.shape[1] - 1))


def log_chi_square_tail(statistic: float, degrees: int) -> float:
    """Log of the survival function; past underflow by its leading asymptotic term."""
    from scipy.special import chdtrc, gammaln

    p = float(chdtrc(degrees, statistic))
    if p > 1e-290:
        return float(np.log(p))
    half = degrees / 2
    return float(-statistic / 2 + (half - 1) * np.log(statistic / 2) - gammaln(half))


def localise(table: CountTable, shares: Counts) -> Localised | None:
    """The values that carry the mismatch, or None where all values are split alike."""
    searched = len(table.values)
    total = table.counts.sum(axis=0)
    log_ps = [independence_log_p(row, total - row) for row in table.counts]
    if searched < 2 or min(log_ps) + np.log(searched) > np.log(SUSPECT_P):
        return None
    off_plan = [plan_p_value(row, shares) * searched < FITS_PLAN_P for row in table.counts]
    rows = np.flatnonzero(off_plan)
    if len(rows) in (0, searched):
        rows = np.array([int(np.argmin(log_ps))])
    return _localised(table, rows, shares, log_p=min(log_ps) + float(np.log(searched)))


def localise_days(table: CountTable, shares: Counts) -> Localised | None:
    """The run of consecutive days whose split differs most from the other days'."""
    best: tuple[float, int, int] | None = None
    sums = np.concatenate([np.zeros((1, table.counts.shape[1])), table.counts.cumsum(axis=0)])
    for start, end in _runs(len(table.values)):
        inside = sums[end] - sums[start]
        log_p = independence_log_p(inside, sums[-1] - inside)
        if best is None or log_p < best[0]:
            best = (log_p, start, end)
    searched = len(table.values) * (len(table.values) + 1) // 2
    if best is None or best[0] + np.log(searched) > np.log(SUSPECT_P):
        return None
    log_p = best[0] + float(np.log(searched))
    return _guilty_side(table, np.arange(best[1], best[2]), shares, log_p)


def _runs(days: int) -> Iterator[tuple[int, int]]:
    return ((s, e) for s in range(days) for e in range(s + 1, days + 1) if e - s < days)


def _guilty_side(
    table: CountTable, rows: NDArray[np.int64], shares: Counts, log_p: float
) -> Localised:
    """A run and its complement split the days the same way: name the one that breaks the plan."""
    others = np.setdiff1d(np.arange(len(table.values)), rows)
    run = _localised(table, rows, shares, log_p=log_p)
    rest = _localised(table, others, shares, log_p=log_p)
    return rest if rest.p_inside < run.p_inside else run


def _localised(
    table: CountTable, rows: NDArray[np.int64], shares: Counts, *, log_p: float
) -> Localised:
    inside = table.counts[rows].sum(axis=0)
    outside = table.counts.sum(axis=0) - inside
    return Localised(
        dimension=table.dimension,
        values=tuple(table.values[row] for row in rows),
        units=int(inside.sum()),
        log_p=min(0.0, log_p),
        p_inside=plan_p_value(inside, shares),
        p_rest=plan_p_value(outside, shares),
        shares_inside=_shares(inside),
        shares_rest=_shares(outside),
    )


def _shares(counts: Counts) -> tuple[float, ...]:
    return tuple(float(count) for count in counts / max(1.0, counts.sum()))
