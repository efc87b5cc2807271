import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from neonblue.behavior.model_files import KEPT_VERSIONS, ModelFiles
from neonblue.errors import InvalidInputError, UnavailableError


def test_a_published_version_is_the_one_in_use(tmp_path: Path) -> None:
    files = ModelFiles(tmp_path)
    assert files.current("intent") is None
    for value in range(KEPT_VERSIONS + 2):
        files.publish("intent", {"weights": np.array([value])}, {"n": value})
    stored = ModelFiles(tmp_path).current("intent")
    assert stored is not None
    assert stored.arrays["weights"].tolist() == [KEPT_VERSIONS + 1]
    assert stored.name == f"intent-v{KEPT_VERSIONS + 2}"
    assert len(files.versions("intent")) == KEPT_VERSIONS


class Evil:
    """Runs code when unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("ran"),))  # type: ignore[return-value]


def test_a_file_from_elsewhere_cannot_run_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = ModelFiles(tmp_path / "models")
    files.publish("intent", {"weights": np.zeros(1)}, {})
    path = tmp_path / "models" / "intent" / "0001.npz"
    np.savez(path, weights=np.array([Evil()], dtype=object), allow_pickle=True)
    description = json.loads(path.with_suffix(".json").read_text())
    import hashlib

    description["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(description))
    with pytest.raises(UnavailableError, match="neonblue behavior train"):
        ModelFiles(tmp_path / "models").current("intent")
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(UnavailableError):
        ModelFiles(tmp_path / "models").current("intent")
    assert not (tmp_path / "ran").exists()


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    ModelFiles(tmp_path).publish("intent", {"weights": np.zeros(1)}, {})
    np.savez(tmp_path / "intent" / "0001.npz", weights=np.ones(1))
    with pytest.raises(UnavailableError, match="hash"):
        ModelFiles(tmp_path).current("intent")


def test_a_kind_is_a_plain_word(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        ModelFiles(tmp_path).current("../elsewhere")


@pytest.mark.parametrize("content", [b"", b"[]", b"\0" * 400, b"{" * 3000, b"null"])
@pytest.mark.parametrize("name", ["0001.npz", "0001.json", "CURRENT"])
def test_whatever_a_file_holds_the_model_is_left_out_and_made_anew(
    tmp_path: Path, name: str, content: bytes
) -> None:
    ModelFiles(tmp_path).publish("intent", {"weights": np.zeros(1)}, {})
    (tmp_path / "intent" / name).write_bytes(content)
    files = ModelFiles(tmp_path)
    with pytest.raises(UnavailableError, match="neonblue behavior train"):
        files.current("intent")
    assert files.usable("intent") is None
    files.publish("intent", {"weights": np.ones(1)}, {})
    stored = files.usable("intent")
    assert stored is not None
    assert stored.name == "intent-v2"


def test_a_folder_in_the_place_of_the_pointer_is_damage(tmp_path: Path) -> None:
    (tmp_path / "intent" / "CURRENT").mkdir(parents=True)
    assert ModelFiles(tmp_path).usable("intent") is None
