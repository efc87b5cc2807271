"""What moved between two periods: which slices changed otherwise than the rest, and by how much.

A slice is one value of a property or two values of two. Tested is whether its total changed by the
same factor as everything else, so that a change of all traffic names nobody. Units, not events, are
independent: the variance is the sum of squares over units (a score test of a compound Poisson
total), with an exact binomial tail beside it for small slices. Tests are adjusted by Benjamini and
Yekutieli (2001), for slices overlap. What was named is taken out and the rest is tested again, so
that the others' rising share of a total that fell is not a finding of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from neonblue.stats.multiplicity import adjusted_p_values

ALPHA = 0.05
FEWEST_UNITS = 10
MAX_NAMED = 5
MAX_PAIRS = 300
FEWEST_DAYS = 5
CHI_SQUARED_MEDIAN = 0.4549
"""Of one degree of freedom."""
TINY = 1e-300

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Units grouped by the values of all properties: one row a combination.

    ``codes`` is (cells, properties) with -1 where a value is none of those compared. The others
    are (cells,): sums over units of the amount before and now, of its squares, and of their
    product.
    """

    codes: NDArray[np.int64]
    before: Floats
    now: Floats
    before_squared: Floats
    now_squared: Floats
    product: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One or two properties (columns of the codes) at one value each."""

    columns: tuple[int, ...]
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A slice that changed otherwise than the rest.

    ``contribution`` is its change over the total change, None where the total did not change;
    ``z`` the score and ``p_value`` adjusted over all slices of its round.
    """

    slice: Slice
    before: float
    now: float
    contribution: float | None
    z: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """The totals, what was named, by its part in the change, and how many slices were compared."""

    before: float
    now: float
    named: tuple[Moved, ...]
    compared: int


def in_slice(codes: NDArray[np.int64], where: Slice) -> Mask:
    """Definition: the cells (n,) that have every value of a slice."""
    found = np.ones(len(codes), dtype=bool)
    for column, value in zip(where.columns, where.values, strict=True):
        found &= codes[:, column] == value
    return found


def what_moved(
    cells: Cells, *, length_ratio: float = 1.0, alpha: float = ALPHA, max_named: int = MAX_NAMED
) -> Movement:
    """The slices that moved; ``length_ratio`` is the length of the period now over that before.

    The score of a slice is now - f before with f = now / before of all; its variance is that of a
    compound Poisson sum, the sum over units of (now - f before)^2 (Rao 1948's score test, the
    units as clusters). Adjusted by Benjamini and Yekutieli (2001), theorem 1.3: m p_(j) / j times
    the sum of 1 / j; repeated without what was named.
    """
    slices = candidates(cells)
    left = np.ones(len(cells.codes), dtype=bool)
    change = float(cells.now.sum() - length_ratio * cells.before.sum())
    named: list[Moved] = []
    while len(named) < max_named:
        best = _round(cells, slices, left, length_ratio, alpha)
        if best is None:
            break
        where, z, p_value = best
        mask = in_slice(cells.codes, where)
        before, now = float(cells.before[mask].sum()), float(cells.now[mask].sum())
        share = (now - length_ratio * before) / change if change else None
        named.append(
            Moved(slice=where, before=before, now=now, contribution=share, z=z, p_value=p_value)
        )
        left &= ~mask
    named.sort(key=lambda one: -(one.contribution or 0.0))
    return Movement(
        before=float(cells.before.sum()),
        now=float(cells.now.sum()),
        named=tuple(named),
        compared=len(slices),
    )


