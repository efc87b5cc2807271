"""Every name of the metadata is in Chroma, means something in real data, and can be filtered by."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from neonblue.ingest.stream.journey_index import JourneyIndex
from neonblue.ingest.stream.status import StatusBoard
from neonblue.ingest.stream.telemetry import Telemetry
from neonblue.intelligence.recollection.learning import learn
from neonblue.intelligence.segment_discovery import discover_segments
from neonblue.intelligence.segment_memory import remember_segments
from neonblue.memory.collections import collection_named
from neonblue.memory.index_folder import own_folder
from neonblue.memory.library import Memory
from neonblue.memory.search import search
from neonblue.memory.vector_index import VectorIndex
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stores import Store

if TYPE_CHECKING:
    import pyarrow as pa

START = datetime(2026, 1, 5, tzinfo=UTC)
NOW = START + timedelta(days=60)
NAMES: dict[str, dict[str, type]] = {
    "experiments": {
        "experiment_id": str,
        "type": str,
        "industry": str,
        "user_segment": str,
        "conversion_rate": float,
        "statistical_power": float,
        "statistical_significance": float,
        "sample_size": float,
        "outcome": str,
        "optimization_applied": str,
        "timestamp": float,
    },
    "user_journeys": {
        "user_segment": str,
        "journey_length": float,
        "session_duration": float,
        "conversion_outcome": str,
        "value": float,
        "device_type": str,
        "traffic_source": str,
    },
    "optimization_patterns": {
        "optimization_type": str,
        "outcome": str,
        "improvement": float,
        "applied_to_segments": list,
        "industry": str,
        "implementation_effort": str,
    },
}
# Experiment: purchase rates of control and treatment, by device where it differs, and who came.
RATES: dict[str, dict[str, tuple[float, float]]] = {
    "better": {"mobile": (0.2, 0.3)},
    "worse": {"mobile": (0.2, 0.12), "desktop": (0.2, 0.12)},
    "alike": {"mobile": (0.2, 0.2), "desktop": (0.2, 0.2)},
    "divided": {"mobile": (0.2, 0.32), "desktop": (0.2, 0.2)},
}
ABOUT = {
    "better": ("pricing", "saas"),
    "worse": ("checkout", "retail"),
    "alike": ("copy", "retail"),
    "divided": ("pricing", "retail"),
}
UNITS = 8000


def units_of(name: str) -> int:
    return UNITS + 100 * list(RATES).index(name)


def table(rows: list[dict[str, Any]]) -> "pa.Table":
    import pyarrow as pa

    from neonblue.stores.events import event_schema

    usual = {"variant_id": "", "session_id": "", "value": None, "source": "test"}
    return pa.Table.from_pylist([usual | row for row in rows], schema=event_schema())


def experiment_rows(name: str) -> list[dict[str, Any]]:
    numbers = np.random.default_rng(sum(map(ord, name)))
    rows = []
    for unit in range(units_of(name)):
        device = str(numbers.choice(list(RATES[name])))
        treated = bool(numbers.random() < 0.5)
        stem = {
            "user_id": f"{name}-{unit}",
            "experiment_id": name,
            "variant_id": "treatment" if treated else "control",
        }
        at = START + timedelta(seconds=60 * unit)
        properties = [("device", device), ("country", str(numbers.choice(["DE", "FR"])))]
        kinds = ["exposure"] + ["purchase"] * bool(numbers.random() < RATES[name][device][treated])
        for step, kind in enumerate(kinds):
            moment = at + timedelta(minutes=step)
            event = {"event_id": f"{kind}-{unit}", "event_type": kind, "timestamp": moment}
            rows.append(stem | event | {"properties": properties if kind == "exposure" else []})
    return rows


def plan(name: str) -> Experiment:
    kind, industry = ABOUT[name]
    return Experiment(
        experiment_id=name,
        name=f"The {name} {kind} test",
        experiment_type=kind,
        industry=industry,
        variants=(
            Variant(variant_id="control", is_control=True, description="as it is"),
            Variant(variant_id="treatment", description=f"a {kind} change that is {name}"),
        ),
        metrics=(MetricDefinition(name="bought", kind="proportion", event_type="purchase"),),
        status="stopped",
        started_at=START,
        ended_at=START + timedelta(days=21 + list(RATES).index(name)),
        planned_sample_size=units_of(name),
    )


def steps(user: str, *taken: tuple[float, str, dict[str, str]]) -> list[dict[str, Any]]:
    """What a user did: hours from the start, event type, and properties."""
    return [
        {
            "event_id": f"{user}-{row}",
            "user_id": user,
            "experiment_id": "",
            "event_type": kind,
            "timestamp": START + timedelta(hours=hours),
            "value": 30.0 if kind == "purchase" else None,
            "properties": list(properties.items()),
        }
        for row, (hours, kind, properties) in enumerate(taken)
    ]


JOURNEYS = [
    *steps(
        "buyer",
        (0.0, "page_view", {"device_type": "mobile", "utm_source": "newsletter"}),
        (0.1, "add_to_cart", {}),
        (0.2, "purchase", {}),
        # A week later for an hour and a half, long after the purchase.
        *((168 + 0.03 * visit, "page_view", {}) for visit in range(51)),
    ),
    *steps("member", (0.0, "page_view", {"device": "desktop", "tier": "gold"})),
    *steps("stranger", (0.0, "click", {}), (0.05, "click", {})),
]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A memory in which everything came in the way that it comes in production."""

    memory: Memory
    chroma: VectorIndex

    def in_chroma(self, collection: str) -> dict[str, dict[str, Any]]:
        found = self.chroma._collection(collection).get(include=["metadatas"])
        return {
            name: dict(metadata)
            for name, metadata in zip(found["ids"], found["metadatas"] or [], strict=True)
        }


