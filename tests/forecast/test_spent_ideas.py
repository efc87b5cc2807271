"""What was shipped or failed as often as it won is not proposed as something new."""

import pytest

from neonblue.intelligence.recommendation.tried import is_spent
from neonblue.intelligence.recommendation.winner_ideas import from_winners
from neonblue.stores.documents import Document

CHANGE = "free returns are promised beside the price"


def past(name: str, outcome: str = "success", industry: str = "") -> Document:
    metadata = {
        "type": "copy",
        "optimization_applied": CHANGE,
        "outcome": outcome,
        "metric": "purchase",
        "improvement": 0.08,
    }
    if industry:
        metadata["industry"] = industry
    return Document(document_id=name, text=CHANGE, metadata=metadata)


@pytest.mark.parametrize(
    ("won_in", "asked_for", "carried_over"),
    [
        ("retail", "travel", True),
        ("retail", "retail", False),
        ("", "travel", False),
        ("", "", False),
    ],
)
def test_only_what_won_in_another_named_industry_is_carried_over(
    won_in: str, asked_for: str, carried_over: bool
) -> None:
    (idea,) = from_winners([past("one", industry=won_in)], asked_for)
    assert (idea.changes == (CHANGE,)) is carried_over
    assert CHANGE in idea.hypothesis
    assert "purchase" in idea.hypothesis
    assert "+8.00 %" in idea.hypothesis


@pytest.mark.parametrize(
    ("tried_in", "spent"), [("travel", True), ("", True), ("retail", False), ("food", False)]
)
def test_what_was_tried_here_or_nobody_knows_where_is_not_carried_over(
    tried_in: str, spent: bool
) -> None:
    winner = past("one", industry="retail")
    (idea,) = from_winners([winner], "travel")
    same = [winner, past("two", "neutral", tried_in)]
    assert is_spent(idea, same, "travel") is spent


def test_repeats_that_failed_as_often_as_they_won_end_an_idea() -> None:
    winner = past("one")
    (idea,) = from_winners([winner], "")
    assert not is_spent(idea, [winner], "")
    assert not is_spent(idea, [winner, past("two", "neutral")], "")
    assert is_spent(idea, [winner, past("two", "failure")], "")
    assert not is_spent(idea, [winner, past("two", "failure"), past("three")], "")
