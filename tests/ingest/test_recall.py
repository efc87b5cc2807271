"""A worker that gets units from another one goes on as if it had seen all their events itself."""

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from neonblue.ingest.messages.decode import EventDecoder
from neonblue.ingest.stream.enrich import Enricher
from neonblue.stores import Store

TYPES = ("page_view", "add_to_cart", "exposure", "search", "signup", "unsubscribe", "purchase")


def history(make_event: Any, *, seed: int, events: int, users: int) -> list[dict[str, Any]]:
    """Visits of many users over half a year, with pauses of minutes, hours and months."""
    rng = np.random.default_rng(seed)
    start = datetime.fromisoformat(make_event(0)["timestamp"]) - timedelta(days=170)
    at = {n: start + timedelta(hours=float(rng.uniform(0, 500))) for n in range(users)}
    made = []
    for number in range(events):
        user = int(rng.integers(users))
        at[user] += timedelta(minutes=float(rng.choice([1, 5, 40, 3000, 50_000], p=PAUSES)))
        made.append((at[user], number, user, str(rng.choice(TYPES, p=SHARES))))
    made = [each for each in made if each[0] < start + timedelta(days=169)]
    return [
        make_event(number, user_id=f"m{user}", event_type=kind, timestamp=moment.isoformat())
        for moment, number, user, kind in sorted(made)
    ]


PAUSES = (0.5, 0.3, 0.1, 0.07, 0.03)
SHARES = (0.5, 0.1, 0.1, 0.15, 0.05, 0.03, 0.07)


def decoded(contents: list[dict[str, Any]]) -> Any:
    batch = EventDecoder("test").decode([json.dumps(each).encode() for each in contents])
    assert not batch.rejections
    return batch.events


def shown(enricher: Enricher, contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was found out, without what comes from the counts over all units."""
    enrichment, poison = enricher.enrich(decoded(contents))
    assert not poison
    rows = enrichment.rows.drop_columns(["likely_next_action", "next_action_probability"])
    return list(rows.to_pylist())


def test_a_recalled_unit_is_what_one_worker_would_know(store: Store, make_event: Any) -> None:
    """Stage, score, intent and segment, sessions and pauses of months included."""
    contents = history(make_event, seed=7, events=6_000, users=120)
    earlier, later = contents[: len(contents) // 2], contents[len(contents) // 2 :]
    one = Enricher()
    shown(one, earlier)
    store.events.insert(decoded(earlier))
    other = Enricher()
    other.recall(store)
    recalled = {each["event_id"]: each for each in shown(other, later)}
    window = decoded(earlier)["timestamp"].to_pylist()[-1] - timedelta(days=30)
    recent = {each["user_id"] for each in earlier if each["timestamp"] >= window.isoformat()}
    expected = [each for each in shown(one, later) if each["user_id"] in recent]
    assert len(recent) > 60
    assert len({each["segment"] for each in expected}) > 2
    assert [recalled[each["event_id"]] for each in expected] == expected


def test_what_is_not_written_yet_is_not_forgotten(store: Store, make_event: Any) -> None:
    contents = [
        make_event(n, user_id="one", event_type=kind)
        for n, kind in enumerate(["page_view", "add_to_cart", "page_view"])
    ]
    enricher = Enricher()
    store.events.insert(decoded(contents[:1]))
    shown(enricher, contents[:2])
    enricher.recall(store)
    enricher.recall(store)
    (last,) = shown(enricher, contents[2:])
    assert last["user_journey_stage"] == "considering"


async def test_units_that_come_with_a_partition_are_recalled(
    store: Store, topics: Any, make_message: Any, run_worker: Any, eventually: Any
) -> None:
    """Another worker reads the purchases of half of the units, and leaves its partition."""
    await topics.create(partitions=2)
    settings = topics.settings.model_copy(update={"session_timeout_ms": 10_000})
    users = [f"unit{number}" for number in range(20)]

    def all_do(start: int, kind: str) -> list[tuple[bytes, bytes]]:
        return [
            make_message(start + n, user_id=user, event_type=kind) for n, user in enumerate(users)
        ]

    async with run_worker(store, settings) as first:
        async with run_worker(store, settings) as second:
            both = first._status.now, second._status.now
            await eventually(lambda: [len(each.partitions) for each in both] == [1, 1], 90)
            await topics.send(all_do(100, "purchase"))
            await eventually(lambda: sum(each.messages for each in both) == 20)
            assert both[1].messages > 0
        await eventually(lambda: len(both[0].partitions) == 2, 60)
        await topics.send(all_do(200, "page_view"))
        await eventually(lambda: store.enrichments.count() == 40)
    stages = store.database.rows(
        "SELECT DISTINCT user_journey_stage FROM event_enrichments FINAL "
        "WHERE toUInt32(substring(event_id, 2)) >= 200"
    )
    assert stages == [("converted",)]
