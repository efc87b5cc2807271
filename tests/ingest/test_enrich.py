"""Enrichment in columns says what a slow reading of each unit's past would say."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from neonblue.behavior.event_kinds import CONSIDER, CONVERT, KINDS, LEAVE, OTHER, VIEW, kind_of
from neonblue.behavior.model_files import ModelFiles
from neonblue.behavior.next_action_training import train_next_action
from neonblue.behavior.sequences import Sequences
from neonblue.behavior.streaming_intent import fit_streaming_intent
from neonblue.ingest.messages.decode import EventDecoder
from neonblue.ingest.stream.activity import Features
from neonblue.ingest.stream.batch import Enrichment
from neonblue.ingest.stream.enrich import Enricher
from neonblue.ingest.stream.scorer import RuleScorer, Scores
from neonblue.ingest.stream.trained_models import TrainedNextAction, TrainedScorer
from neonblue.stores import Store


def decoded(contents: list[dict[str, Any]]) -> pa.Table:
    return EventDecoder("test").decode([json.dumps(each).encode() for each in contents]).events


def stages(enricher: Enricher, contents: list[dict[str, Any]]) -> list[str]:
    enrichment, poison = enricher.enrich(decoded(contents))
    assert poison == []
    return list(enrichment.rows["user_journey_stage"].to_pylist())


def test_a_unit_moves_through_the_stages(make_event: Any) -> None:
    types = ["page_view", "page_view", "click", "click", "search", "add_to_cart", "purchase"]
    contents = [
        make_event(n, user_id="one", event_type=each, event_id=f"x{n}")
        for n, each in enumerate([*types, "unsubscribe"])
    ]
    expected = ["new", *["exploring"] * 3, "engaged", "considering", "converted", "leaving"]
    assert stages(Enricher(), contents) == expected
    # The same, message by message: the past is carried from batch to batch.
    enricher = Enricher()
    assert [stages(enricher, [each])[0] for each in contents] == expected


def test_a_long_pause_ends_the_recent_past(make_event: Any) -> None:
    contents = [
        make_event(1, user_id="one", event_type="purchase", timestamp="2026-01-01T00:00:00Z"),
        make_event(2, user_id="one", event_type="page_view", timestamp="2026-02-09T00:00:00Z"),
        make_event(3, user_id="one", event_type="page_view", timestamp="2026-02-09T00:01:00Z"),
    ]
    assert stages(Enricher(), contents) == ["converted", "new", "exploring"]
    enricher = Enricher()
    assert [stages(enricher, [each])[0] for each in contents] == ["converted", "new", "exploring"]


def test_batches_of_any_size_give_the_same_enrichment(make_event: Any) -> None:
    contents = [make_event(number) for number in range(300)]
    whole, parts = Enricher(), Enricher()
    together, _ = whole.enrich(decoded(contents))
    apart = [parts.enrich(decoded(contents[at : at + 37]))[0] for at in range(0, 300, 37)]
    names = ["user_journey_stage", "behavioral_score", "intent", "segment", "text_hash"]
    columns = pa.concat_tables([each.rows for each in apart]).select(names)
    assert columns.to_pydict() == together.rows.select(names).to_pydict()


def test_the_next_action_is_the_most_frequent_successor(make_event: Any) -> None:
    cycle = ["page_view", "click", "purchase"]
    contents = [
        make_event(n, user_id="one", event_id=f"x{n}", event_type=cycle[n % 3]) for n in range(90)
    ]
    enricher = Enricher()
    first, _ = enricher.enrich(decoded(contents))
    assert set(first.rows["likely_next_action"].to_pylist()) == {""}
    later, _ = enricher.enrich(decoded(contents[:3]))
    assert later.rows["likely_next_action"].to_pylist() == ["click", "purchase", "page_view"]
    assert min(later.rows["next_action_probability"].to_pylist()) > 0.9


def test_the_platforms_own_segment_wins(make_event: Any) -> None:
    contents = [make_event(1, properties={"segment": "vip"}), make_event(2, properties={})]
    enrichment, _ = Enricher().enrich(decoded(contents))
    assert enrichment.rows["segment"].to_pylist() == ["vip", "new"]


def test_poison_hurts_nobody_else(make_event: Any) -> None:
    class Picky(RuleScorer):
        def score(self, features: Features) -> Scores:
            if (features.kinds == LEAVE).any():
                raise ZeroDivisionError("poison")
            return super().score(features)

    contents = [make_event(number) for number in range(20)]
    contents[7]["event_type"] = "unsubscribe"
    enrichment, poison = Enricher(Picky()).enrich(decoded(contents))
    assert [row for row, _ in poison] == [7]
    assert list(enrichment.positions) == [row for row in range(20) if row != 7]
    assert enrichment.rows["event_id"].to_pylist() == [f"e{n}" for n in range(20) if n != 7]


def test_a_new_worker_recalls_what_clickhouse_has(store: Store, make_event: Any) -> None:
    contents = [
        make_event(1, user_id="one", event_type="page_view"),
        make_event(2, user_id="one", event_type="add_to_cart"),
    ]
    store.events.insert(decoded(contents))
    enricher = Enricher()
    enricher.recall(store)
    assert stages(enricher, [make_event(3, user_id="one", event_type="page_view")]) == [
        "considering"
    ]


def test_the_past_of_units_is_bounded(make_event: Any) -> None:
    from neonblue.ingest.stream.activity import Activity

    activity = Activity(max_units=1000)
    for start in range(0, 5000, 250):
        contents = [
            make_event(n, user_id=f"unit{n}", event_id=f"x{n}") for n in range(start, start + 250)
        ]
        activity.keep(activity.look(decoded(contents)))
        assert len(activity) <= 1250


def test_kinds_are_read_from_words() -> None:
    kinds = {"PageView": VIEW, "add_to_cart": CONSIDER, "order-placed": CONVERT, "xyzzy": OTHER}
    assert {name: kind_of(name) for name in kinds} == kinds


def test_words_and_sentiment_come_from_type_and_wordy_properties(make_event: Any) -> None:
    comments = ["great and easy", "not good at all", "how does it work", None]
    contents = [
        make_event(n, event_type="survey", properties={"comment": text, "id": "great"})
        for n, text in enumerate(comments)
    ]
    enrichment, _ = Enricher().enrich(decoded(contents))
    assert enrichment.rows["sentiment_score"].to_pylist() == [1, -1, None, None]
    assert enrichment.rows["context_keywords"].to_pylist()[::3] == [
        "survey great easy",
        "survey",
    ]


def test_equal_texts_have_equal_hashes_and_order_counts(make_event: Any) -> None:
    properties = [
        {"page": "a", "title": "b"},
        {"page": "a", "title": "b"},
        {"page": "b", "title": "a"},
    ]
    contents = [make_event(n, event_type="x", properties=each) for n, each in enumerate(properties)]
    enrichment, _ = Enricher().enrich(decoded(contents))
    same, again, other = enrichment.rows["text_hash"].to_pylist()
    assert same == again != other


def test_a_trained_model_takes_the_rules_place(tmp_path: Path, make_event: Any) -> None:
    files = ModelFiles(tmp_path)
    scorer = TrainedScorer(files)
    contents = [
        make_event(n, user_id="one", event_id=f"x{n}", event_type="page_view") for n in range(3)
    ]
    enricher = Enricher(scorer)
    by_rules, _ = enricher.enrich(decoded(contents))
    assert set(by_rules.rows["made_by"].to_pylist()[0].split('"')) >= {"rules-1"}
    counts = np.random.default_rng(1).poisson(2, size=(400, len(KINDS))).astype(float)
    rows = np.column_stack([counts, np.zeros_like(counts), np.ones(400)])
    quick = fit_streaming_intent(rows, counts[:, VIEW] > 2)
    files.publish("intent", quick.arrays(), {})
    by_model, _ = Enricher(scorer).enrich(decoded(contents))
    made_by = json.loads(by_model.rows["made_by"].to_pylist()[0])
    assert made_by["behavioral_score"] == made_by["intent_prediction"] == "intent-v1"
    scores = by_model.rows["behavioral_score"].to_pylist()
    assert scores == sorted(scores)
    assert 0 < scores[0] < scores[-1] < 1


def test_a_trained_next_action_takes_the_counts_place(
    tmp_path: Path, make_event: Any, store: Store
) -> None:
    """Also for units that ClickHouse remembers, and an exposure is no step."""
    files = ModelFiles(tmp_path / "models")
    cycle = np.tile([1, 2, 3], 100)
    sequences = Sequences(steps=np.tile(cycle, 2), lengths=np.full(60, 10))
    model = train_next_action(sequences, ("cart", "pay", "thanks"), lambda *_: None)
    types = ["cart", "exposure", "pay", "never seen", "thanks", "cart"]
    contents = [
        make_event(n, user_id="one", event_id=f"x{n}", event_type=each)
        for n, each in enumerate(types)
    ]
    enricher = Enricher(next_action=TrainedNextAction(files))
    counted, _ = enricher.enrich(decoded(contents[:1]))
    assert made_by(counted) == {"transitions-1"}
    files.publish("next_action", model.arrays(), {"names": model.names})
    rest, _ = enricher.enrich(decoded(contents[1:]))
    assert made_by(rest) == {"next_action-v1"}
    likely = rest.rows["likely_next_action"].to_pylist()
    assert [likely[place] for place in (0, 1, 3, 4)] == ["pay", "thanks", "cart", "pay"]
    assert min(rest.rows["next_action_probability"].to_pylist()) > 0
    store.events.insert(decoded(contents[:3]))
    again = Enricher(next_action=TrainedNextAction(files))
    again.recall(store)
    after, _ = again.enrich(decoded([make_event(9, user_id="one", event_type="exposure")]))
    assert after.rows["likely_next_action"].to_pylist() == ["thanks"]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def _of_another_shape(folder: Path, kind: str) -> None:
    ModelFiles(folder).publish(kind, {"quick_weights": np.ones(3), "a": np.ones(1)}, {})


DAMAGE: dict[str, Callable[[Path, str], object]] = {
    "cut": lambda folder, kind: _cut(folder / kind / "0001.npz"),
    "no description": lambda folder, kind: (folder / kind / "0001.json").unlink(),
    "no file": lambda folder, kind: (folder / kind / "0001.npz").unlink(),
    "rubbish for a version": lambda folder, kind: (folder / kind / "CURRENT").write_bytes(b"\xff"),
    "another shape": _of_another_shape,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_model_gives_way_to_the_rules_with_a_warning(
    tmp_path: Path, make_event: Any, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    files = ModelFiles(tmp_path)
    counts = np.random.default_rng(1).poisson(2, size=(400, len(KINDS))).astype(float)
    rows = np.column_stack([counts, np.zeros_like(counts), np.ones(400)])
    files.publish("intent", fit_streaming_intent(rows, counts[:, VIEW] > 2).arrays(), {})
    sequences = Sequences(steps=np.tile([1, 2, 3], 200), lengths=np.full(60, 10))
    model = train_next_action(sequences, ("cart", "pay", "thanks"), lambda *_: None)
    files.publish("next_action", model.arrays(), {"names": model.names})
    for kind in ("intent", "next_action"):
        DAMAGE[damage](tmp_path, kind)
    enricher = Enricher(
        TrainedScorer(ModelFiles(tmp_path)), TrainedNextAction(ModelFiles(tmp_path))
    )
    enrichment, poison = enricher.enrich(decoded([make_event(n) for n in range(30)]))
    assert (enrichment.rows.num_rows, poison) == (30, [])
    (said,) = {json.loads(each)["behavioral_score"] for each in columns(enrichment, "made_by")}
    assert (said, made_by(enrichment)) == ("rules-1", {"transitions-1"})
    warnings = [each.message for each in caplog.records if each.levelname == "WARNING"]
    assert len(warnings) == 2
    assert all("the rules take its place" in each for each in warnings)


def columns(enrichment: Enrichment, name: str) -> list[Any]:
    return list(enrichment.rows[name].to_pylist())


def made_by(enrichment: Enrichment) -> set[str]:
    rows = enrichment.rows["made_by"].to_pylist()
    return {json.loads(row)["prediction_context"] for row in rows}