@pytest.fixture
def filled(store: Store, memory: Memory, tmp_path: Path) -> Iterator[Filled]:
    for name in RATES:
        store.events.insert(table(experiment_rows(name)))
        store.experiments.save(plan(name))
    learn(store, memory)
    remember_segments(memory, discover_segments(store, "divided"), NOW)
    events = table(JOURNEYS)
    store.events.insert(events)
    store.journey_marks.touch(events["user_id"].unique())
    index = JourneyIndex(store, lambda: memory, StatusBoard(store, Telemetry()))
    assert index.catch_up() == 3
    # What Chroma itself has and finds, seen in a copy: the index is open in a process of its own.
    copy = shutil.copytree(own_folder(tmp_path / "chroma"), tmp_path / "copy")
    chroma = VectorIndex(copy, memory.embedder.fingerprint)
    yield Filled(memory=memory, chroma=chroma)
    chroma.close()


@pytest.mark.timeout(300)
def test_every_name_is_in_chroma_and_can_be_filtered_by(filled: Filled) -> None:
    for collection, names in NAMES.items():
        documents = filled.in_chroma(collection)
        assert len(documents) >= 3
        for document_id, metadata in documents.items():
            kinds = {name: type(metadata.get(name)) for name in names}
            assert kinds == names, document_id
            assert found_by_each(filled, collection, document_id, metadata)
        for name in names:
            if name != "experiment_id" and collection != "optimization_patterns":
                assert len({repr(each[name]) for each in documents.values()}) > 1, name


def found_by_each(
    filled: Filled, collection: str, document_id: str, metadata: Mapping[str, Any]
) -> bool:
    """Whether each name's value finds the document, in Chroma itself and through the search."""
    for name, kind in NAMES[collection].items():
        wanted = wanted_of(kind, metadata[name])
        where = [{name: {f"${operator}": value}} for operator, value in wanted.items()]
        chroma = filled.chroma._collection(collection)
        ids = chroma.get(where=where[0] if len(where) == 1 else {"$and": where})["ids"]
        assert document_id in ids, name
        page = search(
            filled.memory,
            collection_named(collection),
            "anything",
            filters={name: wanted},
            limit=50,
        )
        assert {hit.document.document_id for hit in page.hits} == set(ids), name
    return True


