"""The one gate in front of every answer that shows outcomes by variant.

It says where the look stands, which experiment may decide (roles and error as registered), records
the look with the tool that asked, and refuses what may not be shown. Callers check their arguments
first: a refused call leaves no look.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

from neonblue.errors import ConflictError
from neonblue.intelligence.declared_end import declared_end
from neonblue.intelligence.evidence import MetricEffects, Reason, RecordedLook
from neonblue.intelligence.history import moved_weights, was_resumed
from neonblue.intelligence.ledger import (
    horizon_units,
    ledger_rows,
    refuse_before_the_plan,
    stand,
)
from neonblue.intelligence.registration import register, registered_metrics
from neonblue.intelligence.same_units import other_readings
from neonblue.intelligence.summaries import Summaries, read_summaries
from neonblue.models import Experiment
from neonblue.models.reader import READ_ONLY, UNREAD, current_reader

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.exposure_properties import VariantCount
    from neonblue.stores.looks import LedgerState

FEWEST_OF_A_VALUE = 20
TELLING = 0.5
"""Share of the units outside the largest variant that a property has to place."""
ONE_SIDED_STEP = 0.2
"""Units of a variant with a step, relative to its share, below which the step tells the variant."""
DIGITS = 9
"""Significant digits of a mean that tell data apart; sums in another order differ in the 16th."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLook:
    """A look before its figures: ``experiment`` is the one that may decide, ``planned`` as stored.

    ``horizon`` is N*; ``reasons`` say what the first reading changed in roles and alpha,
    ``guardrails_gone`` which guardrails were read then and are defined no more.
    """

    experiment: Experiment
    planned: Experiment
    look: RecordedLook
    state: LedgerState
    horizon: int
    fingerprint: str
    reasons: tuple[Reason, ...]
    guardrails_gone: tuple[str, ...] = ()


def open_look(store: Store, experiment: Experiment, summaries: Summaries) -> OpenLook:
    """Where a look at these summaries stands; nothing is recorded yet."""
    seen, units = fingerprint(experiment, summaries), int(summaries.units.sum())
    state = store.looks.state(experiment.experiment_id, experiment.version, fingerprint=seen)
    others = other_readings(store, experiment, summaries, state.first_reading)
    registered = register(store, experiment, state, others)
    decides = registered.experiment
    if decides.alpha != experiment.alpha:
        state = store.looks.state(
            experiment.experiment_id, experiment.version, fingerprint=seen, alpha=decides.alpha
        )
    end = declared_end(store, experiment, summaries.last_event_at)
    look = stand(
        decides, units, state, end, changed=_changed(store, experiment, registered.changed, others)
    )
    return OpenLook(
        experiment=decides,
        planned=experiment,
        look=replace(look, withheld=UNREAD if _unrecorded(store, experiment, state) else ""),
        state=state,
        horizon=horizon_units(decides, units, state, one_look=look.fixed_horizon_decides),
        fingerprint=seen,
        reasons=registered.reasons,
        guardrails_gone=registered.guardrails_gone,
    )


def _unrecorded(store: Store, experiment: Experiment, state: LedgerState) -> bool:
    """Whether a read-only server would be the first to read results of these units.

    One look decides at a declared end only where nobody had read them; a reading that leaves no
    record would let somebody declare the end when results look good.
    """
    if current_reader().records or experiment.version in state.read_versions:
        return False
    versions = store.experiments.versions(experiment.experiment_id)
    read = {one.counted_from for one in versions if one.version in state.read_versions}
    return experiment.counted_from not in read


def _changed(
    store: Store, experiment: Experiment, rules_changed: bool, others: Sequence[object]
) -> str:
    """What keeps one look from deciding, besides looks at other data; '' when nothing does."""
    if rules_changed:
        return "rules changed after results were read"
    if others:
        return "the same units were read before under another id"
    if moved_weights(store, experiment):
        return "the weights of new units were changed while it ran"
    return "it went on after an earlier end" if was_resumed(store, experiment) else ""


def record_look(
    store: Store,
    opened: OpenLook,
    metrics: Sequence[MetricEffects] = (),
    *,
    now: datetime,
    actor: str = "",
    effects: bool | None = None,
) -> None:
    """Write the look down; not in a read-only server."""
    if not opened.look.recorded:
        return
    store.looks.append(
        ledger_rows(
            opened.experiment,
            metrics,
            opened.look,
            now,
            actor=actor,
            fingerprint=opened.fingerprint,
            registered=registered_metrics(opened.planned),
            effects=effects,
        )
    )