def candidates(cells: Cells) -> tuple[Slice, ...]:
    """Ours: every value of every property, and the largest pairs of values of two properties.

    Chosen by both periods together, which says nothing of the change between them.
    """
    size = cells.before + cells.now
    singles = [
        Slice(columns=(column,), values=(int(value),))
        for column in range(cells.codes.shape[1])
        for value in np.unique(cells.codes[:, column])
        if value >= 0
    ]
    pairs = []
    for one, other in combinations(range(cells.codes.shape[1]), 2):
        held = (cells.codes[:, [one, other]] >= 0).all(axis=1)
        values, index = np.unique(cells.codes[held][:, [one, other]], axis=0, return_inverse=True)
        sums = np.bincount(index.reshape(-1), weights=size[held], minlength=len(values))
        pairs += [
            (float(total), Slice(columns=(one, other), values=(int(a), int(b))))
            for (a, b), total in zip(values, sums, strict=True)
        ]
    pairs.sort(key=lambda each: -each[0])
    return (*singles, *(where for _, where in pairs[:MAX_PAIRS]))


def _round(
    cells: Cells, slices: tuple[Slice, ...], left: Mask, length_ratio: float, alpha: float
) -> tuple[Slice, float, float] | None:
    """The slice of one round that moved most, where the adjusted tests name any."""
    rest_of = {where: in_slice(cells.codes, where) & left for where in slices}
    p, z = np.full(len(slices), np.nan), np.zeros(len(slices))
    for index, where in enumerate(slices):
        inside = rest_of[where]
        p[index], z[index] = _test(cells, inside, left & ~inside)
        if len(where.columns) == 2 and p[index] < alpha:
            for column, value in zip(where.columns, where.values, strict=True):
                parent = in_slice(cells.codes, Slice(columns=(column,), values=(value,))) & left
                p[index] = np.fmax(p[index], _test(cells, inside, parent & ~inside)[0])
    adjusted = adjusted_p_values(p, method="by")
    chosen = [
        index
        for index in np.flatnonzero(adjusted <= alpha)
        if _moved_more(cells, rest_of[slices[index]], left, length_ratio)
    ]
    if not chosen:
        return None
    best = max(chosen, key=lambda index: abs(z[index]))
    return slices[best], float(z[best]), float(adjusted[best])


def _moved_more(cells: Cells, inside: Mask, left: Mask, length_ratio: float) -> bool:
    """Whether the slice itself changed more than the rest did; of two halves only one did."""
    return _log_change(cells, inside, length_ratio) >= _log_change(
        cells, left & ~inside, length_ratio
    )


def _log_change(cells: Cells, mask: Mask, length_ratio: float) -> float:
    before, now = cells.before[mask].sum(), cells.now[mask].sum()
    return float(abs(np.log((now + 0.5) / (length_ratio * before + 0.5))))


def _test(cells: Cells, inside: Mask, rest: Mask) -> tuple[float, float]:
    """p and z of the slice's change against the rest's; NaN where there is too little."""
    b_in, a_in = cells.now[inside].sum(), cells.before[inside].sum()
    b_out, a_out = cells.now[rest].sum(), cells.before[rest].sum()
    spread = cells.before_squared[inside].sum() + cells.now_squared[inside].sum()
    total_in, total_out = a_in + b_in, a_out + b_out
    if a_in + a_out <= 0 or b_in + b_out <= 0 or total_out <= 0 or spread <= 0:
        return np.nan, 0.0
    effective = total_in**2 / spread
    if effective < FEWEST_UNITS:
        return np.nan, 0.0
    factor = (b_in + b_out) / (a_in + a_out)
    part = total_in / (total_in + total_out)
    variance = (1 - part) ** 2 * _squares(cells, inside, factor)
    variance += part**2 * _squares(cells, rest, factor)
    if variance <= 0:
        return np.nan, 0.0
    z = float((b_in - factor * a_in) / np.sqrt(variance))
    score = float(2 * stats.norm.sf(abs(z)))
    exact = _binomial(effective * b_in / total_in, effective, b_out / total_out)
    return max(score, exact), z


def _squares(cells: Cells, mask: Mask, factor: float) -> float:
    """The sum of (now - factor x before) squared over the units of these cells."""
    return float(
        cells.now_squared[mask].sum()
        - 2 * factor * cells.product[mask].sum()
        + factor**2 * cells.before_squared[mask].sum()
    )


