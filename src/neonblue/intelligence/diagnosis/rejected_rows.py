"""Rows of loaded files that were left out."""

from __future__ import annotations

import math

from neonblue.intelligence.diagnosis.case import Case
from neonblue.intelligence.diagnosis.finding import EvidenceValue, Finding
from neonblue.stores import shown_queries


def rows_left_out(case: Case) -> list[Finding]:
    """What loads could not use: named as soon as it may matter."""
    rejected = case.summaries.rejected
    if rejected is None or not (rejected.material or rejected.unusual):
        return []
    evidence: dict[str, EvidenceValue] = {
        "rows": rejected.rows,
        "fraction": rejected.share,
        "reasons": [f"{reason} {rows}" for reason, rows in rejected.reasons],
    }
    if rejected.by_variant.sum():
        evidence["by_variant"] = [
            f"{variant.variant_id} {rows:.0f} of {read:.0f}"
            for variant, rows, read in zip(
                case.experiment.variants,
                rejected.by_variant,
                rejected.read_by_variant,
                strict=True,
            )
        ]
    p = rejected.p_value
    return [
        Finding(
            code="rows_left_out",
            severity="critical" if rejected.material else "warning",
            side="capture",
            headline=f"not all rows of the loaded files are in the effects: "
            f"{rejected.shown(case.experiment)}",
            fix="look into the rejects file that the load named, mend the rows (or tell the load "
            "how numbers and times are written) and load the file again with --replace; rows that "
            "do not belong are left out by name with --exclude",
            log_p=None if p is None else math.log(max(p, 1e-300)),
            evidence=evidence,
            query=shown_queries.rejected_rows(case.experiment.experiment_id),
        )
    ]
