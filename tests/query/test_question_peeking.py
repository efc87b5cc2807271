"""No question shows outcomes by variant of a running experiment without a recorded look.

``prices`` runs; ``cell`` names its variants, ``cookie`` begins with them, ``half`` and ``other``
tell them together, ``new_page_prices`` is an event of the treatment alone.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from tests.query.conftest import DAY, fill

from neonblue.settings import StoreSettings
from neonblue.stores.events import event_schema
from neonblue.workspace import Workspace

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WITHHELD = (
    "number of orders by cell",
    "orders per cell in the last 20 days",
    "rate of orders by cell",
    "share of users who ordered with cell B",
    "how many users ordered by cookie",
    "daily orders by cell since 1 November",
    "orders by half and with other 0",
    "orders by half with other 1",
    "orders of other 1 by half each day",
    "share of users with new_page_prices who ordered",
    "funnel from new_page_prices to order",
    "how many new_page_prices events",
    "what comes after new_page_prices?",
    "what happens before new_page_prices?",
    "why did new_page_prices change since 3 November?",
    "day 1 retention by cell",
    "day 1 retention with cell B",
    "day 1 retention by cookie",
    "why did orders rise since 3 November with cell B?",
    "average order value by cell",
    "orders by country and cell",
    "orders by cell and country in the last 20 days",
    "number of orders not from cell B",
    "what share of orders came from cell B",
    "share of orders by cell",
    "orders per exposure by cell",
    "number of exposed users who did not order by cell",
    "busiest days for orders in cell B",
    "orders over 21",
    "number of orders of at most 20 by country",
    "median order value",
    "what was the largest order",
)
NAMES = ("control", "treatment", "cell", "cookie", "new_page_prices", "half", "other")
SHOWN = (
    "what comes before an order?",
    "what comes after an exposure?",
    "number of events by event type",
    "why did orders change since 3 November?",
    "why did revenue of orders move since 3 November?",
    "orders by country",
    "day 1 retention by country",
    "orders by experiment",
)
LOOKS = ("How is the prices test doing?", "Did the prices test work?", "Should we ship prices?")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: Any) -> Iterator[Workspace]:
    opened = Workspace(StoreSettings(data_dir=tmp_path_factory.mktemp("peeking")))
    fill(opened.store)
    rows = opened.store.database.rows(
        "SELECT user_id, variant_id FROM events WHERE event_type = 'exposure' "
        "AND experiment_id = 'prices' ORDER BY user_id"
    )
    told = []
    for number, (user, variant) in enumerate(rows):
        half = number % 2
        other = half if variant == "treatment" else 1 - half
        told.append(
            {
                "event_id": f"told-{number}",
                "user_id": user,
                "experiment_id": "prices",
                "variant_id": variant,
                "session_id": "",
                "source": "test",
                "event_type": "order",
                "timestamp": DAY.replace(day=4),
                "value": None,
                "properties": [("half", str(half)), ("other", str(other))],
            }
        )
    opened.store.events.insert(pa.Table.from_pylist(told, schema=event_schema()))
    yield opened
    opened.close()


def looks(workspace: Workspace) -> int:
    return len(workspace.store.looks.history("prices", metric="", limit=1000))


@pytest.mark.parametrize("question", WITHHELD)
def test_what_tells_the_variants_is_withheld(filled: Workspace, question: str) -> None:
    before = looks(filled)
    answered = filled.answerer.answer(question, (), now=NOW)
    assert answered.status in ("withheld", "unsupported", "ambiguous"), answered.sentence
    assert answered.rows == ()
    assert looks(filled) == before


@pytest.mark.parametrize("question", SHOWN)
def test_what_is_shown_names_nothing_that_tells(filled: Workspace, question: str) -> None:
    answered = filled.answerer.answer(question, (), now=NOW)
    assert answered.status == "ok", answered.sentence
    shown = str([{k: v for k, v in row.items() if k == "slice"} for row in answered.rows])
    assert not [name for name in NAMES if name in shown]


@pytest.mark.parametrize("question", LOOKS)
def test_results_are_a_recorded_look(filled: Workspace, question: str) -> None:
    before = looks(filled)
    answered = filled.answerer.answer(question, (), now=NOW)
    assert answered.status == "ok", answered.sentence
    assert looks(filled) == before + 1


def test_most_of_them_are_understood_and_withheld(filled: Workspace) -> None:
    """Declining for want of words would be no gate."""
    statuses = [filled.answerer.answer(one, (), now=NOW).status for one in WITHHELD]
    assert statuses.count("withheld") >= 12


def test_similar_experiments_show_no_figures_of_one_that_runs(filled: Workspace) -> None:
    for question in ("experiments similar to our shop test", "experiments like the prices test"):
        answered = filled.answerer.answer(question, (), now=NOW)
        of = [row for row in answered.rows if row["experiment_id"] == "prices"]
        assert all(set(row) <= {"experiment_id", "similarity"} for row in of)
