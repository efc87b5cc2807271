"""The weakest step on the way to what converts: by the setting, then by metrics, then by words."""

from typing import TYPE_CHECKING

from neonblue.behavior.conversion_events import BY_WORDS, known_kinds
from neonblue.intelligence.recommendation.funnel_ideas import from_funnel
from neonblue.models import Experiment, MetricDefinition, Variant

if TYPE_CHECKING:
    from .conftest import Shop


def planned(event_type: str) -> Experiment:
    """An experiment whose primary metric wants more of an event."""
    return Experiment(
        experiment_id="about_search",
        variants=(Variant(variant_id="a", is_control=True), Variant(variant_id="b")),
        metrics=(MetricDefinition(name="found", kind="proportion", event_type=event_type),),
    )


def test_words_are_the_last_resort_and_said_to_be_a_guess(shop: "Shop") -> None:
    (idea,) = from_funnel(shop.store, BY_WORDS)
    (link,) = idea.evidence
    assert "purchase converts: its word 'purchase' (it is a guess" in link.detail


def test_the_setting_says_what_converts(shop: "Shop") -> None:
    (idea,) = from_funnel(shop.store, known_kinds((), ("checkout",)))
    (link,) = idea.evidence
    assert "> checkout:" in link.detail
    assert "purchase: " not in link.detail
    assert "NEONBLUE_CONVERSION_EVENTS names it" in link.detail


def test_metrics_say_what_converts(shop: "Shop") -> None:
    kinds = known_kinds((planned("add_to_cart"), planned("purchase")))
    (idea,) = from_funnel(shop.store, kinds)
    assert "primary metric 'found'" in idea.evidence[0].detail
    assert idea.hypothesis.startswith(f"If we {idea.changes[0]},")