def wanted_of(kind: type, value: Any) -> dict[str, Any]:
    """The condition that a value meets; Chroma rounds the last digit of very small numbers."""
    if kind is list:
        return {"contains": value[0]}
    if kind is str:
        return {"eq": value}
    return {"gte": value - 1e-9 * abs(value), "lte": value + 1e-9 * abs(value)}


@pytest.mark.timeout(300)
def test_the_values_are_what_happened(filled: Filled) -> None:
    experiments = filled.in_chroma("experiments")
    assert {name: each["outcome"] for name, each in experiments.items()} == {
        "better": "success",
        "worse": "failure",
        "alike": "neutral",
        "divided": "success",
    }
    better = experiments["better"]
    assert better["user_segment"] == "device=mobile"
    assert experiments["worse"]["user_segment"] == "all users"
    assert better["conversion_rate"] == pytest.approx(0.2, abs=0.02)
    assert (
        better["statistical_significance"]
        < 0.001
        < experiments["alike"]["statistical_significance"]
    )
    assert 0.05 < better["statistical_power"] < 1
    assert better["sample_size"] == UNITS
    assert better["timestamp"] == (START + timedelta(days=21)).timestamp()
    assert better["optimization_applied"] == "a pricing change that is better"
    check_journeys(filled.in_chroma("user_journeys"))
    check_patterns(filled.in_chroma("optimization_patterns"))


def check_journeys(journeys: dict[str, dict[str, Any]]) -> None:
    buyer = journeys["buyer"]
    assert (buyer["conversion_outcome"], buyer["value"], buyer["journey_length"]) == (
        "converted",
        30.0,
        54.0,
    )
    assert buyer["timestamp"] - buyer["started_at"] > 6 * 86_400
    # The mean of 0.2 and 1.5 hours, not the week between.
    assert buyer["session_duration"] == pytest.approx(3600 * 0.85)
    assert (buyer["device_type"], buyer["traffic_source"]) == ("mobile", "newsletter")
    assert buyer["user_segment"] == "regular"
    member, stranger = journeys["member"], journeys["stranger"]
    assert (member["user_segment"], member["device_type"]) == ("gold", "desktop")
    assert (stranger["device_type"], stranger["traffic_source"]) == ("unknown", "unknown")
    assert stranger["conversion_outcome"] == "not_converted"


def check_patterns(patterns: dict[str, dict[str, Any]]) -> None:
    pricing = patterns["pricing|"]
    assert pricing["industry"] == "all industries"
    assert sorted(pricing["applied_to_segments"]) == ["all users", "device=mobile"]
    assert (pricing["outcome"], pricing["implementation_effort"]) == ("success", "high")
    assert patterns["pricing|saas"]["industry"] == "saas"
    assert patterns["checkout|retail"]["improvement"] == pytest.approx(-0.4, abs=0.1)
    segments = {name: each for name, each in patterns.items() if name.startswith("segment:")}
    mobile = next(each for name, each in segments.items() if "mobile" in name)
    assert "mobile" in mobile["applied_to_segments"][0]
    assert (mobile["outcome"], mobile["industry"]) == ("confirmed", "retail")
    assert mobile["improvement"] == pytest.approx(0.6, abs=0.2)


def test_what_cannot_be_known_is_left_out(store: Store, memory: Memory) -> None:
    """An invalid experiment has no outcome and no rate: its effects are withheld."""
    rows = [
        row
        for row in experiment_rows("worse")
        if row["variant_id"] == "control" or int(row["event_id"].rpartition("-")[2]) % 3
    ]
    store.events.insert(table(rows))
    store.experiments.save(replace(plan("worse"), industry=""))
    learn(store, memory)
    metadata = memory.documents.get("experiments", ["worse"])["worse"].metadata
    assert metadata["decision"] == "invalid"
    absent = {"outcome", "conversion_rate", "statistical_significance", "industry"}
    assert absent.isdisjoint(metadata)
    assert memory.documents.count("optimization_patterns") == 0
