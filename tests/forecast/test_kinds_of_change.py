"""Kinds of change are read from words, and taking something away is a kind of its own."""

import pytest

from neonblue.intelligence.recollection.category import category_of, category_of_text, effort_of
from neonblue.intelligence.recollection.patterns import pattern_documents
from neonblue.intelligence.recollection.removal import kind_of_change
from neonblue.models import Experiment, Variant
from neonblue.stores.documents import Document


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("better ranking of search results", "search"),
        ("a new algorithm for the results of a query", "search"),
        ("order the front page by what was read before", "recommendation"),
        ("testimonials next to the price", "social_proof"),
        ("a video on the pricing page", "layout"),
        ("a coupon in the newsletter", "pricing"),
        ("pay later with instalments", "pricing"),
        ("invite a colleague and both get a month free", "referral"),
        ("a chatbot on the order page", "support"),
        ("half the load time of the start screen", "performance"),
        ("the member can pause before cancelling", "retention"),
        ("nothing that anybody knows", "other"),
    ],
)
def test_what_changes_outweighs_where_and_how(text: str, category: str) -> None:
    assert category_of_text(text) == category


def plan(control: str, change: str, **more: str) -> Experiment:
    return Experiment(
        experiment_id=more.pop("experiment_id", "exp_12"),
        variants=(
            Variant(variant_id="a", is_control=True, description=control),
            Variant(variant_id="b", description=change),
        ),
        metrics=(),
        **more,  # type: ignore[arg-type]
    )


def test_the_treatment_says_more_than_the_control_and_a_type_that_is_a_kind_of_test_nothing() -> (
    None
):
    change = plan("a menu, a sidebar and a header", "a search box")
    assert category_of(change) == "search"
    typed = plan("a menu", "a search box", experiment_type="A/B test")
    assert category_of(typed) == "search"
    assert category_of(plan("a menu", "a search box", experiment_type="Own kind")) == "own_kind"


@pytest.mark.parametrize(
    ("text", "removed"),
    [
        ("the security badges are not shown any more", True),
        ("remove all customer reviews from the page", True),
        ("star ratings are hidden in lists", True),
        ("the testimonials are gone", True),
        ("no badges", True),
        ("we stop showing reviews", True),
        ("show reviews without a long wait", False),
        ("no more than three reviews", False),
        ("reviews in a drop-down menu", False),
        ("badges in place of the text that was removed", False),
        ("more and larger star ratings", False),
    ],
)
def test_a_removal_is_not_the_thing_itself(text: str, removed: bool) -> None:
    kind = kind_of_change("social_proof", text)
    assert kind == ("removal_of_social_proof" if removed else "social_proof")


def test_a_removal_is_known_by_the_name_too_and_where_it_is_the_idea_it_has_no_opposite() -> None:
    assert kind_of_change("urgency", "it is not shown any more", "the countdown").startswith("remo")
    assert kind_of_change("form", "the field for the fax number is removed") == "form"
    assert kind_of_change("our_own", "everything is removed") == "our_own"
    assert effort_of("removal_of_pricing") == "low"


def remembered(name: str, change: str, improvement: float) -> Document:
    return Document(
        document_id=name,
        text=change,
        metadata={
            "type": "social_proof",
            "optimization_applied": change,
            "outcome": "success",
            "improvement": improvement,
            "improvement_standard_error": 0.01,
            "sample_size": 1000.0,
            "timestamp": 1.0,
        },
    )


def test_patterns_keep_removals_apart_and_count_copies_once() -> None:
    found = pattern_documents(
        [
            remembered("shown", "star ratings are shown", 0.05),
            remembered("shown_again", "star ratings are shown", 0.05),
            remembered("hidden", "star ratings are hidden", 0.04),
        ]
    )
    tests = {one.document_id: one.metadata["tests"] for one in found}
    assert tests == {"social_proof|": 1.0, "removal_of_social_proof|": 1.0}
    removal = next(one for one in found if one.document_id.startswith("removal"))
    assert "take away reviews, logos and badges" in removal.text
