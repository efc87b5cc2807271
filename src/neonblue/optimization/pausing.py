"""Pauses whatever runs that was started here: what the kill switch may bring with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.errors import NeonBlueError
from neonblue.experiments.moves import MoveRequest
from neonblue.optimization.acts import Actor
from neonblue.optimization.changing import ChangeOrder, change

if TYPE_CHECKING:
    from neonblue.optimization.authority import Authority
    from neonblue.stores import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """Experiments that were paused, and why others were not, by id."""

    paused: tuple[str, ...]
    faults: dict[str, str]


def pause_running(store: Store, authority: Authority, *, actor: Actor, reason: str) -> Paused:
    """Pause every running experiment whose history has a start; one that fails keeps no other."""
    paused, faults = [], {}
    for experiment_id in _started_here(store):
        order = ChangeOrder(
            experiment_id=experiment_id, request=MoveRequest(action="pause"), reason=reason
        )
        try:
            outcome = change(store, authority, order, actor=actor)
        except NeonBlueError as error:
            faults[experiment_id] = str(error)
            continue
        if outcome.pending is None:
            paused.append(experiment_id)
        else:
            faults[experiment_id] = outcome.pending.text
    return Paused(paused=tuple(paused), faults=faults)


def _started_here(store: Store) -> list[str]:
    running = [
        name for name, found in store.experiments.defined().items() if found.status == "running"
    ]
    return [
        name
        for name in running
        if any(step.action == "start" for step in store.experiment_history.of(name))
    ]
