"""The road from a topic to rows: everything arrives once, and offsets follow the rows."""

import json
from typing import Any

import pytest

from neonblue.stores import Store


async def test_events_of_a_topic_become_rows(
    store: Store, topics: Any, make_message: Any, run_worker: Any, eventually: Any
) -> None:
    await topics.create(partitions=2)
    await topics.send(make_message(number) for number in range(500))
    async with run_worker(store, topics.settings):
        await eventually(lambda: store.events.count() == 500)
    assert await topics.committed() == 500
    assert store.enrichments.count() == 500


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_compressed_topics_are_read(
    codec: str, store: Store, topics: Any, make_message: Any, run_worker: Any, eventually: Any
) -> None:
    await topics.create()
    await topics.send((make_message(number) for number in range(50)), compression=codec)
    async with run_worker(store, topics.settings):
        await eventually(lambda: store.events.count() == 50)


async def test_a_bad_message_is_set_aside_with_its_place_and_bytes(
    store: Store, topics: Any, make_message: Any, run_worker: Any, eventually: Any
) -> None:
    await topics.create()
    bad = b"\xff not json"
    await topics.send([make_message(0), (b"k", bad), make_message(1)])
    async with run_worker(store, topics.settings):
        await eventually(lambda: store.events.count() == 2 and bool(store.dead_letters.counts()))
        (published,) = await topics.read(topics.settings.dead_topic, 1)
    (letter,) = store.dead_letters.waiting()
    assert (letter.offset, letter.payload, letter.key) == (1, bad, b"k")
    assert (published.value, dict(published.headers)["source.offset"]) == (bad, b"1")


async def test_enriched_events_keep_key_and_order(
    store: Store, topics: Any, make_message: Any, run_worker: Any
) -> None:
    enriched = f"enriched_{topics.name}"
    await topics.create(partitions=2, names=[enriched])
    sent = [make_message(number) for number in range(200)]
    await topics.send(sent)
    settings = topics.settings.model_copy(update={"enriched_topic": enriched})
    async with run_worker(store, settings):
        published = await topics.read(enriched, 200)
    contents = [json.loads(message.value) for message in published]
    for user in {content["user_id"] for content in contents}:
        numbers = [int(each["event_id"][1:]) for each in contents if each["user_id"] == user]
        assert numbers == sorted(numbers)
    assert all(
        message.key == json.loads(message.value)["user_id"].encode() for message in published
    )
    assert set(contents[0]) >= {"ai_context", "semantic_features", "prediction_context", "made_by"}
