"""Vectors come from checked files, are unit rows in input order, and name their space."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neonblue.errors import InvalidInputError, UnavailableError
from neonblue.memory.embedding import Embedder, open_embedder
from neonblue.memory.minilm import MiniLM, ModelFiles, find_model


@pytest.fixture(scope="module")
def minilm() -> Embedder:
    return open_embedder()


def test_rows_are_unit_vectors_in_the_order_of_the_texts(minilm: Embedder) -> None:
    texts = ["a", "a much longer text about the checkout button " * 4, "", "a"]
    vectors = minilm.embed(texts)
    assert vectors.shape == (4, minilm.dimension) == (4, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(vectors[0], vectors[3], atol=1e-6)


def test_a_paraphrase_is_nearer_than_another_subject(minilm: Embedder) -> None:
    query, paraphrase, other = minilm.embed(
        ["lower prices on the plans page", "cheaper subscription tiers", "dark mode for the editor"]
    )
    assert query @ paraphrase > query @ other + 0.1


def test_a_text_has_the_same_vector_alone_and_in_a_batch(minilm: Embedder) -> None:
    texts = [f"{'word ' * (row % 17)}{row}" for row in range(70)]
    together = minilm.embed(texts)
    np.testing.assert_allclose(minilm.embed([texts[33]])[0], together[33], atol=1e-5)


def test_no_text_is_no_row(minilm: Embedder) -> None:
    assert minilm.embed([]).shape == (0, 384)


def test_a_very_long_text_is_cut_not_refused(minilm: Embedder) -> None:
    assert minilm.embed(["experiment " * 10_000]).shape == (1, 384)


def test_the_model_s_runtime_reports_to_nobody(tmp_path: Path) -> None:
    hushed = {"ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in hushed}
    script = "from neonblue.memory.embedding import open_embedder; open_embedder().embed(['text'])"
    subprocess.run(
        [sys.executable, "-c", script], env={**environment, "HOME": str(tmp_path)}, check=True
    )
    # It would keep a device id and what it has not sent yet there.
    assert list(tmp_path.rglob("*onnxruntime*")) == []


def test_a_changed_model_file_is_refused_before_it_is_run(tmp_path: Path) -> None:
    found = find_model()
    model = tmp_path / "model.onnx"
    model.write_bytes(found.model.read_bytes()[:-1] + b"x")
    changed = MiniLM(ModelFiles(model=model, tokenizer=found.tokenizer, pinned=True))
    with pytest.raises(UnavailableError, match="SHA-256"):
        changed.embed(["text"])


def test_a_configured_folder_has_its_own_fingerprint(tmp_path: Path) -> None:
    found = find_model()
    shutil.copy(found.model, tmp_path / "model.onnx")
    tokenizer = found.tokenizer.read_text() + "\n"
    (tmp_path / "tokenizer.json").write_text(tokenizer)
    own = open_embedder(model_path=tmp_path)
    assert own.fingerprint != open_embedder().fingerprint
    np.testing.assert_allclose(own.embed(["x"]), open_embedder().embed(["x"]), atol=1e-6)


def test_a_folder_without_a_model_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="NEONBLUE_EMBEDDING_MODEL_PATH"):
        open_embedder(model_path=tmp_path)


def test_openai_needs_a_key_and_a_model_it_knows() -> None:
    with pytest.raises(UnavailableError, match="OPENAI_API_KEY"):
        open_embedder("openai")
    with pytest.raises(InvalidInputError, match="text-embedding-3-small"):
        open_embedder("openai", openai_model="nope", openai_api_key="k")
