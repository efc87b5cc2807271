"""Whether an experiment can be trusted and, if not, why: the most likely cause first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from neonblue.intelligence.analysis import terms_of
from neonblue.intelligence.diagnosis.arrival import late_data, stale_data
from neonblue.intelligence.diagnosis.balance import pre_period_imbalance
from neonblue.intelligence.diagnosis.case import Case
from neonblue.intelligence.diagnosis.changes import changed_plan
from neonblue.intelligence.diagnosis.counts import read_allocation
from neonblue.intelligence.diagnosis.exposure import outside_the_plan, several_variants
from neonblue.intelligence.diagnosis.finding import Finding
from neonblue.intelligence.diagnosis.interplay import changing_effects, crossed_experiments
from neonblue.intelligence.diagnosis.lost_events import events_without_exposure, late_exposures
from neonblue.intelligence.diagnosis.paradox import simpsons_paradox
from neonblue.intelligence.diagnosis.rejected_rows import rows_left_out
from neonblue.intelligence.diagnosis.sample_ratio import Allocation
from neonblue.intelligence.diagnosis.split import split_causes
from neonblue.intelligence.diagnosis.weight import flat_metrics, outliers
from neonblue.intelligence.evidence import Validity
from neonblue.intelligence.look_gate import open_look, record_look
from neonblue.intelligence.priors import lift_priors
from neonblue.intelligence.summaries import read_summaries
from neonblue.intelligence.validity_in_store import validity_of
from neonblue.models import Experiment
from neonblue.stores.reading_once import reads_once

if TYPE_CHECKING:
    from neonblue.stores import Store

Trust = Literal["trusted", "caution", "not_trusted", "insufficient_data"]

CAUSES: tuple[Callable[[Case], list[Finding]], ...] = (
    changed_plan,
    rows_left_out,
    split_causes,
    simpsons_paradox,
    several_variants,
    outside_the_plan,
    events_without_exposure,
    late_exposures,
    pre_period_imbalance,
    flat_metrics,
    stale_data,
    late_data,
    outliers,
    changing_effects,
    crossed_experiments,
)
SEVERITIES = ("critical", "warning", "note")
OF_EFFECTS = frozenset(
    {
        *("effect_fades", "effect_grows", "simpsons_paradox", "experiments_interact"),
        "outlier_carries_metric",
    }
)
"""Findings that tell outcomes by variant: with one of them the diagnosis is a look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Findings ranked by severity, then in the order of the causes and their evidence."""

    experiment: Experiment
    as_of: datetime
    validity: Validity
    findings: tuple[Finding, ...]
    allocation: Allocation

    @property
    def trust(self) -> Trust:
        """One word for the whole."""
        if self.allocation.exposed.sum() == 0:
            return "insufficient_data"
        if self.validity.failed or any(f.severity == "critical" for f in self.findings):
            return "not_trusted"
        return "caution" if any(f.severity == "warning" for f in self.findings) else "trusted"


@reads_once
def diagnose(
    store: Store, experiment_id: str, *, now: datetime, actor: str = "", recorded: bool = False
) -> Diagnosis:
    """Every cause examined as of ``now`` (UTC). ``NotFoundError`` if unknown.

    Effects are judged as strictly as by an analysis; where a finding tells outcomes by variant the
    look is recorded, unless the caller's own look at the same data was ``recorded``.
    """
    experiment = store.experiments.get(experiment_id)
    summaries = read_summaries(store, experiment)
    validity = validity_of(store, experiment, summaries, now=now)
    opened = open_look(store, experiment, summaries)
    properties = store.exposure_properties.counts(
        experiment_id, counted_from=experiment.counted_from
    )
    case = Case(
        store=store,
        experiment=experiment,
        summaries=summaries,
        validity=validity,
        properties=properties,
        allocation=read_allocation(store, experiment, summaries.units, properties),
        terms=terms_of(opened, summaries, lift_priors(store, opened.experiment), now=now),
        now=now,
    )
    findings = [finding for cause in CAUSES for finding in cause(case)]
    if not recorded and any(finding.code in OF_EFFECTS for finding in findings):
        record_look(store, opened, now=now, actor=actor, effects=True)
    return Diagnosis(
        experiment=experiment,
        as_of=now,
        validity=validity,
        findings=tuple(sorted(findings, key=lambda f: SEVERITIES.index(f.severity))),
        allocation=case.allocation,
    )
