"""A change as others read it: the message on Kafka, and the line of ``neonblue changes``."""

from __future__ import annotations

import json
from typing import Any

from neonblue.stores.experiment_history import Change


def change_message(change: Change) -> dict[str, Any]:
    """Plain JSON. ``idempotency_key`` is the same whenever the change is sent again."""
    import msgspec

    experiment = change.experiment
    return {
        "idempotency_key": idempotency_key(change),
        "change_id": change.change_id,
        "sequence": change.sequence,
        "experiment_id": experiment.experiment_id,
        "state_version": change.state_version,
        "action": change.action,
        "status": experiment.status,
        "plan_version": experiment.version,
        "plan_changed": change.plan_changed,
        "source": change.source,
        "actor": change.actor,
        "reason": change.reason,
        "recorded_at": change.recorded_at.isoformat(),
        "experiment": msgspec.to_builtins(experiment),
    }


def change_line(change: Change) -> str:
    """The message as one line of JSON."""
    return json.dumps(change_message(change), ensure_ascii=False, separators=(",", ":"))


def idempotency_key(change: Change) -> str:
    """What a receiver remembers to do nothing twice: a state version exists once."""
    return f"{change.experiment.experiment_id}:{change.state_version}"
