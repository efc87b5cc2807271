"""How alike the effects of two experiments are expected to be, from what they change.

True improvements are modelled as a Gaussian process over changes. Two experiments share a part of
their effect that falls off with the distance between the texts of their changes, and a part that
their kind of change has in common; the rest is each one's own. How large the parts are and how
far a text reaches is what makes the past improvements likeliest (Rasmussen and Williams 2006,
"Gaussian Processes for Machine Learning", eqs. 2.23-2.25, 4.9 and 5.8).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

LENGTHS = (0.2, 0.4, 0.6, 0.8)
SHARES = (0.5, 0.8, 0.95)
KIND_SHARES = (0.0, 0.3)
ENOUGH_TO_LEARN = 20
# The newest experiments; the cost is cubic in their number.
LEARNT_FROM = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """``share`` of the variance of effects is common to like changes, ``kind_share`` of that to a
    kind of change; the rest reaches ``length`` in cosine distance. Share 0: nothing is common."""

    length: float = 0.4
    share: float = 0.8
    kind_share: float = 0.0


NOTHING_ALIKE = Likeness(share=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What experiments change: unit vectors of the texts, row by row, and their kinds."""

    vectors: NDArray[np.float32]
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """Observed improvements and their standard errors, around ``mean`` with ``spread``."""

    seen: Matrix
    errors: Matrix
    mean: float
    spread: float


def alike(likeness: Likeness, one: Changes, other: Changes) -> Matrix:
    """The correlation of true effects between each row of one and each of the other."""
    import numpy as np

    apart = np.maximum(1 - one.vectors @ other.vectors.T, 0).astype(np.float64)
    near = np.exp(-((apart / likeness.length) ** 2))
    same = np.array(one.kinds)[:, None] == np.array(other.kinds)
    shared: Matrix = likeness.share * (
        (1 - likeness.kind_share) * near + likeness.kind_share * same
    )
    return shared


def learn_likeness(changes: Changes, effects: Effects) -> Likeness:
    """The likeliest of some settings; a usual one while there are few experiments.

    Rows are newest first, as far as it matters.
    """
    if len(effects.seen) < ENOUGH_TO_LEARN:
        return Likeness()
    changes = Changes(vectors=changes.vectors[:LEARNT_FROM], kinds=changes.kinds[:LEARNT_FROM])
    effects = replace(effects, seen=effects.seen[:LEARNT_FROM], errors=effects.errors[:LEARNT_FROM])
    candidates = [NOTHING_ALIKE] + [
        Likeness(length=length, share=share, kind_share=kind_share)
        for length, share, kind_share in product(LENGTHS, SHARES, KIND_SHARES)
    ]
    return max(candidates, key=lambda item: _log_likelihood(item, changes, effects))


def expected_effect(
    likeness: Likeness, changes: Changes, effects: Effects, new: Changes
) -> tuple[float, float]:
    """Mean and standard deviation of the true effect of one new change."""
    import numpy as np

    if likeness.share == 0 or len(effects.seen) == 0:
        return effects.mean, effects.spread
    towards = effects.spread**2 * alike(likeness, new, changes)[0]
    weights = np.linalg.solve(
        _covariance(likeness, changes, effects),
        np.column_stack([effects.seen - effects.mean, towards]),
    )
    variance = effects.spread**2 - float(towards @ weights[:, 1])
    return effects.mean + float(towards @ weights[:, 0]), math.sqrt(max(variance, 0.0))


def _covariance(likeness: Likeness, changes: Changes, effects: Effects) -> Matrix:
    import numpy as np

    covariance = effects.spread**2 * alike(likeness, changes, changes)
    covariance[np.diag_indices_from(covariance)] = effects.spread**2 + effects.errors**2
    return covariance


def _log_likelihood(likeness: Likeness, changes: Changes, effects: Effects) -> float:
    import numpy as np
    from scipy.linalg import solve_triangular

    factor = np.linalg.cholesky(_covariance(likeness, changes, effects))
    whitened = solve_triangular(factor, effects.seen - effects.mean, lower=True)
    return -0.5 * float(whitened @ whitened) - float(np.log(np.diag(factor)).sum())


def stacked(rows: Sequence[tuple[NDArray[np.float32], str]]) -> Changes:
    """Changes from (vector, kind) of each."""
    import numpy as np

    return Changes(
        vectors=np.array([vector for vector, _ in rows], dtype=np.float32),
        kinds=tuple(kind for _, kind in rows),
    )
