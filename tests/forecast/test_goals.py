"""Ideas fit their goals: judged on goals that share no word with the rules that find them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from neonblue.behavior.conversion_events import BY_WORDS
from neonblue.intelligence.recollection.category_table import CATEGORIES
from neonblue.intelligence.recollection.learning import learn
from neonblue.intelligence.recommendation.constraints import Constraints
from neonblue.intelligence.recommendation.goal import REMOVAL_AIMS
from neonblue.intelligence.recommendation.improvement import improve
from neonblue.intelligence.recommendation.next_tests import Recommendations, recommend_next
from neonblue.memory.contents import words
from neonblue.memory.embedding import Embedder
from neonblue.memory.library import Memory
from neonblue.stores import Store, open_store

from .worlds import finish

# What changed, and whether it won.
PAST = {
    "guest_order": ("customers can order as a guest, without an account", True),
    "wallet": ("Apple Pay and Google Pay above the card form", True),
    "review_page": ("an extra page to review the order before it is placed", False),
    "short_form": ("only name and e-mail are asked for in the quote form", True),
    "forgiving_search": ("search forgives typing mistakes", True),
    "ranked_results": ("better ranking of search results", True),
    "left_basket_mail": ("an e-mail one hour after a basket was left behind", True),
    "morning_push": ("a push message every morning", False),
    "lazy_pictures": ("pictures are loaded when they are scrolled to", True),
    "stars": ("star ratings under each product picture", True),
    "badges_gone": ("the security badges are not shown any more", True),
    "pause_offer": ("a pause of two months is offered to subscribers who cancel", True),
    "friend_credit": ("ten euros of credit for both when a friend joins", True),
    "sample_project": ("new workspaces come with a sample project", True),
    "bundle": ("three for the price of two", True),
    "guests_again": ("customers may order as guests without any account", True),
    "wall": ("a sign-up wall after the second article", False),
    "wall_before": ("a sign-up wall after the first article", False),
    "wall_badges": ("security badges beside the sign-up button", True),
    "related": ("three related articles at the end of each article", True),
}
# Each goal with the tests that an idea for it may be built on.
GOALS = {
    "settling the invoice involves too much effort": {"guest_order", "guests_again", "wallet"},
    "nobody wants to hand over so much private data": {"short_form", "guest_order", "guests_again"},
    "spelling errors lead shoppers nowhere": {"forgiving_search", "ranked_results"},
    "the web shop feels sluggish": {"lazy_pictures"},
    "shoppers vanish although their trolley is full": {
        "left_basket_mail",
        "guest_order",
        "guests_again",
    },
    "too many clients terminate their contract": {"pause_offer"},
    "have fans enlist colleagues and relatives": {"friend_credit"},
    "rookies gaze at a blank workspace": {"sample_project"},
    "folks ought to acquire multiple pieces": {"bundle"},
    "the audience ought to devour another column": {"related"},
}
NONSENSE = ("asdf", "xkcd qwop", "blah", "42 42 42", "a cure for the common cold", "paint the shed")


@pytest.fixture(scope="module")
def company(
    tmp_path_factory: pytest.TempPathFactory, embedder: Embedder
) -> Iterator[tuple[Store, Memory]]:
    """A store and a memory in which everything of ``PAST`` has finished."""
    folder: Path = tmp_path_factory.mktemp("company")
    store = open_store(f"chdb://{folder / 'clickhouse'}")
    memory = Memory(store.documents, embedder, folder / "chroma")
    for number, (name, (change, won)) in enumerate(PAST.items()):
        treatment = 0.11 + 0.0001 * number if won else 0.09
        finish(store, name, treatment=treatment, change=change, name=name.replace("_", " "))
    learn(store, memory)
    yield store, memory
    memory.close()
    store.close()


def ask(company: tuple[Store, Memory], goal: str, **limits: object) -> Recommendations:
    store, memory = company
    constraints = Constraints(**limits)  # type: ignore[arg-type]
    return recommend_next(store, memory, goal, constraints, BY_WORDS, limit=3)


def built_on(found: Recommendations) -> list[set[str]]:
    return [{link.reference for link in one.idea.evidence} & PAST.keys() for one in found.ranked]


def test_goals_and_rules_share_no_words() -> None:
    rules = [*REMOVAL_AIMS]
    for one in CATEGORIES:
        rules += [re.sub(r"\\.|[^a-z]", " ", one.words + " " + one.hints), *one.aims, one.pattern]
    known = set(words(" ".join(rules)))
    assert {goal: set(words(goal)) & known for goal in GOALS if set(words(goal)) & known} == {}


def test_ideas_serve_their_goals(company: tuple[Store, Memory]) -> None:
    """Who asks in words that no rule has gets the right idea or none, mostly."""
    answers = {goal: built_on(ask(company, goal)) for goal in GOALS}
    first = [goal for goal, found in answers.items() if found and found[0] & GOALS[goal]]
    shown = sum(len(found) for found in answers.values())
    right = sum(bool(one & GOALS[goal]) for goal, found in answers.items() for one in found)
    answered = [goal for goal, found in answers.items() if found]
    assert len(answered) >= 4, answers
    assert len(first) >= 0.8 * len(answered), answers
    assert right >= 0.6 * shown, answers


def test_different_goals_get_different_ideas(company: tuple[Store, Memory]) -> None:
    lists = [tuple(one.idea.core for one in ask(company, goal).ranked) for goal in GOALS]
    answered = [one for one in lists if one]
    assert len(set(answered)) >= len(answered) - 1


@pytest.mark.parametrize("goal", NONSENSE)
def test_nothing_fits_is_a_whole_answer(company: tuple[Store, Memory], goal: str) -> None:
    found = ask(company, goal)
    assert (found.status, found.ranked) == ("nothing_fits", ())
    assert "Nothing that was learnt here fits this goal" in found.detail
    assert "design_experiment" in found.detail


def test_what_won_by_being_taken_away_is_no_idea_for_more_of_it(
    company: tuple[Store, Memory],
) -> None:
    trust = ask(company, "visitors should trust us")
    assert "badges_gone" not in {name for found in built_on(trust) for name in found}
    assert any("stars" in found for found in built_on(trust))


def test_near_copies_are_one_idea(company: tuple[Store, Memory]) -> None:
    found = ask(company, "order without an account")
    assert sum("guest" in one.idea.core for one in found.ranked) == 1
    assert "repeats of one idea" in found.detail


def test_the_basis_that_is_stated_is_the_one_used(company: tuple[Store, Memory]) -> None:
    """A winner's idea quotes the winner, and its odds lean on it."""
    found = ask(company, "readers should see related articles")
    one = next(one for one in found.ranked if one.idea.source == "winner")
    (link,) = one.idea.evidence
    assert PAST[link.reference][0] in one.idea.hypothesis
    assert PAST[link.reference][0] in one.idea.changes[0]
    assert f"{link.reference} (" in one.basis


def test_a_harmful_wall_is_not_answered_with_badges(company: tuple[Store, Memory]) -> None:
    found = improve(*company, "wall", now=datetime.now(UTC))
    lessons = [step for step in found.steps if "like change" in step.action]
    assert [link.reference for step in lessons for link in step.evidence] == ["wall_before"]
