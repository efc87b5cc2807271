"""Building, adding and taking apart the sufficient statistics of a metric.

Pairwise updates of means and centred products (Chan, Golub, LeVeque 1983, eqs. 1.5a-b) lose no
digits; raw sums of squares do as soon as the mean is large beside the spread. Every function takes
floats or numpy arrays of one shape (one entry a segment).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neonblue.errors import InvalidInputError
from neonblue.models import MetricSummary

Numbers = Any
"""A float or a numpy array of floats."""

MEANS = {
    "y": "mean",
    "d": "denominator_mean",
    "x": "covariate_mean",
    "e": "covariate_denominator_mean",
}
PRODUCTS = {
    ("y", "y"): "variance",
    ("d", "d"): "denominator_variance",
    ("y", "d"): "covariance_y_d",
    ("x", "x"): "covariate_variance",
    ("y", "x"): "covariance_y_x",
    ("d", "x"): "covariance_d_x",
    ("e", "e"): "covariate_denominator_variance",
    ("x", "e"): "covariance_x_e",
    ("y", "e"): "covariance_y_e",
    ("d", "e"): "covariance_d_e",
}


def summary_from_values(
    values: ArrayLike,
    *,
    denominator: ArrayLike | None = None,
    covariate: ArrayLike | None = None,
    covariate_denominator: ArrayLike | None = None,
) -> MetricSummary:
    """One value a unit, shape (n,), to a summary; two passes, so large offsets cost nothing.

    Raises ``InvalidInputError`` when lengths differ or a value is NaN or infinite.

    Definition: mean = sum / n; variances and covariances = centred sums of products / (n - 1).
    """
    given = {"y": values, "d": denominator, "x": covariate, "e": covariate_denominator}
    columns = {name: _column(name, data) for name, data in given.items() if data is not None}
    n = columns["y"].size
    if any(column.size != n for column in columns.values()):
        raise InvalidInputError(
            f"columns have {[c.size for c in columns.values()]!r} units: give one value a unit"
        )
    if n == 0:
        return MetricSummary(n=0.0, mean=0.0, variance=0.0)
    means = {name: float(column.mean()) for name, column in columns.items()}
    centred = {name: column - means[name] for name, column in columns.items()}
    fields = {MEANS[name]: mean for name, mean in means.items()}
    for (a, b), field in PRODUCTS.items():
        if a in centred and b in centred:
            fields[field] = float(centred[a] @ centred[b]) / max(n - 1, 1)
    return MetricSummary(n=float(n), **fields)


def summary_from_sums(
    n: Numbers,
    sum_y: Numbers,
    sum_y2: Numbers,
    *,
    sum_d: Numbers | None = None,
    sum_d2: Numbers = 0.0,
    sum_yd: Numbers = 0.0,
    sum_x: Numbers | None = None,
    sum_x2: Numbers = 0.0,
    sum_yx: Numbers = 0.0,
    sum_dx: Numbers = 0.0,
    sum_e: Numbers | None = None,
    sum_e2: Numbers = 0.0,
    sum_xe: Numbers = 0.0,
    sum_ye: Numbers = 0.0,
    sum_de: Numbers = 0.0,
) -> MetricSummary:
    """Raw sums and sums of products over units, as other tools exchange them.

    Only as exact as the sums: their difference loses as many digits as the mean is larger than
    the spread. Variances that rounding made negative become 0. n of 0 gives an empty summary.

    Definition: covariance = (sum of x y - n mean(x) mean(y)) / (n - 1).
    """
    units = np.maximum(n, 1)
    sums = {"y": sum_y, "d": sum_d, "x": sum_x, "e": sum_e}
    raw = dict(
        zip(
            PRODUCTS,
            (sum_y2, sum_d2, sum_yd, sum_x2, sum_yx, sum_dx, sum_e2, sum_xe, sum_ye, sum_de),
            strict=True,
        )
    )
    fields = {MEANS[name]: total / units for name, total in sums.items() if total is not None}
    for (a, b), field in PRODUCTS.items():
        first, second = sums[a], sums[b]
        if first is not None and second is not None:
            product = (raw[a, b] - first * (second / units)) / np.maximum(units - 1, 1)
            fields[field] = np.maximum(product, 0.0) if a == b else product
    return _plain(n, fields)


def proportion_summary(n: Numbers, successes: Numbers) -> MetricSummary:
    """``successes`` of ``n`` units; raises ``InvalidInputError`` outside 0 <= successes <= n.

    Definition: mean p = successes / n, variance = p (1 - p) n / (n - 1).
    """
    if not np.all((np.asarray(successes) >= 0) & (np.asarray(successes) <= n)):
        raise InvalidInputError(
            f"successes {successes!r} of n {n!r}: there must be 0 to n of them; "
            "a count that can pass 1 a unit is a mean, not a proportion"
        )
    mean = successes / np.maximum(n, 1)
    bessel = n / np.maximum(n - 1.0, 1.0)
    return _plain(n, {"mean": mean, "variance": mean * (1.0 - mean) * bessel})


def merged(first: MetricSummary, second: MetricSummary) -> MetricSummary:
    """The summary of all units of both: exact, associative, empty summaries change nothing.

    Chan, Golub, LeVeque (1983), eqs. 1.5a-b: M = M_a + M_b + (mean_b - mean_a)^2 n_a n_b / (n_a
    + n_b) for centred sums of squares, products likewise.
    """
    n = first.n + second.n
    units = np.maximum(n, 1.0)
    share = second.n / units
    shift = {name: getattr(second, f) - getattr(first, f) for name, f in MEANS.items()}
    shift = {name: np.where(first.n == 0, 0.0, step) for name, step in shift.items()}
    fields: dict[str, Numbers] = {
        f: np.where(first.n == 0, getattr(second, f), getattr(first, f) + shift[name] * share)
        for name, f in MEANS.items()
    }
    weight = first.n * share
    freedom = np.maximum(n - 1.0, 1.0)
    for (a, b), field in PRODUCTS.items():
        within = _freedom(first.n) * getattr(first, field)
        within = within + _freedom(second.n) * getattr(second, field)
        fields[field] = (within + shift[a] * shift[b] * weight) / freedom
    return _plain(n, fields)


def pooled(summaries: Iterable[MetricSummary]) -> MetricSummary:
    """All summaries as one, by pairwise merging.

    Chan, Golub, LeVeque (1983): M = M_a + M_b + (mean_b - mean_a)^2 n_a n_b / (n_a + n_b), pair
    by pair.
    """
    return functools.reduce(merged, summaries, MetricSummary(n=0.0, mean=0.0, variance=0.0))


def collapsed(many: MetricSummary) -> MetricSummary:
    """All entries of a summary of arrays (k,) as one summary: ``pooled`` in one step.

    Chan, Golub, LeVeque (1983), over all k at once: M = sum of M_j + sum of n_j (mean_j -
    mean)^2.
    """
    n = np.asarray(many.n, dtype=float)
    total = float(n.sum())
    units = max(total, 1.0)
    means = {name: np.broadcast_to(getattr(many, f), n.shape) for name, f in MEANS.items()}
    overall = {name: float(n @ values / units) for name, values in means.items()}
    fields = {MEANS[name]: mean for name, mean in overall.items()}
    for (a, b), field in PRODUCTS.items():
        within = _freedom(n) @ np.broadcast_to(getattr(many, field), n.shape)
        between = n @ ((means[a] - overall[a]) * (means[b] - overall[b]))
        fields[field] = float(within + between) / max(total - 1.0, 1.0)
    return MetricSummary(n=total, **fields)


def removed(whole: MetricSummary, part: MetricSummary) -> MetricSummary:
    """What is left of ``whole`` without the units of ``part``: the complement of a segment.

    The inverse of ``merged``; variances that rounding made negative become 0.

    Chan, Golub, LeVeque (1983) solved for one part: M_b = M - M_a - (mean_b - mean_a)^2 n_a n_b
    / n.
    """
    n = whole.n - part.n
    if np.any(np.asarray(n) < 0):
        raise InvalidInputError(
            f"a part of {part.n!r} units cannot be taken from {whole.n!r}: is it of this variant?"
        )
    units = np.maximum(n, 1.0)
    share = part.n / units
    shift = {name: getattr(whole, f) - getattr(part, f) for name, f in MEANS.items()}
    fields: dict[str, Numbers] = {
        f: getattr(whole, f) + shift[name] * share for name, f in MEANS.items()
    }
    weight = whole.n * share
    freedom = np.maximum(n - 1.0, 1.0)
    for (a, b), field in PRODUCTS.items():
        left = (whole.n - 1.0) * getattr(whole, field) - _freedom(part.n) * getattr(part, field)
        product = (left - shift[a] * shift[b] * weight) / freedom
        fields[field] = np.maximum(product, 0.0) if a == b else product
    return _plain(n, fields)


def _freedom(n: Numbers) -> Numbers:
    return np.maximum(n - 1.0, 0.0)


def _plain(n: Numbers, fields: dict[str, Numbers]) -> MetricSummary:
    """Numpy's zero-dimensional results as floats, arrays as they are."""
    values = {name: float(v) if np.ndim(v) == 0 else v for name, v in fields.items()}
    return MetricSummary(n=float(n) if np.ndim(n) == 0 else n, **values)


def _column(name: str, data: ArrayLike) -> np.ndarray:
    column = np.asarray(data, dtype=float).ravel()
    if not np.isfinite(column).all():
        bad = int((~np.isfinite(column)).sum())
        raise InvalidInputError(
            f"{bad} values of column {name!r} are NaN or infinite: drop or fill them first"
        )
    return column
