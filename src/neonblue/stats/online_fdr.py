"""Which of many experiments are discoveries, with the share of false ones among them bounded.

Both procedures take e-values: evidence whose mean is at most 1 where there is no effect, however
the experiments depend on each other and whenever each was stopped. e-LOND (Xu and Ramdas 2024,
"Online multiple testing with e-values") decides on each experiment in its order and never takes
a decision back; e-BH (Wang and Ramdas 2022, "False discovery rate control with e-values") looks at
all of them together. ADDIS (Tian and Ramdas 2019) is not for tests that stop when they have found
something: it discards large p-values, and of what it keeps too many small ones are left then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DECAY = 1.3
DECAY_TOTAL = 3.931949211809
"""zeta(DECAY): makes the shares of all experiments sum to 1."""


def spending_share(number: int) -> float:
    """Share of the error rate for the experiment ``number``, from 1; over all they sum to 1.

    Ours: t^-1.3 / zeta(1.3). Any shares that sum to 1 hold; up to 700 experiments these are larger
    than those of Javanmard and Montanari (2018), which keep half for what comes after a million.
    """
    return float(number**-DECAY) / DECAY_TOTAL


def e_lond_bar(number: int, discoveries: int, *, fdr: float) -> float:
    """log e-value from which the experiment ``number`` is a discovery, after ``discoveries``.

    Xu and Ramdas (2024): e >= 1 / (fdr gamma_t (discoveries + 1)).
    """
    return -math.log(fdr * spending_share(number) * (discoveries + 1))


def e_lond(log_e_values: Sequence[float], *, fdr: float) -> tuple[bool, ...]:
    """Discoveries in the order of the experiments; later ones change nothing.

    Xu and Ramdas (2024): e_t >= 1 / (fdr gamma_t (R + 1)), R discoveries before it.
    """
    found: list[bool] = []
    for number, log_e in enumerate(log_e_values, start=1):
        found.append(log_e >= e_lond_bar(number, sum(found), fdr=fdr))
    return tuple(found)


def e_bh(log_e_values: Sequence[float], *, fdr: float) -> tuple[bool, ...]:
    """Discoveries among all experiments so far.

    Wang and Ramdas (2022): the k largest, for the largest k with e_(k) >= n / (fdr k).
    """
    values: NDArray[np.float64] = np.asarray(log_e_values, dtype=float)
    if not len(values):
        return ()
    order = np.argsort(-values, kind="stable")
    ranks = np.arange(1, len(values) + 1)
    reached = np.flatnonzero(values[order] >= np.log(len(values) / (fdr * ranks)))
    found = np.zeros(len(values), dtype=bool)
    if len(reached):
        found[order[: reached[-1] + 1]] = True
    return tuple(map(bool, found))
