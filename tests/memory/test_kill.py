"""Killing a busy writer loses no acknowledged document and never stops searches."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neonblue.memory.collections import USER_JOURNEYS
from neonblue.memory.embedding import Embedder
from neonblue.memory.library import Memory
from neonblue.memory.search import search
from neonblue.stores import open_store

KILLS = 20
WRITER = Path(__file__).with_name("crashing_writer.py")


def run_and_kill(folder: Path, first: int, after_seconds: float) -> tuple[str, int]:
    """Start a writer, kill it some time after its first write; its first line and last number."""
    writer = subprocess.Popen(
        [sys.executable, str(WRITER), str(folder), str(first)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    searched = writer.stdout.readline().strip()
    numbers = [writer.stdout.readline()]
    time.sleep(after_seconds)
    writer.kill()
    numbers += writer.stdout.read().split()
    writer.wait()
    return searched, max(int(number) for number in numbers if number.strip())


@pytest.mark.timeout(900)
def test_twenty_kills_under_writes_lose_nothing(tmp_path: Path, embedder: Embedder) -> None:
    moments = random.Random(20)
    acknowledged = 0
    for kill in range(KILLS):
        searched, acknowledged = run_and_kill(tmp_path, acknowledged, moments.uniform(0, 1.2))
        assert searched == f"searched {min(kill, 1)}"
    store = open_store(f"chdb://{tmp_path / 'clickhouse'}")
    memory = Memory(store.documents, embedder, tmp_path / "chroma").start()
    wanted = {f"{number:06d}" for number in range(acknowledged)}
    assert wanted <= store.documents.hashes("user_journeys", embedder.fingerprint).keys()
    assert len(search(memory, USER_JOURNEYS, "visitor 7").hits) == 10
    assert memory.index_states.wait_until_ready(120)
    assert wanted <= memory.index.hashes("user_journeys").keys()
    page = search(memory, USER_JOURNEYS, "visitor 7")
    assert (page.answered_by, len(page.hits)) == ("index", 10)
    memory.close()
    store.close()
