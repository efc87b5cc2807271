"""Events that count for nobody: under ids that were never exposed, or before a late exposure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neonblue.behavior.pseudonyms import Pseudonyms
from neonblue.intelligence.diagnosis.case import Case
from neonblue.intelligence.diagnosis.finding import EvidenceValue, Finding, Severity
from neonblue.intelligence.lost_events import Lost, alike_strays, early_units, other_strays
from neonblue.intelligence.validity import NOTED_LOST_FRACTION, NOTED_STRAY_FRACTION
from neonblue.stores import shown_queries
from neonblue.stores.lost_events import EarlyEvents, metric_event_types

if TYPE_CHECKING:
    from neonblue.stores.lost_events import Alike

MOST_LATE_FRACTION = 0.05
"""Share of active units whose events all came within the hour before their exposure."""


def events_without_exposure(case: Case) -> list[Finding]:
    """Units with metric events that were never exposed, those with a nearly known id apart."""
    found = []
    alike = alike_strays(case.experiment, case.summaries)
    if alike is not None and alike.share > NOTED_LOST_FRACTION:
        found.append(_alike(case, alike))
    other = other_strays(case.experiment, case.summaries)
    noted = NOTED_LOST_FRACTION if other is not None and other.unusual else NOTED_STRAY_FRACTION
    if other is not None and other.share > noted:
        found.append(_others(case, other))
    return found


def late_exposures(case: Case) -> list[Finding]:
    """Metric events before the exposure: more in one variant, or just before it in all."""
    early = early_units(case.experiment, case.summaries)
    if early is None:
        return []
    seen = case.store.lost_events.early(case.experiment)
    active, lost = sum(each.active for each in seen), sum(each.lost for each in seen)
    late = active > 0 and lost / active > MOST_LATE_FRACTION
    if not (early.unusual or late):
        return []
    return [_late(case, early, seen)]


def _alike(case: Case, alike: Lost) -> Finding:
    examples = case.summaries.strays.examples if case.summaries.strays else ()
    kinds = sorted({difference(each) for each in examples})
    return Finding(
        code="events_under_other_ids",
        severity=_severity(case, "events_without_exposure"),
        side="capture",
        headline=f"{alike.units:,} units with events ({alike.share:.1%}) were never exposed, but "
        f"each has nearly the id of one exposed unit; they differ by {' and by '.join(kinds)}. "
        f"By variant: {alike.shown(case.experiment)}",
        fix="send the same id with exposures and events: make them alike where they are produced "
        "(letter case, leading zeros, spaces, prefixes), then read the events in again; until "
        "then the effects miss these units' events",
        log_p=_log_p(alike),
        evidence={
            "units": alike.units,
            "fraction": alike.share,
            "by_variant": _counts(case, alike),
            "examples": [_example(case, each) for each in examples],
        },
        query=_stray_query(case),
    )


def _others(case: Case, other: Lost) -> Finding:
    evidence: dict[str, EvidenceValue] = {"units": other.units, "fraction": other.share}
    named = ""
    if other.by_variant.sum():
        evidence["by_variant"] = _counts(case, other)
        named = f"; by the variant that their events name: {other.shown(case.experiment)}"
    return Finding(
        code="events_without_exposure",
        severity=_severity(case, "events_without_exposure"),
        side="capture",
        headline=f"{other.units:,} units with events ({other.share:.1%}) were never exposed and "
        f"are in no effect{named}",
        fix="look whether exposures are lost (a client that does not send them, a consent that "
        "stops them) or whether events of people outside the experiment carry its id: then send "
        "them without it",
        log_p=_log_p(other),
        evidence=evidence,
        query=_stray_query(case),
    )


def _late(case: Case, early: Lost, seen: tuple[EarlyEvents, ...]) -> Finding:
    shares = ", ".join(
        f"{each.variant_id} {each.before:,} of {each.units:,}, {each.lost:,} of them with none "
        f"after it, {each.median_seconds:,.0f} s before at the median"
        for each in seen
    )
    return Finding(
        code="exposure_after_events",
        severity=_severity(case, "events_before_exposure"),
        side="capture",
        headline=f"{early.units:,} units ({early.share:.1%}) have metric events before their "
        f"exposure, which do not count: {shares}",
        fix="log the exposure when the variant is decided and before anything it can change, with "
        "the time of that moment and not of the batch it is sent in; then read the exposures in "
        "again with their right times",
        log_p=_log_p(early),
        evidence={
            "units": early.units,
            "fraction": early.share,
            "by_variant": _counts(case, early),
            "lost_by_variant": [f"{each.variant_id} {each.lost}" for each in seen],
            "median_seconds_by_variant": [
                f"{each.variant_id} {each.median_seconds:.1f}" for each in seen
            ],
        },
        query=shown_queries.events_before_exposure(
            case.experiment.experiment_id, metric_event_types(case.experiment)
        ),
    )


def difference(pair: Alike) -> str:
    """What two spellings of one id differ by, in words without the id."""
    stray, exposed = pair.stray_id, pair.exposed_id
    if stray.strip() == exposed.strip():
        return "spaces around it"
    if stray.lower() == exposed.lower():
        return "letter case"
    if stray.lstrip("0") == exposed.lstrip("0"):
        return "leading zeros"
    if stray.lower().endswith(exposed.lower()) or exposed.lower().endswith(stray.lower()):
        return "a prefix"
    return "punctuation"


def _example(case: Case, pair: Alike) -> str:
    """Answers name no user: pseudonyms can be asked about, and the query shows the ids."""
    names = Pseudonyms(case.store.sessions.pseudonym_key())
    both = {each: names.of(each) for each in (pair.stray_id, pair.exposed_id)}
    case.store.named_users.remember(both)
    stray, exposed = both.values()
    return f"{stray} has events, {exposed} was exposed: {difference(pair)}"


def _severity(case: Case, check: str) -> Severity:
    failed = any(each.name == check for each in case.validity.failed)
    return "critical" if failed else "warning"


def _counts(case: Case, lost: Lost) -> list[str]:
    return [
        f"{variant.variant_id} {count:.0f}"
        for variant, count in zip(case.experiment.variants, lost.by_variant, strict=True)
    ]


def _log_p(lost: Lost) -> float | None:
    return None if lost.p_value is None else math.log(max(lost.p_value, 1e-300))


def _stray_query(case: Case) -> str:
    return shown_queries.units_without_exposure(
        case.experiment.experiment_id, metric_event_types(case.experiment)
    )
