"""Totals that point the other way than the segments they are made of."""

from __future__ import annotations

from neonblue.intelligence.diagnosis.case import Case
from neonblue.intelligence.diagnosis.finding import Finding
from neonblue.intelligence.diagnosis.sample_ratio import uneven_segments
from neonblue.intelligence.segments import Paradox, paradoxes
from neonblue.stores import shown_queries

MOST_PROPERTIES = 3


def simpsons_paradox(case: Case) -> list[Finding]:
    """Simpson's paradox by the properties whose split differs; it cannot arise by any other."""
    if case.experiment.source == "aggregated":
        return []
    dimensions = [found.dimension for found in uneven_segments(case.allocation)]
    return [
        _finding(case, dimension, paradox)
        for dimension in dimensions[:MOST_PROPERTIES]
        for paradox in paradoxes(case.store, case.experiment, dimension)
    ]


def _finding(case: Case, dimension: str, paradox: Paradox) -> Finding:
    return Finding(
        code="simpsons_paradox",
        severity="critical",
        side="analysis",
        headline=f"{paradox.detail}; segments are those of {dimension}",
        fix="do not read the total: mend the assignment so that every segment is split alike and "
        "start again; until then only the effect within segments means something",
        evidence={"property": dimension, "metric": paradox.metric, "variant": paradox.variant},
        query=shown_queries.units_by_property(case.experiment.experiment_id, dimension),
    )
