"""The workspace opens memory and models from the environment's settings."""

import weakref

import pytest

from neonblue.errors import UnavailableError
from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.minilm import MiniLM
from neonblue.memory.search import search
from neonblue.stores.documents import Document
from neonblue.workspace import Workspace, open_workspace


def test_the_memory_works_without_any_key_or_server(workspace: Workspace) -> None:
    workspace.memory.remember(
        EXPERIMENTS, [Document(document_id="a", text="blue checkout button", metadata={})]
    )
    page = search(workspace.memory, EXPERIMENTS, "azure payment button")
    assert [hit.document.document_id for hit in page.hits] == ["a"]
    assert workspace.language_model is None


def test_what_was_remembered_is_there_after_a_restart(data_dir: object) -> None:
    with open_workspace() as first:
        assert first.memory.index_states.wait_until_ready(60)
        first.memory.remember(
            EXPERIMENTS, [Document(document_id="a", text="blue checkout button", metadata={})]
        )
    with open_workspace() as second:
        assert second.memory.index_states.wait_until_ready(60)
        page = search(second.memory, EXPERIMENTS, "azure payment button")
        assert page.answered_by == "index"
        assert [hit.document.document_id for hit in page.hits] == ["a"]


def test_a_configured_provider_without_a_key_is_said_when_it_is_needed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEONBLUE_EMBEDDING_PROVIDER", "openai")
    with pytest.raises(UnavailableError, match="OPENAI_API_KEY"):
        _ = workspace.memory


def test_a_closed_workspace_gives_its_model_back_at_once(data_dir: object) -> None:
    """Also while something still refers to it, as cycles do until they are collected."""
    with open_workspace() as workspace:
        embedder = workspace.embedder
        assert isinstance(embedder, MiniLM)
        before = embedder.embed(["checkout"])
        session = weakref.ref(embedder._session)
    assert session() is None
    assert (embedder.embed(["checkout"]) == before).all()
