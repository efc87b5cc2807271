"""Finished experiments enter the memory by themselves, once, with what they taught."""

import pytest

from neonblue.intelligence.recollection.category import category_of_text
from neonblue.intelligence.recollection.learning import Learner, learn
from neonblue.intelligence.recollection.patterns import pool
from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.library import Memory
from neonblue.memory.search import search
from neonblue.stores import Store
from neonblue.stores.documents import Document

from .worlds import finish


@pytest.fixture
def past(store: Store) -> Store:
    finish(
        store,
        "annual",
        treatment=0.11,
        revenue=(1.0, 1.06),
        change="annual plan shown first on the pricing page",
        industry="saas",
    )
    finish(store, "rise", treatment=0.09, change="all prices raised", industry="saas")
    finish(store, "green", treatment=0.1003, change="green buy button", industry="retail")
    return store


def document(memory: Memory, name: str, collection: str = "experiments") -> Document:
    return memory.documents.get(collection, [name])[name]


def test_finished_experiments_are_described_and_found(past: Store, memory: Memory) -> None:
    assert learn(past, memory).experiments == 3
    page = search(memory, EXPERIMENTS, "yearly subscription offered before the monthly one")
    assert page.hits[0].document.document_id == "annual"
    text = page.hits[0].document.text
    assert "improvement +10.00 %" in text
    assert "Verdict: ship" in text
    assert "Lesson: this pricing change improved conversion" in text


def test_a_plan_whose_variants_only_have_ids_tells_its_change_by_its_name(
    store: Store, memory: Memory
) -> None:
    finish(store, "bar", treatment=0.11, change="", name="Progress bar over the checkout steps")
    learn(store, memory)
    told = document(memory, "bar").metadata["optimization_applied"]
    assert told == "Progress bar over the checkout steps"
    (pattern,) = memory.documents.select("optimization_patterns", limit=1)
    assert "Tried: Progress bar over the checkout steps" in pattern.text


def test_outcomes_follow_the_verdict(past: Store, memory: Memory) -> None:
    learn(past, memory)
    outcomes = {name: document(memory, name).metadata["outcome"] for name in ("annual", "rise")}
    assert outcomes == {"annual": "success", "rise": "failure"}
    assert document(memory, "green").metadata["outcome"] == "neutral"
    assert document(memory, "annual").metadata["revenue_impact"] == pytest.approx(0.06)


def test_learning_again_changes_nothing(past: Store, memory: Memory) -> None:
    learn(past, memory)
    again = learn(past, memory)
    assert (again.experiments, again.patterns) == (0, 0)
    assert memory.documents.count("experiments") == 3


def test_running_experiments_and_drafts_are_not_remembered(store: Store, memory: Memory) -> None:
    finish(store, "now", status="running")
    finish(store, "soon", status="draft")
    assert learn(store, memory).experiments == 0
    store.experiments.set_status("now", "stopped")
    assert learn(store, memory).experiments == 1


def test_an_experiment_with_broken_randomisation_teaches_no_effect(
    store: Store, memory: Memory
) -> None:
    finish(store, "broken", treatment=0.2, treatment_n=20_000)
    learn(store, memory)
    remembered = document(memory, "broken")
    assert "outcome" not in remembered.metadata
    assert remembered.metadata["decision"] == "invalid"
    assert "nothing can be learnt about the effect" in remembered.text
    assert memory.documents.count("optimization_patterns") == 0


def test_patterns_pool_experiments_of_a_kind(past: Store, memory: Memory) -> None:
    learn(past, memory)
    pattern = document(memory, "pricing|saas", "optimization_patterns")
    assert pattern.metadata["experiments"] == ("annual", "rise")
    assert (pattern.metadata["successes"], pattern.metadata["failures"]) == (1, 1)
    assert pattern.metadata["outcome"] == "neutral"
    assert pattern.metadata["improvement"] == pytest.approx(0.0, abs=0.01)


def test_two_equal_experiments_pool_to_a_tighter_one() -> None:
    pooled = pool([(0.04, 0.02), (0.04, 0.02)])
    assert pooled is not None
    assert (pooled.mean, pooled.between_sd) == (pytest.approx(0.04), 0)
    assert pooled.standard_error == pytest.approx(0.02 / 2**0.5)


def test_effects_that_differ_by_more_than_noise_spread() -> None:
    """By symmetry the mean is .5; the sample variance .25 is .04 of noise and .21 of spread."""
    pooled = pool([(0.0, 0.2), (0.5, 0.2), (1.0, 0.2)])
    assert pooled is not None
    assert pooled.mean == pytest.approx(0.5)
    assert pooled.between_sd**2 == pytest.approx(0.21, rel=1e-3)
    assert pooled.standard_error == pytest.approx(((0.04 + 0.21) / 3) ** 0.5, rel=1e-3)


def test_nothing_pools_to_nothing() -> None:
    assert pool([]) is None
    assert pool([(0.1, 0.0), (float("nan"), 0.1)]) is None


def test_a_learner_does_not_look_twice_in_a_moment(past: Store, memory: Memory) -> None:
    learner = Learner(past, memory, every_seconds=60)
    first = learner.catch_up()
    assert first is not None
    assert first.experiments == 3
    assert learner.catch_up() is None
    assert learner.catch_up(at_once=True) is not None


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Cheaper annual plan on the pricing page", "pricing"),
        ("One-page checkout instead of a cart", "checkout"),
        ("Testimonials and ratings below the hero", "social_proof"),
        ("Rotate the frobnicator", "other"),
    ],
)
def test_the_kind_of_change_is_read_from_words(text: str, category: str) -> None:
    assert category_of_text(text) == category


def test_a_learner_says_until_it_is_level_that_something_may_be_missing(
    past: Store, memory: Memory
) -> None:
    learner = Learner(past, memory)
    assert learner.behind
    learnt = learner.catch_up()
    assert learnt is not None
    assert learnt.experiments == 3
    assert not learner.behind
