"""What the worker publishes: enriched events, and messages that could not be used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neonblue.ingest.stream.record import Outgoing
from neonblue.ingest.stream.texts import event_texts

if TYPE_CHECKING:
    from neonblue.ingest.stream.batch import Prepared
    from neonblue.ingest.stream.event_vectors import EventVectors
    from neonblue.stores.dead_letters import DeadLetter

SHORT_BYTES = 8 << 10
SHORT_HEADER_BYTES = 512


def dead_messages(letters: Sequence[DeadLetter]) -> list[Outgoing]:
    """Original key and bytes, with the reason and the place in the headers."""
    return [
        Outgoing(
            partition=letter.partition,
            key=letter.key or None,
            value=letter.payload,
            headers=(
                ("letter.id", letter.letter_id.encode()),
                ("reason", letter.reason.encode()),
                ("detail", letter.detail.encode("utf-8", "replace")),
                ("source.topic", letter.topic.encode()),
                ("source.partition", str(letter.partition).encode()),
                ("source.offset", str(letter.offset).encode()),
            ),
        )
        for letter in letters
    ]


def shortened(message: Outgoing) -> Outgoing:
    """The beginning of a message that its topic did not take whole, with the size it had.

    Key and detail are cut as well; the header ``letter.id`` names the whole in ClickHouse
    (``neonblue dead-letters export``).
    """
    cut = [
        (name, value if name == "letter.id" else value[:SHORT_HEADER_BYTES])
        for name, value in message.headers
    ]
    return message._replace(
        key=None if message.key is None else message.key[:SHORT_HEADER_BYTES],
        value=message.value[:SHORT_BYTES],
        headers=(*cut, ("truncated.from", str(len(message.value)).encode())),
    )


def enriched_messages(prepared: Prepared, vectors: EventVectors) -> list[Outgoing]:
    """The events of a batch with their enrichment, in order, under their source keys.

    Vectors that are not there yet are asked for, for the next event with the same text.
    """
    if prepared.enrichment is None:
        return []
    columns = prepared.events.to_pydict()
    added = prepared.enrichment.rows.to_pylist()
    texts = event_texts(prepared.events)
    made_by: dict[str, dict[str, str]] = {}
    messages = []
    for row, extra in zip(prepared.enrichment.positions, added, strict=True):
        record = prepared.records[prepared.indices[row]]
        names = extra["made_by"]
        vector = vectors.get(extra["text_hash"])
        if vector is None:
            vectors.want(extra["text_hash"], texts.text(row))
        content = {
            **{name: values[row] for name, values in columns.items() if name != "source"},
            **_enrichment(
                extra,
                vector,
                columns["variant_id"][row],
                made_by.setdefault(names, json.loads(names)),
            ),
        }
        content["timestamp"] = content["timestamp"].isoformat()
        content["properties"] = dict(content["properties"])
        messages.append(Outgoing(record.partition, record.key, json.dumps(content).encode()))
    return messages


def _enrichment(
    extra: dict[str, object], vector: list[float] | None, variant: str, made_by: dict[str, str]
) -> dict[str, object]:
    """The contract's three parts; ``made_by`` says which model or rule made each value."""
    return {
        "ai_context": {
            "user_journey_stage": extra["user_journey_stage"],
            "behavioral_score": extra["behavioral_score"],
            "intent_prediction": {
                "intent": extra["intent"],
                "probability": extra["intent_probability"],
            },
            "segment": extra["segment"],
        },
        "semantic_features": {
            "embedding_vector": vector,
            "text_hash": str(extra["text_hash"]),
            "context_keywords": str(extra["context_keywords"]).split(),
            "sentiment_score": extra["sentiment_score"],
        },
        "prediction_context": {
            "likely_next_action": extra["likely_next_action"] or None,
            "probability": extra["next_action_probability"],
            # Another variant than its own would spoil the experiment that the unit is in.
            "recommended_variant": variant or None,
        },
        "made_by": made_by,
    }
