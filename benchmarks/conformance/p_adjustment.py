"""Cases about several p-values."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.conformance.reading import Case, Unmapped
from neonblue.stats.multiplicity import adjusted_p_values

NAMES = {
    "bonferroni": "bonferroni", "sidak": "sidak", "holm": "holm", "holm-sidak": "holm-sidak",
    "hochberg": "hochberg", "simes-hochberg": "hochberg", "hommel": "hommel", "bh": "bh",
    "fdr": "bh", "fdr_bh": "bh", "benjamini-hochberg": "bh", "by": "by", "fdr_by": "by",
    "benjamini-yekutieli": "by", "none": "none",
}  # fmt: skip


def solve(case: Case) -> dict[str, Any]:
    p_values = case.get("p", "p_values", "pvalues", "pvals")
    if p_values is None:
        raise Unmapped("no list of p-values")
    method = str(case.get("method", "adjust", default="")).lower()
    if method not in NAMES:
        method = next((word for word in sorted(NAMES, key=len)[::-1] if case.says(word)), method)
    adjusted = adjusted_p_values(p_values, method=NAMES[method])  # type: ignore[arg-type]
    rejected = adjusted <= case.alpha
    return {
        "adjusted": adjusted,
        "reject": rejected,
        "rejected": rejected,
        "n_rejected": int(np.sum(rejected)),
    }
