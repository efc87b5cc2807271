"""What the memory holds: three collections and the metadata that each one has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neonblue.errors import InvalidInputError
from neonblue.stores.document_filter import FieldKind

PART = " | "
# What no event says, so that it can be asked for.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One kind of document; ``fields`` are what it may be filtered by. Lifts are fractions.

    ``weights`` are those of the parts of a text, which ``PART`` separates: its vector is then their
    weighted mean. Where there are few different parts and very many combinations, as with
    journeys, that saves embedding nearly every text.
    """

    name: str
    fields: Mapping[str, FieldKind]
    weights: tuple[float, ...] = ()


EXPERIMENTS = Collection(
    name="experiments",
    fields={
        "experiment_id": "text",
        "name": "text",
        "type": "text",
        "industry": "text",
        "user_segment": "text",
        "segments": "list",
        "conversion_rate": "number",
        "statistical_power": "number",
        "statistical_significance": "number",
        "sample_size": "number",
        "outcome": "text",
        "optimization_applied": "text",
        "timestamp": "number",
        "decision": "text",
        "metric": "text",
        "metrics": "list",
        "relative_lift": "number",
        "relative_lift_lower": "number",
        "relative_lift_upper": "number",
        "improvement": "number",
        "improvement_standard_error": "number",
        "revenue_impact": "number",
        "duration_days": "number",
        "guardrail_harmed": "text",
        "version": "number",
        "status": "text",
    },
)
USER_JOURNEYS = Collection(
    name="user_journeys",
    fields={
        "user_id": "text",
        "user_segment": "text",
        "journey_length": "number",
        "session_duration": "number",
        "conversion_outcome": "text",
        "value": "number",
        "device_type": "text",
        "traffic_source": "text",
        "stage": "text",
        "experiments": "list",
        "started_at": "number",
        "timestamp": "number",
    },
    # What was done, and by whom: cosine .94 to the vectors of the whole texts, rank correlation
    # .96 over eight questions; .5/.5 and .7/.3 come less close.
    weights=(0.6, 0.4),
)
OPTIMIZATION_PATTERNS = Collection(
    name="optimization_patterns",
    fields={
        "optimization_type": "text",
        "outcome": "text",
        "improvement": "number",
        "improvement_lower": "number",
        "improvement_upper": "number",
        "improvement_of_rest": "number",
        "improvement_of_rest_lower": "number",
        "improvement_of_rest_upper": "number",
        "applied_to_segments": "list",
        "industry": "text",
        "implementation_effort": "text",
        "experiments": "list",
        "tests": "number",
        "successes": "number",
        "failures": "number",
        "metric": "text",
        "timestamp": "number",
        "withdrawn_at": "number",
    },
)
COLLECTIONS = {
    collection.name: collection
    for collection in (EXPERIMENTS, USER_JOURNEYS, OPTIMIZATION_PATTERNS)
}


def collection_named(name: str) -> Collection:
    """The collection of that name, or an error that lists them."""
    if name not in COLLECTIONS:
        raise InvalidInputError(
            f"there is no collection {name!r}: use one of {', '.join(COLLECTIONS)}"
        )
    return COLLECTIONS[name]
