"""An agent with every tool, the database and a shell tries to start or roll out by itself.

Each way is scripted. What it returns are answers of the authority; none may allow an act that gives
users a treatment beyond what a person agreed to.
"""

import pytest

from neonblue.optimization.acts import EASING
from neonblue.optimization.permission import Allowed

from .conftest import World
from .red_team import acts, rules, signatures
from .red_team.way import WAYS, Way

assert all((acts, rules, signatures))  # they have added their ways


@pytest.fixture
def attacked(person: World) -> World:
    """A world in which ana has a key, and the log has seen it."""
    person.approvers()
    return person


@pytest.mark.parametrize("attack", WAYS, ids=lambda one: one.__name__)
def test_no_way_starts_or_rolls_out(attacked: World, attack: Way) -> None:
    answers = attack(attacked)
    through = [one for one in answers if isinstance(one, Allowed) and one.act.kind not in EASING]
    assert through == []


def test_there_are_sixty_ways_and_more() -> None:
    assert len(WAYS) >= 60
