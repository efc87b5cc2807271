"""Worlds with known truth: how units arrive, convert and are assigned, day by day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from neonblue.errors import InvalidInputError

WorldKind = Literal[
    "stationary",
    "drifting",
    "seasonal",
    "delayed",
    "interference",
    "broken_randomisation",
    "mostly_null",
]
Counts = NDArray[np.float64]

WEEK = 7
WINNERS, WINNERS_MOSTLY_NULL = 0.25, 0.04
HARMFUL = 0.5
"""Share of the ideas that do not win which do harm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How one kind of world behaves.

    ``winners`` is the share of ideas that win; winners have .5 to 1.5 times the planned lift, half
    of the others up to half of it in the wrong direction. ``drift`` is the relative change of
    everybody's rate over the planned time, ``season`` the amplitude of a weekly wave, ``delay``
    the mean days from exposure to conversion, ``interference`` the share of a treatment's effect
    that control's units get as well, ``lost`` the share of the treatment's units without a
    conversion whose exposure is not logged when randomisation breaks, which it does in the share
    ``broken`` of experiments.
    """

    winners: float = WINNERS
    baseline: float = 0.1
    planned_lift: float = 0.1
    drift: float = 0.0
    season: float = 0.0
    delay: float = 0.0
    interference: float = 0.0
    broken: float = 0.0
    lost: float = 0.1


WORLDS: Mapping[WorldKind, World] = {
    "stationary": World(),
    "drifting": World(drift=0.5),
    "seasonal": World(season=0.3),
    "delayed": World(delay=5.0),
    "interference": World(interference=0.3),
    "broken_randomisation": World(broken=0.5),
    "mostly_null": World(winners=WINNERS_MOSTLY_NULL),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What only the world knows of one experiment: its relative lift, and whether it is broken."""

    lift: float
    broken: bool = False

    @property
    def wins(self) -> bool:
        """Whether treatment is better than control."""
        return self.lift > 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """New units and new conversions of one day, control first."""

    units: Counts
    conversions: Counts


def world_of(kind: WorldKind, *, winners: float | None = None) -> World:
    """The world of a kind; ``winners`` overrides its share of winners, a fraction.

    Raises ``InvalidInputError`` for an unknown kind.
    """
    if kind not in WORLDS:
        raise InvalidInputError(
            f"{kind!r} is no world: use one of {', '.join(get_args(WorldKind))}"
        )
    found = WORLDS[kind]
    return found if winners is None else replace(found, winners=winners)


def draw_truth(world: World, rng: np.random.Generator) -> Truth:
    """One idea of a world."""
    if rng.random() < world.winners:
        lift = world.planned_lift * rng.uniform(0.5, 1.5)
    else:
        harmful = rng.random() < HARMFUL
        lift = -world.planned_lift * rng.uniform(0.0, 0.5) if harmful else 0.0
    return Truth(lift=float(lift), broken=bool(rng.random() < world.broken))


class Units:
    """The units of one experiment as they come and convert."""

    def __init__(self, world: World, truth: Truth, units_per_day: float, days: float) -> None:
        self._world, self._truth = world, truth
        self._units_per_day, self._planned_days = units_per_day, days
        self._to_come = np.zeros(2)

    def day(self, number: int, shares: Counts, rng: np.random.Generator) -> Day:
        """What comes on a day, counted from 0; ``shares`` are control's and treatment's."""
        world = self._world
        units = rng.poisson(self._units_per_day * shares).astype(float)
        converting = rng.binomial(units.astype(int), self._rates(number)).astype(float)
        if self._truth.broken:
            units[1] -= rng.binomial(int(units[1] - converting[1]), world.lost)
        return Day(units=units, conversions=self._arriving(converting, rng))

    def _rates(self, number: int) -> Counts:
        world, lift = self._world, self._truth.lift
        trend = 1.0 + world.drift * min(2.0, number / max(1.0, self._planned_days))
        wave = 1.0 + world.season * math.sin(2.0 * math.pi * number / WEEK)
        both = np.array([1.0 + lift * world.interference, 1.0 + lift])
        return np.asarray(np.clip(world.baseline * trend * wave * both, 0.0, 1.0))

    def _arriving(self, converting: Counts, rng: np.random.Generator) -> Counts:
        """Conversions that come today: with a delay, each waiting one comes with chance 1/(1+d)."""
        if self._world.delay <= 0.0:
            return converting
        self._to_come += converting
        today = rng.binomial(self._to_come.astype(int), 1.0 / (1.0 + self._world.delay))
        self._to_come -= today
        return np.asarray(today.astype(float))
