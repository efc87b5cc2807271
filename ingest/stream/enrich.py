"""Enrichment: what a batch of events means, in columns, under the contract's names.

``ai_context`` from the unit's recent past (``activity``, ``scorer``), ``semantic_features`` from
the event's words (``texts``), ``prediction_context`` from what others did next
(``trained_models``, else counts) and the variant the unit is in. The vector of a text
is not made here: it takes a thousand times as long as everything else together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neonblue.behavior.conversion_events import FindKinds
from neonblue.ingest.stream.activity import PAUSE_DAYS, SESSION_GAP_MS, Activity, Features
from neonblue.ingest.stream.batch import Enrichment, isolate
from neonblue.ingest.stream.scorer import (
    INTENTS,
    SEGMENTS,
    STAGES,
    NextActions,
    RuleScorer,
    Scorer,
    Scores,
    Transitions,
)
from neonblue.ingest.stream.texts import LEXICON, event_texts, property_values, read_texts
from neonblue.ingest.stream.trained_models import TrainedNextAction
from neonblue.stores.enrichments import concatenated, enrichment_schema
from neonblue.stores.journey_facts import SEGMENT_PROPERTIES

if TYPE_CHECKING:
    import pyarrow as pa

    from neonblue.stores import Store

RECALLED_UNITS = 100_000


class Enricher:
    """Enriches batches in the order they come; one a stream, not shared between threads."""

    def __init__(
        self,
        scorer: Scorer | None = None,
        next_action: TrainedNextAction | None = None,
        kinds: FindKinds | None = None,
    ) -> None:
        self._kinds = kinds
        self._scorer = scorer or RuleScorer()
        self._next_action = next_action
        self._activity = Activity()
        self._transitions = Transitions()

    def recall(self, store: Store) -> None:
        """Take over the recent past that ClickHouse has: at the start, and when units come from
        another worker. A unit's state is then what a worker that saw all its events would have."""
        self.reread_kinds()
        self._activity.remember(
            store.enrichments.recent_users(
                days=PAUSE_DAYS, limit=RECALLED_UNITS, session_gap_ms=SESSION_GAP_MS
            )
        )
        pairs = store.enrichments.transitions(days=PAUSE_DAYS)
        self._transitions.remember(self._activity.type_names, pairs)

    def reread_kinds(self) -> None:
        """What event types are taken for may have changed: experiments say which ones convert."""
        if self._kinds is not None:
            self._activity.read_kinds(self._kinds())

    def enrich(self, events: pa.Table) -> tuple[Enrichment, list[tuple[int, str]]]:
        """The enrichment of a batch, and the rows that enrichment failed for, with the error."""
        done: list[pa.Table] = []
        poison = isolate(lambda rows: done.append(self._enriched(rows)), events)
        bad = {row for row, _ in poison}
        positions = [row for row in range(events.num_rows) if row not in bad]
        return Enrichment(rows=concatenated(done), positions=positions), poison

    def _enriched(self, events: pa.Table) -> pa.Table:
        step = self._activity.look(events)
        scores = self._scorer.score(step.features)
        following = self._following(step.features)
        rows = _rows(events, step.features, scores, following)
        # Nothing is learnt from a batch before all of it is known to be good.
        self._activity.keep(step)
        self._transitions.learn(step.features)
        return rows

    def _following(self, features: Features) -> NextActions:
        trained = self._next_action.predict(features) if self._next_action else None
        return self._transitions.predict(features) if trained is None else trained


def _rows(events: pa.Table, features: Features, scores: Scores, following: NextActions) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    semantics = read_texts(event_texts(events))
    made_by = {
        **scores.made_by,
        "semantic_features": LEXICON,
        "prediction_context": following.made_by,
        "recommended_variant": "assignment-1",
    }
    columns = [
        events["event_id"],
        events["user_id"],
        _labels(STAGES, scores.stage),
        pa.array(scores.score),
        _labels(INTENTS, scores.intent),
        pa.array(scores.intent_probability),
        _segments(events, scores),
        pc.binary_join(semantics.keywords, " "),
        semantics.sentiment,
        semantics.text_hash,
        pa.array(following.names, pa.string()),
        pa.array(following.probabilities, from_pandas=True),
        pa.repeat(pa.scalar(json.dumps(made_by)), events.num_rows),
    ]
    return pa.Table.from_arrays(columns, schema=enrichment_schema())


def _labels(names: Sequence[str], numbers: NDArray[np.int64]) -> pa.Array:
    import pyarrow as pa

    return pa.array(names, pa.string()).take(pa.array(numbers))


def _segments(events: pa.Table, scores: Scores) -> pa.Array:
    """The segment that the platform sent with the event, else the scorer's."""
    import pyarrow as pa
    import pyarrow.compute as pc

    labels = _labels(SEGMENTS, scores.segment)
    sent = property_values(events, SEGMENT_PROPERTIES)
    return labels if sent is None else pc.coalesce(pa.array(sent, pa.string()), labels)