def _binomial(successes: float, trials: float, probability: float) -> float:
    """Twice the smaller tail of a binomial, by the incomplete beta function (trials in parts)."""
    if not 0.0 < probability < 1.0:
        return 1.0
    above = special.betainc(successes, trials - successes + 1, probability) if successes else 1.0
    failures = trials - successes
    below = special.betainc(failures, successes + 1, 1 - probability) if failures else 1.0
    return float(min(1.0, 2 * min(above, below)))


def day_dispersion(part: Floats, whole: Floats, *, per_unit: float = 1.0) -> float:
    """How much more a slice's share of each day's total varies than units make it vary; 1 or more.

    By squared differences of successive days (von Neumann 1941): their median over 0.4549 = that
    of chi-square with 1 degree, which one change of level leaves alone; 1.0 where there are too
    few days to say. ``part`` and ``whole`` are (days,), the oldest first; ``per_unit`` is the sum
    of squares over units by their sum, 1 for counts of single events.
    """
    kept = whole > 0
    part, whole = part[kept], whole[kept]
    if len(whole) <= FEWEST_DAYS:
        return 1.0
    level = (part[1:] + part[:-1]) / (whole[1:] + whole[:-1])
    variance = level * (1 - level) * per_unit * (1 / whole[1:] + 1 / whole[:-1])
    steps = np.diff(part / whole) ** 2
    moves = variance > 0
    if moves.sum() < FEWEST_DAYS:
        return 1.0
    return max(1.0, float(np.median(steps[moves] / variance[moves])) / CHI_SQUARED_MEDIAN)


def total_dispersion(whole: Floats, *, per_unit: float = 1.0) -> float:
    """The same of totals (days,), whose variance = per_unit x total (von Neumann 1941)."""
    if len(whole) <= FEWEST_DAYS:
        return 1.0
    variance = (whole[1:] + whole[:-1]) * per_unit
    moves = variance > 0
    if moves.sum() < FEWEST_DAYS:
        return 1.0
    steps = np.diff(whole)[moves] ** 2 / variance[moves]
    return max(1.0, float(np.median(steps)) / CHI_SQUARED_MEDIAN)


def dispersed(moved: Moved, dispersion: float) -> float:
    """The adjusted p of a slice whose variance is that many times larger: z / sqrt(dispersion).

    Quasi-likelihood (Wedderburn 1974): the variance is taken times the dispersion.
    """
    z = abs(moved.z)
    shift = stats.norm.logsf(z / np.sqrt(dispersion)) - stats.norm.logsf(z)
    return float(min(1.0, np.exp(np.log(max(moved.p_value, TINY)) + min(shift, -np.log(TINY)))))


def total_p_value(cells: Cells, *, length_ratio: float = 1.0, dispersion: float = 1.0) -> float:
    """Whether the total changed by more than units, and days, make it vary.

    z = (now - ratio x before) / sqrt(dispersion x sum of squares over units) (Wedderburn 1974).
    """
    variance = dispersion * _squares(cells, np.ones(len(cells.codes), dtype=bool), length_ratio)
    if variance <= 0:
        return 1.0
    change = cells.now.sum() - length_ratio * cells.before.sum()
    return float(2 * stats.norm.sf(abs(change) / np.sqrt(variance)))


def change_point(part: Floats, whole: Floats) -> int:
    """The first day of the new level: where the standardised cumulated excess is largest.

    The largest |S_k - t S_n| / sqrt(t (1 - t)) (Hawkins 1977), t the share of the whole by day k.
    """
    total = whole.sum()
    if total <= 0 or len(part) < 2:
        return 0
    share = part.sum() / total
    seen = np.cumsum(whole)[:-1] / total
    excess = np.abs(np.cumsum(part - share * whole)[:-1])
    weight = np.sqrt(np.maximum(seen * (1 - seen), 1e-9))
    inside = (seen > 0) & (seen < 1)
    return int(np.argmax(np.where(inside, excess / weight, -1.0))) + 1
