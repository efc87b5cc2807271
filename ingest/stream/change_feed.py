"""Publishes every change of an experiment to Kafka, in order, at least once.

A change that is sent twice has the same key. Without Kafka ``neonblue changes --follow`` shows the
same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neonblue.experiments.change_message import change_line, idempotency_key
from neonblue.ingest.stream.feed import BATCH, Batch, Message
from neonblue.ingest.stream.topic_feed import TopicFeed

if TYPE_CHECKING:
    from neonblue.settings import KafkaSettings
    from neonblue.stores import Store
    from neonblue.stores.experiment_history import Change


class ChangeFeed(TopicFeed):
    """The way of changes to their topic."""

    name, what = "change-feed", "changes of experiments"

    def __init__(self, store: Store, settings: KafkaSettings) -> None:
        super().__init__(store.published_changes, settings, settings.changes_topic)
        self._history = store.experiment_history

    def waiting(self) -> Batch | None:
        """What comes after the last change that was sent; history from before is no news."""
        upto = self._published.upto(self._topic)
        if self._history.last_sequence() <= upto:
            return None
        begin = max(upto, self._history.last_sequence(action="migrated"))
        changes = self._history.following(begin, limit=BATCH)
        if not changes:
            return None
        messages = [*map(_message, changes)]
        return Batch(messages=messages, order=self._topic, upto=changes[-1].sequence)


def _message(change: Change) -> Message:
    return Message(
        key=change.experiment.experiment_id,
        value=change_line(change),
        headers=(("idempotency-key", idempotency_key(change)),),
    )
