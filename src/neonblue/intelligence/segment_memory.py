"""Segments in the memory: written when confirmed, marked when a later search confirms them no more.

Nothing is taken out: a segment that was withdrawn says since when, and on what evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from neonblue.behavior.discovery import Effect, FoundSegment
from neonblue.intelligence.recollection.category import effort_of
from neonblue.intelligence.recollection.patterns import EVERY_INDUSTRY
from neonblue.intelligence.segment_discovery import ExperimentSegments
from neonblue.memory.collections import OPTIMIZATION_PATTERNS
from neonblue.memory.library import Memory
from neonblue.stores.document_filter import Condition
from neonblue.stores.documents import Document, MetadataValue

SEGMENT = "segment"
CONFIRMED, WITHDRAWN = "confirmed", "no_longer_confirmed"
MOST_DOCUMENTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A segment that was confirmed until this search; ``evidence`` is what the search saw."""

    experiment_id: str
    description: str
    confirmed_at: datetime
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """How many confirmed segments were new or had changed, and which are confirmed no more."""

    written: int
    withdrawn: tuple[Withdrawn, ...]


def is_current(document: Document) -> bool:
    """Whether a document is a segment that the last search confirmed."""
    known = document.metadata
    return known.get("optimization_type") == SEGMENT and known.get("outcome") == CONFIRMED


def confirmed_segments(memory: Memory, experiment_id: str) -> list[Document]:
    """The segments of an experiment that the last search confirmed, newest first."""
    return [one for one in _known(memory, experiment_id) if is_current(one)]


def remember_segments(
    memory: Memory, found: Sequence[ExperimentSegments], now: datetime
) -> Remembered:
    """Write what a search confirmed, and mark what earlier ones did and this one does not."""
    known = {
        document.document_id: document
        for name in {one.experiment_id for one in found}
        for document in _known(memory, name)
    }
    confirmed = {
        document.document_id: document for one in found for document in _documents(one, known, now)
    }
    seen = {_id(one, segment): segment for one in found for segment in one.segments}
    withheld = {one.experiment_id: one.withheld for one in found if one.withheld}
    gone = [
        (document, withheld.get(_experiment(document)) or _evidence(seen.get(name)))
        for name, document in known.items()
        if name not in confirmed and is_current(document)
    ]
    memory.remember(OPTIMIZATION_PATTERNS, [_marked(*one, now) for one in gone])
    return Remembered(
        written=memory.remember(OPTIMIZATION_PATTERNS, list(confirmed.values())),
        withdrawn=tuple(_withdrawn(*one) for one in gone),
    )


def _known(memory: Memory, experiment_id: str) -> list[Document]:
    of_this = (
        Condition(field="optimization_type", kind="text", operator="eq", value=SEGMENT),
        Condition(field="experiments", kind="list", operator="contains", value=experiment_id),
    )
    return memory.documents.select(OPTIMIZATION_PATTERNS.name, of_this, MOST_DOCUMENTS)


def _id(one: ExperimentSegments, segment: FoundSegment) -> str:
    return f"{SEGMENT}:{one.experiment_id}:{one.treatment}:{segment.description}"


def _documents(
    one: ExperimentSegments, known: Mapping[str, Document], now: datetime
) -> Iterator[Document]:
    for segment in one.segments:
        if segment.confirmed:
            name = _id(one, segment)
            yield _document(one, segment, known.get(name), now)


def _document(
    one: ExperimentSegments, segment: FoundSegment, before: Document | None, now: datetime
) -> Document:
    """``timestamp`` is since when it is confirmed with these figures."""
    facts = {**_facts(one, segment), **_withdrawal(before)}
    text = _text(one, segment)
    since = now.timestamp()
    if before is not None and before.text == text:
        unchanged = {key: value for key, value in before.metadata.items() if key != "timestamp"}
        same = all(facts.get(key) == value for key, value in unchanged.items())
        since = float(str(before.metadata["timestamp"])) if same else since
    return Document(
        document_id=_id(one, segment), text=text, metadata={**facts, "timestamp": since}
    )


def _withdrawal(before: Document | None) -> dict[str, MetadataValue]:
    """A segment that comes and goes keeps the mark of when it was gone."""
    gone = before.metadata.get("withdrawn_at") if before is not None else None
    return {} if gone is None else {"withdrawn_at": gone}


def _facts(one: ExperimentSegments, segment: FoundSegment) -> dict[str, MetadataValue]:
    return {
        "optimization_type": SEGMENT,
        "outcome": CONFIRMED,
        **_improvement("improvement", segment.effect, one.sign),
        **_improvement("improvement_of_rest", segment.effect_of_rest, one.sign),
        "applied_to_segments": (segment.description,),
        "industry": one.industry or EVERY_INDUSTRY,
        # The change exists: what is left is to show it to some and not to others.
        "implementation_effort": effort_of(SEGMENT),
        "experiments": (one.experiment_id,),
        "metric": one.metric,
    }


def _improvement(name: str, effect: Effect, sign: float) -> dict[str, float]:
    """As everywhere in the memory: relative to the control, positive is better."""
    if effect.mean_control is None or effect.mean_control <= 0:
        return {}
    lower, upper = sorted(
        sign * bound / effect.mean_control for bound in (effect.ci_lower, effect.ci_upper)
    )
    return {
        name: sign * effect.absolute_difference / effect.mean_control,
        f"{name}_lower": lower,
        f"{name}_upper": upper,
    }


def _text(one: ExperimentSegments, segment: FoundSegment) -> str:
    effect, rest = segment.effect.absolute_difference, segment.effect_of_rest.absolute_difference
    better = "more" if one.sign * (effect - rest) > 0 else "less"
    return (
        f"Units whose {segment.description} gain {better} from {one.treatment} than others "
        f"in {one.experiment_id} ({one.metric}): {effect:+.4g} against {rest:+.4g}."
    )


def _experiment(document: Document) -> str:
    (experiment_id,) = _list(document.metadata["experiments"])
    return experiment_id


def _evidence(segment: FoundSegment | None) -> str:
    if segment is None:
        return "on the half that finds segments it did not stand out enough to be tested again"
    effect, rest = segment.effect.absolute_difference, segment.effect_of_rest.absolute_difference
    return (
        f"{effect:+.4g} against {rest:+.4g} of the others, "
        f"adjusted p {segment.adjusted_p_value:.2g}"
    )


def _marked(document: Document, evidence: str, now: datetime) -> Document:
    return Document(
        document_id=document.document_id,
        text=f"No longer confirmed since {now:%Y-%m-%d} ({evidence}). Before: {document.text}",
        metadata={**document.metadata, "outcome": WITHDRAWN, "withdrawn_at": now.timestamp()},
    )


def _withdrawn(document: Document, evidence: str) -> Withdrawn:
    known = document.metadata
    return Withdrawn(
        experiment_id=_experiment(document),
        description=", ".join(_list(known["applied_to_segments"])),
        confirmed_at=datetime.fromtimestamp(float(str(known["timestamp"])), UTC),
        evidence=evidence,
    )


def _list(value: MetadataValue) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)
