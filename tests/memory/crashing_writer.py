"""A process that writes to the memory until it is killed; run by ``test_kill.py``.

Prints ``searched N`` once a first search was answered, then each document's number when it was
acknowledged. Arguments: data folder, first number to write.
"""

import sys
from pathlib import Path

from neonblue.memory.collections import USER_JOURNEYS
from neonblue.memory.embedding import open_embedder
from neonblue.memory.library import Memory
from neonblue.memory.search import search
from neonblue.stores import open_store
from neonblue.stores.documents import Document

BATCH = 20


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def write_forever(folder: Path, first: int) -> None:
    store = open_store(f"chdb://{folder / 'clickhouse'}")
    memory = Memory(store.documents, open_embedder(), folder / "chroma").start()
    page = search(memory, USER_JOURNEYS, "journey of visitor one", limit=1)
    say(f"searched {len(page.hits)}")
    memory.index_states.wait_until_ready(60)
    number = first
    while True:
        batch = [
            Document(document_id=f"{n:06d}", text=f"journey of visitor {n}", metadata={})
            for n in range(number, number + BATCH)
        ]
        memory.remember(USER_JOURNEYS, batch)
        number += BATCH
        say(str(number))


if __name__ == "__main__":
    write_forever(Path(sys.argv[1]), int(sys.argv[2]))
