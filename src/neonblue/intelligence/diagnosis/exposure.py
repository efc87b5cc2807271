"""Units where they should not be: in several variants, or in a variant nobody planned."""

from __future__ import annotations

from neonblue.intelligence.diagnosis.case import Case
from neonblue.intelligence.diagnosis.finding import Finding
from neonblue.intelligence.validity import MOST_MULTIPLE_FRACTION
from neonblue.stores import shown_queries


def several_variants(case: Case) -> list[Finding]:
    """Units that met more than one variant; they are in no effect."""
    if not case.summaries.multiple_variant_units:
        return []
    seen = case.store.health.multiple_exposures(
        case.experiment.experiment_id, counted_from=case.experiment.counted_from
    )
    units = sum(item.units for item in seen)
    if units == 0:
        return []
    fraction = units / (units + case.summaries.units.sum())
    critical = fraction > MOST_MULTIPLE_FRACTION
    return [
        Finding(
            code="units_in_several_variants",
            severity="critical" if critical else "warning",
            side="assignment",
            headline=f"{units:,} units ({fraction:.2%}) met more than one variant; "
            "they are left out of every effect",
            fix="make the assignment depend on nothing but the unit's id and the experiment, keep "
            "it when weights change, and use one id for a person over devices and log-ins",
            evidence={
                "units": units,
                "fraction": fraction,
                "variants": [" + ".join(item.variant_ids) for item in seen[:5]],
            },
            query=shown_queries.units_in_several_variants(case.experiment.experiment_id),
        )
    ]


def outside_the_plan(case: Case) -> list[Finding]:
    """Exposures to variants that the plan does not name."""
    units = case.summaries.unplanned_units
    if units == 0:
        return []
    return [
        Finding(
            code="units_outside_the_plan",
            severity="warning",
            side="assignment",
            headline=f"{units:,} units met a variant that the plan does not have",
            fix="correct the variant's name where exposures are sent, or define the experiment "
            "with that variant as a new version",
            evidence={"units": units},
            query=shown_queries.units_by_variant(case.experiment.experiment_id),
        )
    ]
