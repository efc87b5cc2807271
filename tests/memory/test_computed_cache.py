"""What is computed from a collection: once, again when it changed, and without anybody waiting."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from neonblue.memory.computed_cache import ComputedCache


@pytest.fixture
def values() -> Iterator[ComputedCache]:
    opened = ComputedCache()
    yield opened
    opened.close()


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_value_is_kept_until_its_collection_changes(values: ComputedCache) -> None:
    assert values.get("experiments", "count", lambda: 1) == 1
    values.changed("user_journeys")
    assert values.get("experiments", "count", lambda: 2) == 1
    values.changed("experiments")
    assert values.get("experiments", "count", lambda: 3) == 3


def test_many_who_ask_at_once_have_it_made_once(values: ComputedCache) -> None:
    made: list[int] = []

    def slowly() -> int:
        time.sleep(0.05)
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: values.get("experiments", "n", slowly), range(8)))
    assert (found, made) == ({1}, [1])


def test_who_need_not_be_up_to_date_never_waits(values: ComputedCache) -> None:
    go_on = threading.Event()

    def made_anew() -> str:
        go_on.wait(20)
        return "new"

    values.get("experiments", "word", lambda: "old")
    values.changed("experiments")
    for _ in range(3):
        assert values.get("experiments", "word", made_anew, late=True) == "old"
    go_on.set()
    eventually(lambda: values.get("experiments", "word", made_anew, late=True) == "new")


def test_what_changes_meanwhile_makes_it_old_again(values: ComputedCache) -> None:
    def overtaken() -> str:
        values.changed("experiments")
        return "overtaken"

    assert values.get("experiments", "word", overtaken) == "overtaken"
    assert values.get("experiments", "word", lambda: "new") == "new"


def test_nothing_known_is_never_good_enough(values: ComputedCache) -> None:
    assert values.get("experiments", "word", lambda: None) is None
    values.changed("experiments")
    assert values.get("experiments", "word", lambda: "known now", late=True) == "known now"


def test_a_failure_in_the_background_is_told_and_tried_again(
    values: ComputedCache, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> str:
        raise OSError("the disk is away")

    values.get("experiments", "word", lambda: "old")
    values.changed("experiments")
    with caplog.at_level(logging.WARNING):
        assert values.get("experiments", "word", fails, late=True) == "old"
        eventually(lambda: "the disk is away" in caplog.text)
    eventually(lambda: values.get("experiments", "word", lambda: "new", late=True) == "new")


def test_where_others_write_too_it_lasts_a_while() -> None:
    values = ComputedCache(lasts_seconds=0.05)
    assert values.get("experiments", "word", lambda: "old") == "old"
    time.sleep(0.06)
    assert values.get("experiments", "word", lambda: "new") == "new"
    values.close()


def test_closed_it_begins_nothing_any_more(values: ComputedCache) -> None:
    values.get("experiments", "word", lambda: "old")
    values.changed("experiments")
    values.close()
    assert values.get("experiments", "word", lambda: "new", late=True) == "old"
