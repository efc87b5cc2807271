"""P-values over everything that may speak: for success, and for harm.

Both come from the p-value of the current look, which is anytime-valid by itself, and keep its
direction. What earlier looks saw is history: it decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from neonblue.stats.verdict_evidence import Key, MetricEvidence

ALARMING_ROLES = ("primary", "guardrail")


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm (1979) adjusted p-values, in the order given.

    p_(i) adjusted = max over j <= i of min(1, (m - j + 1) p_(j)).
    """
    return weighted_holm(p_values, [1.0] * len(p_values))


def weighted_holm(p_values: Sequence[float], weights: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values when some of the hypotheses matter more, in the order given.

    Holm (1979), section 3: with p_(i) / w_(i) rising, p_(i) adjusted = max over j <= i of
    min(1, (w_(j) + ... + w_(m)) p_(j) / w_(j)).
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index] / weights[index])
    adjusted, least = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        left = math.fsum(weights[other] for other in order[rank:])
        least = max(least, min(1.0, p_values[index] * left / weights[index]))
        adjusted[index] = least
    return tuple(adjusted)


def success_p_values(evidence: Sequence[MetricEvidence]) -> dict[Key, float]:
    """That a treatment is better on a primary metric; 1 where the estimate is on the other side.

    Ours: ``holm`` over every pair of primary metric and treatment, p = 1 for the other direction.
    """
    family = [item for item in evidence if item.role == "primary"]
    adjusted = holm([item.p_value_for(good=True) for item in family])
    return {item.key: p for item, p in zip(family, adjusted, strict=True)}


def harm_p_values(evidence: Sequence[MetricEvidence]) -> dict[Key, float]:
    """That a treatment does harm, over all that can raise the alarm.

    One-sided: half of the two-sided p where the estimate is on the harmful side. Never below
    that two-sided p, so that an alarm always has its interval on the harmful side. Primary
    metrics share one half of the error, guardrails the other; all of it where there is one kind.

    Holm (1979), weighted, over every pair of treatment and primary or guardrail metric. By
    symmetry P(lower) = (P(either) + P(both)) / 2, and P(both) is of second order.
    """
    family = [item for item in evidence if item.role in ALARMING_ROLES]
    weights = _weights(family)
    p_values = [item.p_value_for(good=False) for item in family]
    adjusted = weighted_holm([p / 2.0 if p < 1.0 else 1.0 for p in p_values], weights)
    return {item.key: max(p, one) for item, p, one in zip(family, adjusted, p_values, strict=True)}


def _weights(family: Sequence[MetricEvidence]) -> list[float]:
    """One over how many comparisons there are of the same role."""
    counts: Mapping[str, int] = {
        role: sum(item.role == role for item in family) for role in ALARMING_ROLES
    }
    return [1.0 / counts[item.role] for item in family]
