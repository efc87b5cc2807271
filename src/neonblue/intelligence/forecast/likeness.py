"""How alike the effects of two experiments are expected to be, from what they change.

True improvements are modelled as a Gaussian process over changes. Two experiments share a part of
their effect that goes with a power of the cosine between the texts of their changes, and a part
that their kind of change has in common; the rest is each one's own. How large the parts are and how
alike texts must be is what makes the past improvements likeliest (Rasmussen and Williams 2006,
"Gaussian Processes for Machine Learning", eqs. 2.23-2.25, 4.23 and 5.8). Integer powers of a dot
product are covariances whatever the texts are; falling with the squared distance of cosines, as one
would like, is none as soon as many texts are nearly the same.
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

POWERS = (1, 2, 3, 5)
SHARES = (0.5, 0.8, 0.95)
KIND_SHARES = (0.0, 0.3)
ENOUGH_TO_LEARN = 20
# The newest experiments; the cost is cubic in their number.
LEARNT_FROM = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """``share`` of the variance of effects is common to like changes, ``kind_share`` of that to a
    kind of change, the rest goes with the cosine to the ``power``. Share 0: nothing is common."""

    power: int = 2
    share: float = 0.8
    kind_share: float = 0.0


NOTHING_ALIKE = Likeness(share=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What experiments change: unit vectors of the texts, row by row, and their kinds."""

    vectors: NDArray[np.float32]
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearness:
    """Between rows of two sides: the cosine of their texts, and whether they are of one kind."""

    cosine: Matrix
    same: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """Observed improvements and their standard errors, around ``mean`` with ``spread``."""

    seen: Matrix
    errors: Matrix
    mean: float
    spread: float


def between(one: Changes, other: Changes) -> Nearness:
    """How near each row of one is to each of the other."""
    import numpy as np

    cosine = (one.vectors @ other.vectors.T).astype(np.float64)
    numbers = {kind: row for row, kind in enumerate({*one.kinds, *other.kinds})}
    ours, theirs = ([numbers[kind] for kind in side.kinds] for side in (one, other))
    return Nearness(cosine=cosine, same=np.equal.outer(ours, theirs))


def alike(likeness: Likeness, nearness: Nearness) -> Matrix:
    """The correlation of true effects between each row of one side and each of the other."""

    near = nearness.cosine**likeness.power
    shared: Matrix = likeness.share * (
        (1 - likeness.kind_share) * near + likeness.kind_share * nearness.same
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
        Likeness(power=power, share=share, kind_share=kind_share)
        for power, share, kind_share in product(POWERS, SHARES, KIND_SHARES)
    ]
    nearness = between(changes, changes)
    return max(candidates, key=lambda item: _log_likelihood(item, nearness, effects))


def expected_effect(
    likeness: Likeness, changes: Changes, effects: Effects, new: Changes
) -> tuple[float, float]:
    """Mean and standard deviation of the true effect of one new change."""
    import numpy as np

    if likeness.share == 0 or len(effects.seen) == 0:
        return effects.mean, effects.spread
    towards = effects.spread**2 * alike(likeness, between(new, changes))[0]
    weights = np.linalg.solve(
        _covariance(likeness, between(changes, changes), effects),
        np.column_stack([effects.seen - effects.mean, towards]),
    )
    variance = effects.spread**2 - float(towards @ weights[:, 1])
    return effects.mean + float(towards @ weights[:, 0]), math.sqrt(max(variance, 0.0))


def _covariance(likeness: Likeness, nearness: Nearness, effects: Effects) -> Matrix:
    import numpy as np

    covariance = effects.spread**2 * alike(likeness, nearness)
    covariance[np.diag_indices_from(covariance)] = effects.spread**2 + effects.errors**2
    return covariance


def _log_likelihood(likeness: Likeness, nearness: Nearness, effects: Effects) -> float:
    import numpy as np
    from scipy.linalg import solve_triangular

    factor = np.linalg.cholesky(_covariance(likeness, nearness, effects))
    whitened = solve_triangular(factor, effects.seen - effects.mean, lower=True)
    return -0.5 * float(whitened @ whitened) - float(np.log(np.diag(factor)).sum())


def stacked(rows: Sequence[tuple[NDArray[np.float32], str]]) -> Changes:
    """Changes from (vector, kind) of each."""
    import numpy as np

    return Changes(
        vectors=np.array([vector for vector, _ in rows], dtype=np.float32),
        kinds=tuple(kind for _, kind in rows),
    )


def joined(one: Changes, other: Changes) -> Changes:
    """The rows of one and then of the other."""
    import numpy as np

    if not other.kinds:
        return one
    return Changes(
        vectors=np.concatenate([one.vectors, other.vectors]), kinds=(*one.kinds, *other.kinds)
    )
