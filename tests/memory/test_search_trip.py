"""A search goes through few files of the memory, so one can read them all."""

from typing import Any

import pytest
from tests.services.files_crossed import watched

from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.library import Memory
from neonblue.memory.search import search
from neonblue.stores.documents import Document

ALWAYS = {"contents", "index_process", "library", "live_index", "minilm", "search"}


@pytest.mark.parametrize(
    ("filters", "crossed_as_well"), [(None, set()), ({"outcome": "success"}, {"filters"})]
)
def test_a_search_goes_through_six_files_and_one_more_if_filtered(
    memory: Memory, filters: dict[str, Any] | None, crossed_as_well: set[str]
) -> None:
    documents = [
        Document(document_id=name, text=f"the {name} page", metadata={"outcome": "success"})
        for name in ("pricing", "checkout", "search")
    ]
    memory.remember(EXPERIMENTS, documents)
    search(memory, EXPERIMENTS, "has read the words and facts")
    with watched("src/neonblue/memory") as crossed:
        page = search(memory, EXPERIMENTS, "checkout", filters=filters)
    assert page.hits[0].document.document_id == "checkout"
    names = {path.rsplit("/", 1)[1].removesuffix(".py") for path in crossed.files}
    assert names == ALWAYS | crossed_as_well
