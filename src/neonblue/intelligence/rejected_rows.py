"""Rows of loaded files that were left out, and whether that differs by variant.

They are seldom like the others: thousands separators exist only in large numbers, decimal commas
only in fractions. So effects without them may be anything.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neonblue.models import Experiment
from neonblue.stats.homogeneity import homogeneity_p_value

if TYPE_CHECKING:
    from neonblue.stores import Store

MOST_REJECTED_FRACTION = 0.01
NOTED_REJECTED_FRACTION = 0.001
DIFFERS_P = 0.001
UNUSUAL_P = 0.01
LEAST_COMPARED = 10
"""Fewer rejected rows with a known variant are not compared: chi-square needs some."""
SHOWN_REASONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRows:
    """Rows that loads left out: in all, by reason, and by variant (plan order) where it is known.

    ``read`` counts all rows, ``read_by_variant`` those that say their variant. ``p_value`` is of
    the test that all variants lost alike, None where too few are known.
    """

    rows: int
    read: int
    reasons: tuple[tuple[str, int], ...]
    by_variant: NDArray[np.float64]
    read_by_variant: NDArray[np.float64]
    p_value: float | None

    @property
    def share(self) -> float:
        """Of all rows that were read."""
        return self.rows / self.read if self.read else 0.0

    @property
    def differs(self) -> bool:
        """Whether the variants lost unequally. Files do not come by the hour: one look each."""
        return self.p_value is not None and self.p_value < DIFFERS_P

    @property
    def material(self) -> bool:
        """Whether effects must not be read without these rows."""
        return (self.share > MOST_REJECTED_FRACTION and self.rows > 1) or self.differs

    @property
    def unusual(self) -> bool:
        """Whether they should be looked at."""
        rare = self.p_value is None or self.p_value >= UNUSUAL_P
        return self.share > NOTED_REJECTED_FRACTION or not rare

    def shown(self, experiment: Experiment) -> str:
        """The counts with reasons, and by variant with the p-value."""
        reasons = ", ".join(f"{reason} {rows:,}" for reason, rows in self.reasons[:SHOWN_REASONS])
        text = f"{self.rows:,} of {self.read:,} rows ({self.share:.2%}) were left out: {reasons}"
        if not self.by_variant.sum():
            return text
        each = ", ".join(
            f"{variant.variant_id} {rows:,.0f} of {read:,.0f}"
            for variant, rows, read in zip(
                experiment.variants, self.by_variant, self.read_by_variant, strict=True
            )
        )
        p = "" if self.p_value is None else f"; p {self.p_value:.3g} that it is alike"
        return f"{text}; by variant {each}{p}"


def rejected_rows(store: Store, experiment: Experiment) -> RejectedRows | None:
    """What the loads of an experiment left out; None without any."""
    counts = store.loads.row_counts(experiment.experiment_id)
    reasons: Counter[str] = Counter()
    place = {variant.variant_id: i for i, variant in enumerate(experiment.variants)}
    rejected, read = np.zeros(len(place)), np.zeros(len(place))
    for each in counts:
        if each.reason:
            reasons[each.reason] += each.rows
        if (index := place.get(each.variant_id)) is not None:
            read[index] += each.rows
            rejected[index] += each.rows if each.reason else 0
    if not reasons:
        return None
    enough = rejected.sum() >= LEAST_COMPARED
    return RejectedRows(
        rows=reasons.total(),
        read=sum(each.rows for each in counts),
        reasons=tuple(reasons.most_common()),
        by_variant=rejected,
        read_by_variant=read,
        p_value=homogeneity_p_value(rejected, read) if enough else None,
    )
