"""The words of documents that change all the time: size and weights follow those that are there."""

import random

import pytest

from neonblue.memory.contents import MIN_DEAD_ROWS, KeywordIndex

PAGES = ("home", "search", "product", "basket", "checkout", "thanks", "account", "returns")


def journey(number: int, pages: int) -> str:
    """The first so many pages of one visitor's way."""
    ways = random.Random(number)
    return f"visitor{number} " + " ".join(ways.choice(PAGES) for _ in range(pages))


def test_journeys_that_go_on_are_held_and_weighed_as_if_added_once() -> None:
    often, once = KeywordIndex(), KeywordIndex()
    for pages in range(1, 31):
        often.add((f"j{number}", journey(number, pages)) for number in range(100))
    once.add((f"j{number}", journey(number, 30)) for number in range(100))
    assert len(often) == 100
    assert often.rows_held <= 2 * 100 + MIN_DEAD_ROWS
    for query in ("visitor7 checkout", "basket", "visitor99 visitor1 returns nothing"):
        scores = often.score(query)
        assert dict(scores.best(100)) == pytest.approx(dict(once.search(query, 100)))
        assert scores.of("j7") == pytest.approx(once.score(query).of("j7"))
    assert often.search("visitor7", 1)[0][1] > 0.3


def test_a_removed_documents_words_weigh_nothing_at_once_and_are_given_back() -> None:
    index = KeywordIndex()
    index.add((f"d{number}", f"common word{number}") for number in range(1000))
    index.remove(f"d{number}" for number in range(3, 1000))
    assert (len(index), index.rows_held) == (3, 3)
    assert [name for name, _ in index.search("common word999", 10)] == ["d0", "d1", "d2"]
    index.remove(["d0", "d1", "d2"])
    assert index.search("common", 10) == []


def test_scores_asked_for_before_rows_are_given_back_stay_those_of_their_moment() -> None:
    index = KeywordIndex()
    index.add((f"d{number}", f"red word{number}") for number in range(200))
    before = index.score("red word150")
    index.remove(f"d{number}" for number in range(150))
    assert index.rows_held == 50
    assert before.best(1)[0][0] == "d150"
    assert before.of("d150") == before.best(1)[0][1] > 0.3
    assert index.score("word150").best(1)[0][0] == "d150"
