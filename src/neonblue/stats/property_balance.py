"""Properties whose values are not alike in all variants: of no use for saying who gains.

A property that the treatment changes, or by which units were assigned, splits the variants into
groups that differ for other reasons than the treatment: every one of its segments would be false.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import chdtrc

LARGEST_P = 0.001
"""Over all properties of an experiment together."""
LEAST_EXPECTED = 5.0


def unbalanced(tables: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, str]:
    """Why a property is of no use, by name; ``tables`` hold units, a row a value, by variant.

    Definition: Pearson's (1900) chi-square of homogeneity, sum of (observed - expected)^2 /
    expected, with values expected in fewer than five units of a variant put together; p times the
    number of properties (Bonferroni) below .001.
    """
    found = {}
    for name, table in tables.items():
        p_value = _p_value(np.asarray(table, dtype=float))
        if p_value * len(tables) < LARGEST_P:
            found[name] = (
                f"its values differ between variants (p {p_value:.2g}): the treatment changes it, "
                "or units were assigned by it"
            )
    return found


def unbalanced_properties(
    properties: Sequence[Mapping[str, str]], variant: np.ndarray, variants: int
) -> dict[str, str]:
    """The same from one unit a row: its properties, and its variant as a number from 0.

    Definition: ``unbalanced`` over counted units.
    """
    tables = {}
    for name in sorted({key for one in properties for key in one}):
        _, place = np.unique([one.get(name, "") for one in properties], return_inverse=True)
        cells = np.bincount(place * variants + variant, minlength=(place.max() + 1) * variants)
        tables[name] = cells.reshape(-1, variants).tolist()
    return unbalanced(tables)


def _p_value(table: np.ndarray) -> float:
    if table.ndim != 2 or table.shape[0] < 2:
        return 1.0
    table = table[:, table.sum(axis=0) > 0]
    total = table.sum()
    if table.shape[1] < 2 or total == 0:
        return 1.0
    shares = table.sum(axis=0) / total
    rare = table.sum(axis=1) * shares.min() < LEAST_EXPECTED
    if rare.any():
        table = np.vstack([table[~rare], table[rare].sum(axis=0)])
    table = table[table.sum(axis=1) * shares.min() >= 1.0]
    if table.shape[0] < 2:
        return 1.0
    expected = table.sum(axis=1)[:, None] * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return float(chdtrc((table.shape[0] - 1) * (table.shape[1] - 1), statistic))
