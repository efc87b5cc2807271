"""Optimistic versions: whoever decides upon an older state is told, and nothing changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neonblue.errors import ConflictError

if TYPE_CHECKING:
    from neonblue.stores.experiment_history import Change


def refuse_stale(experiment_id: str, current: Change | None, expected: int | None) -> None:
    """Raise ``ConflictError`` when the state is another one than the caller has seen."""
    found = 0 if current is None else current.state_version
    if expected is None or expected == found:
        return
    since = ""
    if current is not None:
        who = f" by {current.actor!r}" if current.actor else ""
        since = f" (the last step was {current.action!r}{who}, {current.recorded_at:%Y-%m-%d %H:%M}"
        since += " UTC)"
    raise ConflictError(
        f"experiment {experiment_id!r} is at state version {found}, not {expected}{since}: nothing "
        f"was changed; read experiment://{experiment_id} and decide again"
    )