def pass_gate(store: Store, experiment: Experiment, what: str, *, effects: bool = True) -> OpenLook:
    """Record a look of a tool that shows ``what`` by variant, with figures that hold once.

    Raises ``ConflictError`` where that would be peeking: while it runs before its planned units,
    and in a read-only server, which cannot record it.
    """
    if experiment.status == "draft":
        raise ConflictError(
            f"experiment {experiment.experiment_id!r} is a draft and has no results: define it "
            f"with status running before {what}"
        )
    refuse_before_the_plan(store, experiment, what)
    if not current_reader().records:
        raise ConflictError(
            f"{READ_ONLY}: {what} of {experiment.experiment_id!r} is one of them. "
            "analyze_experiment_performance shows what holds at every look"
        )
    opened = open_look(store, experiment, read_summaries(store, experiment))
    record_look(store, opened, now=datetime.now(UTC), actor="mcp", effects=effects)
    return opened


def told_apart(store: Store) -> list[Experiment]:
    """Experiments of which a property could tell the variant, whoever asks for no experiment."""
    return [one for one in store.experiments.defined().values() if one.source == "events"]


def told_by_steps(
    store: Store, experiments: Sequence[Experiment], steps: Sequence[str]
) -> list[tuple[Experiment, str]]:
    """The experiments of which a step is one variant's, with the step, as a page that only it has.

    Whoever counts users through such a step sees the outcomes of that variant.
    """
    ids = {one.experiment_id: one for one in experiments if one.status != "draft"}
    done = sorted(set(steps) - {"exposure"})
    if not ids or not done:
        return []
    found = store.health.units_by_step(list(ids), done)
    return [
        (experiment, step)
        for name, experiment in ids.items()
        for step in done
        if one_sided(found.get((name, step), {}), found.get((name, ""), {}))
    ]


def one_sided(did: Mapping[str, int], units: Mapping[str, int]) -> bool:
    """Whether a variant is nearly absent among units that did something, by far not by chance."""
    share = sum(did.values()) / max(1, sum(units.values()))
    return any(
        expected >= FEWEST_OF_A_VALUE and did.get(variant, 0) <= ONE_SIDED_STEP * expected
        for variant, count in units.items()
        if (expected := count * share)
    )


def tells_the_variant(store: Store, experiment: Experiment, breakdown: str) -> bool:
    """Whether slices by this are slices by variant, as by a property that carries its name.

    The property may stand at the exposure or at any other event of the units.
    """
    if breakdown == "variant":
        return True
    counts = store.exposure_properties.units_by_value(
        experiment.experiment_id, breakdown, counted_from=experiment.counted_from
    )
    if all(count.value == "" for count in counts):
        counts = store.health.units_by_event_property(experiment.experiment_id, breakdown)
    return _tells(counts)


def _tells(counts: Sequence[VariantCount]) -> bool:
    of_value: dict[str, Counter[str]] = defaultdict(Counter)
    totals: Counter[str] = Counter()
    for count in counts:
        of_value[count.value][count.variant_id] += count.units
        totals[count.variant_id] += count.units
    if len(totals) < 2:
        return False
    likeliest = sum(max(each.values()) for each in of_value.values())
    # By chance a value with many units has the split of all; many small values do not count.
    many = sum(each.total() for each in of_value.values() if each.total() >= FEWEST_OF_A_VALUE)
    apart = likeliest - max(totals.values()) >= TELLING * (totals.total() - max(totals.values()))
    return apart and 2 * many > totals.total()


def fingerprint(experiment: Experiment, summaries: Summaries) -> str:
    """What tells the data of one look from those of another: counts, moments, the last event."""
    parts = [f"{summaries.units.tolist()} {summaries.multiple_variant_units}"]
    parts.append(f"{summaries.unplanned_units} {summaries.last_event_at}")
    for (metric, variant), found in sorted(summaries.overall.items()):
        numbers = (found.n, found.mean, found.variance, found.denominator_mean)
        shown = " ".join(f"{number:.{DIGITS}g}" for number in numbers if number is not None)
        parts.append(f"{metric!r} {variant!r} {shown}")
    text = "\n".join((repr(experiment.counted_from), *parts))
    return blake2b(text.encode(), digest_size=16).hexdigest()
