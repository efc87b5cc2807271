"""What there is to ask about, put together from the data, the plans and the catalogue file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from neonblue.errors import NotFoundError
from neonblue.query.metric_layer import LayerMetric, metrics_of

if TYPE_CHECKING:
    from neonblue.stores import Store
    from neonblue.stores.catalog import EventTypeFacts, PropertyFacts

MAX_NAMED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFacts:
    """Metrics, event types and properties, the commonest first."""

    metrics: tuple[LayerMetric, ...]
    event_types: tuple[EventTypeFacts, ...]
    properties: tuple[PropertyFacts, ...]


def read_catalog(store: Store, catalogue: Sequence[LayerMetric]) -> CatalogFacts:
    """Everything that can be named in a question."""
    return CatalogFacts(
        metrics=metrics_of(store.experiments.defined().values(), catalogue),
        event_types=store.catalog.event_types(),
        properties=store.catalog.properties(),
    )


def check_steps(store: Store, steps: Sequence[str]) -> None:
    """``NotFoundError`` for a funnel step that no event has, with what there is."""
    there = store.catalog.behaviour_types()
    for step in steps:
        if step in there:
            continue
        if not there:
            raise NotFoundError(
                "there are no events of what users do yet: load some with `neonblue ingest`"
            )
        close = get_close_matches(step, there, n=2, cutoff=0.6)
        hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        named = ", ".join(map(repr, there[:MAX_NAMED]))
        more = f" and {len(there) - MAX_NAMED} more" if len(there) > MAX_NAMED else ""
        raise NotFoundError(
            f"no event is a {step!r}: {hint}there are {named}{more}; list_catalog has all"
        )
