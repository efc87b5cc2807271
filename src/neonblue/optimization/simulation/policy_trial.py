"""A policy tried out: programmes of experiments in a world with known truth, and two rivals.

The policy's side is the loop's own rules (``loop.rules``) on the product's own verdict, with the
level learnt as the programme goes. The rivals see the same units: whoever looks every day and ships
at z > 1.96, and whoever looks once, at the planned units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from neonblue.errors import InvalidInputError
from neonblue.optimization.loop.rules import LoopTerms, Next, NextAct, Wait, next_act
from neonblue.optimization.loop.situation import Situation
from neonblue.optimization.simulation.simulated_experiment import (
    TREATMENT,
    VARIANTS,
    Ended,
    Rule,
    run_experiment,
)
from neonblue.optimization.simulation.worlds import Truth, World, WorldKind, draw_truth, world_of
from neonblue.stats.programme import EndedTest, programme_of

RuleName = Literal["loop", "naive_peeking", "one_look"]

NAIVE_Z = 1.96
MAX_PROGRAMME = 500
SHIP = NextAct(
    kind="conclude", reason="z > 1.96", arguments={"winner": VARIANTS[TREATMENT].variant_id}
)
GIVE_UP = NextAct(kind="conclude", reason="nothing was found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How one rule did. Shares are fractions, None where there is nothing to count.

    ``false_ship_share`` is of what shipped, ``missed_winner_share`` of the winners. ``regret`` is
    conversions lost an experiment against giving everybody the better variant from its first
    day, ``harmed_units`` units an experiment that met a harmful treatment, ``days`` the mean time
    to a decision.
    """

    rule: RuleName
    experiments: int
    ships: int
    false_ships: int
    winners: int
    found: int
    false_ship_share: float | None
    missed_winner_share: float | None
    regret: float
    harmed_units: float
    days: float
    healed: int
    final_level: float | None


def try_policy(
    world: WorldKind,
    *,
    experiments: int = 50,
    seed: int = 1,
    winners: float | None = None,
    terms: LoopTerms | None = None,
    planned_days: float = 14.0,
) -> tuple[Trial, ...]:
    """The loop and its rivals over one programme of ``experiments`` ideas.

    Raises ``InvalidInputError`` for an unknown world or too long a programme.
    """
    if not 1 <= experiments <= MAX_PROGRAMME:
        raise InvalidInputError(
            f"{experiments!r} experiments cannot be simulated at once: ask for 1 to {MAX_PROGRAMME}"
        )
    if winners is not None and not 0.0 <= winners < 1.0:
        raise InvalidInputError(f"winners {winners!r} is no share of ideas: give 0 up to below 1")
    found, held = world_of(world, winners=winners), terms or LoopTerms(level=0.0)
    truths = [draw_truth(found, np.random.default_rng([seed, i])) for i in range(experiments)]
    return tuple(
        _trial(rule, found, truths, held, seed=seed, planned_days=planned_days)
        for rule in get_args(RuleName)
    )


def _trial(
    rule: RuleName,
    world: World,
    truths: Sequence[Truth],
    terms: LoopTerms,
    *,
    seed: int,
    planned_days: float,
) -> Trial:
    ended: list[Ended] = []
    tests: list[EndedTest] = []
    level = programme_of(()).level
    for number, truth in enumerate(truths):
        held = replace(terms, level=level)
        rng = np.random.default_rng([seed, number, 1])
        one = run_experiment(
            world, truth, _rule(rule, held), rng, terms=held, planned_days=planned_days
        )
        ended.append(one)
        if one.test is not None and not one.healed:
            tests.append(one.test)
        level = programme_of(tests).level
    return _counted(rule, ended, level if rule == "loop" else None)


def _rule(name: RuleName, terms: LoopTerms) -> Rule:
    if name == "loop":
        return lambda seen, _: next_act(seen, terms)
    return _naive if name == "naive_peeking" else _one_look


def _naive(_: Situation, bare: EndedTest | None) -> Next:
    """Looks every day, ships at the textbook's bar, gives up at twice the plan."""
    if bare is None:
        return Wait(reason="no data")
    if bare.z > NAIVE_Z:
        return SHIP
    return GIVE_UP if bare.progress >= 2.0 else Wait(reason="not yet")


def _one_look(_: Situation, bare: EndedTest | None) -> Next:
    if bare is None or bare.progress < 1.0:
        return Wait(reason="not yet")
    return SHIP if bare.z > NAIVE_Z else GIVE_UP


def _counted(rule: RuleName, ended: Sequence[Ended], level: float | None) -> Trial:
    ships = sum(one.shipped for one in ended)
    false = sum(one.shipped and not one.truth.wins for one in ended)
    winners = sum(one.truth.wins for one in ended)
    found = sum(one.shipped and one.truth.wins for one in ended)
    return Trial(
        rule=rule,
        experiments=len(ended),
        ships=ships,
        false_ships=false,
        winners=winners,
        found=found,
        false_ship_share=false / ships if ships else None,
        missed_winner_share=1.0 - found / winners if winners else None,
        regret=float(np.mean([one.regret for one in ended])),
        harmed_units=float(np.mean([one.harmed for one in ended])),
        days=float(np.mean([one.days for one in ended])),
        healed=sum(one.healed for one in ended),
        final_level=level,
    )
