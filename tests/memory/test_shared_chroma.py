"""Several deployments and models on one Chroma server: each sees and removes what is its own."""

from dataclasses import replace

import chromadb
import numpy as np
import pytest
from tests.services.chroma import Chroma

from neonblue.errors import UnavailableError
from neonblue.memory.vector_index import VectorIndex
from neonblue.stores import Store
from neonblue.stores.documents import Document, EmbeddedDocument

COLLECTION = "user_journeys"


def index_of(chroma: Chroma, deployment: str, fingerprint: str) -> VectorIndex:
    return VectorIndex(replace(chroma.place, deployment=deployment), fingerprint)


def embedded(name: str, fingerprint: str) -> EmbeddedDocument:
    vector = np.asarray([0.6, 0.8], dtype=np.float32)
    document = Document(document_id=name, text=name, metadata={"user_id": name})
    return EmbeddedDocument(document=document, vector=vector, fingerprint=fingerprint)


def test_nobody_sees_or_discards_what_another_has(chroma: Chroma) -> None:
    """Two deployments, two models in one of them, and a collection that is not ours."""
    others = chromadb.HttpClient(host=chroma.place.host, port=chroma.place.port)
    others.get_or_create_collection(COLLECTION, metadata={"owner": "neonblue"})
    others.get_or_create_collection("theirs").upsert(ids=["x"], embeddings=[[1.0, 0.0]])
    owners = [("here", "m:1"), ("here", "m:2"), ("there", "m:1")]
    indexes = {each: index_of(chroma, *each) for each in owners}
    for (deployment, model), index in indexes.items():
        index.upsert(COLLECTION, [embedded(f"{deployment} {model}", model)])
    for (deployment, model), index in indexes.items():
        assert list(index.hashes(COLLECTION)) == [f"{deployment} {model}"]
    indexes["here", "m:1"].discard()
    assert indexes["here", "m:1"].count(COLLECTION) == 0
    assert indexes["here", "m:2"].count(COLLECTION) == 1
    assert indexes["there", "m:1"].count(COLLECTION) == 1
    assert others.get_collection("theirs").count() == 1
    others.get_collection(COLLECTION)
    for index in indexes.values():
        index.close()


def test_a_tenant_and_a_database_of_ones_own(chroma: Chroma) -> None:
    admin = chromadb.AdminClient(
        chromadb.Settings(
            chroma_api_impl="chromadb.api.fastapi.FastAPI",
            chroma_server_host=chroma.place.host,
            chroma_server_http_port=chroma.place.port,
        )
    )
    admin.create_tenant("company")
    admin.create_database("growth", "company")
    place = replace(chroma.place, tenant="company", database="growth", api_key="key")
    index = VectorIndex(place, "m:1")
    index.upsert(COLLECTION, [embedded("ann", "m:1")])
    assert index.count(COLLECTION) == 1
    assert VectorIndex(chroma.place, "m:1").count(COLLECTION) == 0
    with pytest.raises(UnavailableError, match="nowhere"):
        VectorIndex(replace(place, database="nowhere"), "m:1").count(COLLECTION)


def test_pages_are_as_small_as_the_cloud_wants_them(
    chroma: Chroma, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert replace(chroma.place, host="api.trychroma.com").page == 300
    monkeypatch.setattr("neonblue.memory.vector_index.READ_BATCH", 3)
    index = VectorIndex(chroma.place, "m:1")
    names = [f"u{number}" for number in range(10)]
    index.upsert(COLLECTION, [embedded(name, "m:1") for name in names])
    assert sorted(index.hashes(COLLECTION)) == sorted(names)
    assert sorted(index.hashes_of(COLLECTION, names)) == sorted(names)
    assert sorted(index.get(COLLECTION, names)) == sorted(names)
    vector = np.asarray([0.6, 0.8], dtype=np.float32)
    assert sorted(index.similarities(COLLECTION, vector, names)) == sorted(names)


def test_data_has_one_name_for_all_who_share_it(store: Store) -> None:
    name = store.claims.deployment()
    assert len(name) == 12
    assert Store(store.database).claims.deployment() == name
